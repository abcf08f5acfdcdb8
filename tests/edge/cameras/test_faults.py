from __future__ import annotations

import errno
import importlib
import itertools
import os
import sys
from pathlib import Path

import pytest
from picamera2_double import picamera2_modules

from mien.cameras import faults
from mien.cameras.picamera2 import PiCamera
from mien.cameras.v4l2 import V4L2Camera
from mien.errors import MienError

CLASH = "numpy.dtype size changed, may indicate binary incompatibility. Expected 96 from C header, got 88 from PyObject"


def raised(*chain: Exception) -> Exception:
    """The first error, raised from the second, and so on."""
    for error, cause in itertools.pairwise(chain):
        error.__cause__ = cause
    return chain[0]


def test_a_numpy_clash_names_the_constraint_file_and_the_numpys_words() -> None:
    for error in (ValueError(CLASH), raised(ImportError("cannot import name 'simplejpeg'"), ValueError(CLASH))):
        said = faults.not_importable("picamera2", error, "/usr")
        assert "numpy.dtype size changed" in said
        assert "-c bookworm.txt" in said
        assert "apt" not in said


def test_an_environment_that_hides_the_systems_packages_is_told_apart_from_packages_that_are_not_there(
    tmp_path: Path,
) -> None:
    absent = ModuleNotFoundError("No module named 'libcamera'", name="libcamera")
    assert "sudo apt install python3-libcamera" in faults.not_importable("libcamera", absent, str(tmp_path))
    (tmp_path / "pyvenv.cfg").write_text("home = /usr/bin\ninclude-system-site-packages = true\n")
    assert "sudo apt install python3-libcamera" in faults.not_importable("libcamera", absent, str(tmp_path))
    (tmp_path / "pyvenv.cfg").write_text("home = /usr/bin\ninclude-system-site-packages = false\n")
    said = faults.not_importable("libcamera", absent, str(tmp_path), tmp_path)
    assert said.startswith("libcamera is not installed")  # nor would it be seen if it were
    assert "--system-site-packages" in said
    (tmp_path / faults.PACKAGES / "libcamera").mkdir(parents=True)
    said = faults.not_importable("libcamera", absent, str(tmp_path), tmp_path)
    assert said.startswith("libcamera is not visible here")
    assert "--system-site-packages" in said


def test_a_library_that_picamera2_lacks_is_the_one_that_is_named() -> None:
    said = faults.not_importable(
        "picamera2", ModuleNotFoundError("No module named 'simplejpeg'", name="simplejpeg"), "/"
    )
    assert said.startswith("simplejpeg is not installed")
    assert "mien[" not in said


def test_a_library_that_is_there_but_broken_keeps_its_cause() -> None:
    said = faults.not_importable("libcamera", ImportError("libcamera.so.0.4: cannot open shared object file"), "/usr")
    assert "libcamera.so.0.4: cannot open shared object file" in said


@pytest.mark.parametrize(
    ("cause", "remedy"),
    [
        (RuntimeError("Failed to acquire camera: Device or resource busy"), "another program uses it"),
        (RuntimeError("Failed to acquire camera: Permission denied"), "group video"),
        (OSError(errno.EACCES, "Permission denied"), "group video"),
        (RuntimeError("Failed to load IPA module"), "mien doctor"),
    ],
)
def test_what_libcamera_says_stays_in_the_message_with_the_remedy_for_it(
    monkeypatch: pytest.MonkeyPatch, cause: Exception, remedy: str
) -> None:
    for name, module in picamera2_modules(opening=cause).items():
        monkeypatch.setitem(sys.modules, name, module)
    with pytest.raises(MienError) as caught:
        PiCamera()
    assert str(cause) in str(caught.value)
    assert remedy in str(caught.value)
    assert ("another program" in str(caught.value)) == (remedy == "another program uses it")


def test_a_dma_heap_that_is_missing_is_not_one_that_is_closed_to_us(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    error = raised(RuntimeError("sequence did not complete."), RuntimeError("Could not open any dmaHeap device"))
    assert "there is no DMA heap in /dev/dma_heap" in faults.not_opened(error, tmp_path)
    (tmp_path / "dev/dma_heap").mkdir(parents=True)
    (tmp_path / "dev/dma_heap/linux,cma").touch()
    monkeypatch.setattr(os, "access", lambda *_: False)
    said = faults.not_opened(error, tmp_path)
    assert "linux,cma cannot be opened (Permission denied)" in said
    assert "usermod -aG video" in said


def test_no_camera_listed_is_the_cable_unless_the_kernels_nodes_are_closed_to_us(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "dev").mkdir()
    (tmp_path / "dev/media0").touch()
    assert "ribbon cable" in faults.none_listed(tmp_path)
    monkeypatch.setattr(os, "access", lambda *_: False)
    said = faults.none_listed(tmp_path)
    assert "media0 cannot be opened (Permission denied)" in said
    assert "group video" in said


@pytest.mark.parametrize(
    ("number", "remedy"),
    [
        (errno.EBUSY, "another program uses it"),
        (errno.EACCES, "group video"),
        (errno.ENODEV, "plug it in"),
        (errno.ENOTTY, "is it a capture device?"),
    ],
)
def test_a_usb_cameras_message_is_the_kernels_answer(monkeypatch: pytest.MonkeyPatch, number: int, remedy: str) -> None:
    module = importlib.import_module("mien.cameras.v4l2")

    def refused(*_: object) -> int:
        raise OSError(number, os.strerror(number))

    monkeypatch.setattr(module.os, "open", refused)
    with pytest.raises(MienError) as caught:
        V4L2Camera(0)
    assert str(caught.value).startswith(f"/dev/video0: cannot be opened as a camera ({os.strerror(number)}); ")
    assert remedy in str(caught.value)
