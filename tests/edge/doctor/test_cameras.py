"""Each way in which a camera can be absent, hidden, shut or busy is told apart, with what mends it."""

from __future__ import annotations

import errno
import struct
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import NoReturn

import pytest
from doctor_trees import BOARD, hold, lay

from mien import doctor, machine
from mien.cameras.capabilities import Device, described
from mien.doctor import cameras
from mien.doctor.check import Check

PACKAGES = "usr/lib/python3/dist-packages"
SYSTEM: dict[str, str | None] = {
    "proc/device-tree/model": BOARD,
    f"{PACKAGES}/picamera2": None,
    f"{PACKAGES}/libcamera": None,
    f"{PACKAGES}/numpy-1.24.2.egg-info": "",
    "dev/media0": "",
    "dev/dma_heap/linux,cma": "",
}
WEBCAM = Device("HD Webcam", True, ("YUYV", "MJPG"))


def lacking(name: str) -> Callable[[], NoReturn]:
    def raise_() -> NoReturn:
        raise ModuleNotFoundError(f"No module named {name!r}", name=name)

    return raise_


def found(
    root: Path,
    *,
    shut: tuple[str, ...] = (),
    ask: Callable[[Path], Device] = lambda _: WEBCAM,
    listed: Callable[[], tuple[str, ...]] | None = None,
) -> dict[str, Check]:
    checks = cameras.examine(root, shut=lambda path: path.name in shut, ask=ask, listed=listed or lacking("picamera2"))
    return {check.name: check for check in checks}


@pytest.fixture
def numpy_1(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(machine, "versions", lambda: {"numpy": "1.26.4"})


def test_no_camera_at_all_is_told_and_lets_mien_run(tmp_path: Path) -> None:
    checks = found(tmp_path)
    assert checks.keys() == {"camera"}
    assert (checks["camera"].ok, checks["camera"].required) == (False, False)
    assert doctor.runnable(tuple(checks.values()))


def test_a_camera_that_is_there_is_named(tmp_path: Path, numpy_1: None) -> None:
    check = found(lay(tmp_path, SYSTEM), listed=lambda: ("imx708",))["camera picamera2"]
    assert (check.ok, check.detail, check.remedy) == (True, "imx708; --frame tries it", "")


@pytest.mark.usefixtures("numpy_1")
@pytest.mark.parametrize("hidden", ["libcamera", "picamera2"])
def test_an_environment_without_the_systems_packages_is_told_with_the_command(hidden: str, tmp_path: Path) -> None:
    check = found(lay(tmp_path, SYSTEM), listed=lacking(hidden))["camera picamera2"]
    assert (check.ok, check.required) == (False, True)
    assert f"{hidden} is installed, but hidden" in check.detail
    assert "--system-site-packages" in check.detail
    assert check.remedy.startswith("sed -i 's/^include-system-site-packages.*/")
    assert check.remedy.endswith(f"{sys.prefix}/pyvenv.cfg")


def test_no_libcamera_is_told(tmp_path: Path, numpy_1: None) -> None:
    lay(tmp_path, SYSTEM)
    (tmp_path / PACKAGES / "libcamera").rmdir()
    check = found(tmp_path, listed=lacking("libcamera"))["camera picamera2"]
    assert (check.ok, check.required) == (False, True)
    assert check.detail == "picamera2 needs libcamera, which is not installed"
    assert "sudo apt install" in check.remedy


def test_a_board_without_picamera2_may_have_a_usb_camera(tmp_path: Path) -> None:
    check = found(lay(tmp_path, {"proc/device-tree/model": BOARD}))["picamera2"]
    assert (check.ok, check.required, check.detail) == (False, False, "picamera2 is not installed")
    assert "python3-picamera2" in check.remedy


@pytest.mark.parametrize(
    ("system", "ours", "ok", "wanted"),
    [
        ("1.24.2", "2.2.6", False, "install 'numpy<2' 'opencv-python-headless<4.12'"),
        ("1.24.2", "1.26.4", True, ""),
        ("2.2.4", "1.26.4", False, "install 'numpy>=2'"),
    ],
)
def test_another_numpy_than_the_systems_picamera2_was_built_for_is_told(
    system: str, ours: str, ok: bool, wanted: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(machine, "versions", lambda: {"numpy": ours})
    lay(tmp_path, {f"{PACKAGES}/picamera2": None, f"{PACKAGES}/numpy-{system}.dist-info": None})
    check = found(tmp_path, listed=lambda: ())["numpy pairing"]
    assert (check.ok, check.required) == (ok, True)
    assert f"{ours} here, {system} under the system's picamera2" in check.detail
    assert check.remedy.endswith(wanted)


def test_what_importing_picamera2_says_is_kept_and_a_clash_points_to_the_pairing(tmp_path: Path, numpy_1: None) -> None:
    def clash() -> NoReturn:
        raise ValueError("numpy.dtype size changed, may indicate binary incompatibility. Expected 96, got 88")

    def broken() -> NoReturn:
        raise OSError("libcamera.so.0.4: cannot open shared object file")

    lay(tmp_path, SYSTEM)
    check = found(tmp_path, listed=clash)["camera picamera2"]
    assert "numpy.dtype size changed" in check.detail
    assert check.remedy == "see numpy pairing"
    check = found(tmp_path, listed=broken)["camera picamera2"]
    assert "libcamera.so.0.4" in check.detail
    assert check.remedy.endswith("--reinstall")


@pytest.mark.usefixtures("numpy_1")
@pytest.mark.parametrize("node", ["media0", "linux,cma"])
def test_a_node_that_this_user_may_not_open_is_named_with_its_group(node: str, tmp_path: Path) -> None:
    check = found(lay(tmp_path, SYSTEM), shut=(node,), listed=lambda: ("imx708",))["camera picamera2"]
    assert (check.ok, check.required) == (False, True)
    assert f"{node}: this user may not open it" in check.detail
    assert "usermod -aG video" in check.remedy


def test_no_dma_heap_and_no_camera_on_the_cable_are_told_apart(tmp_path: Path, numpy_1: None) -> None:
    lay(tmp_path, {name: text for name, text in SYSTEM.items() if "dma_heap" not in name})
    check = found(tmp_path, listed=lambda: ("imx708",))["camera picamera2"]
    assert (check.ok, check.required) == (False, True)
    assert "there is no /dev/dma_heap" in check.detail
    checks = found(tmp_path, listed=lambda: ())
    assert checks["picamera2"].detail == "libcamera lists no camera on the ribbon cable"
    assert not checks["picamera2"].required
    assert not checks["camera"].ok


def test_who_holds_a_busy_camera_is_named(tmp_path: Path, numpy_1: None) -> None:
    lay(tmp_path, SYSTEM)
    hold(tmp_path, 812, "rpicam-hello", "/dev/media0")
    check = found(tmp_path, listed=lambda: ("imx708",))["camera picamera2"]
    assert (check.ok, check.required) == (False, True)
    assert check.detail == "imx708, held by rpicam-hello (process 812)"
    assert check.remedy == "end it: kill 812"


def test_whoever_has_locked_a_camera_is_named_also_where_its_files_may_not_be_seen(
    tmp_path: Path, numpy_1: None
) -> None:
    lay(tmp_path, SYSTEM)
    node = tmp_path / "dev/media0"
    program = "import fcntl, sys; f = open(sys.argv[1], 'r+b'); fcntl.lockf(f, fcntl.LOCK_EX); print(1, flush=True)"
    with subprocess.Popen(
        [sys.executable, "-c", f"{program}; sys.stdin.read()", str(node)],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
    ) as other:
        assert other.stdout is not None
        assert other.stdout.readline() == b"1\n"
        hold(tmp_path, other.pid, "rpicam-hello", "/dev/null")  # /proc says of it no more than its name
        check = found(tmp_path, listed=lambda: ("imx708",))["camera picamera2"]
        assert not check.ok
        assert check.detail == f"imx708, held by rpicam-hello (process {other.pid})"
        assert other.stdin is not None
        other.stdin.close()
    assert found(tmp_path, listed=lambda: ("imx708",))["camera picamera2"].ok


def test_a_usb_camera_tells_its_name_and_formats_and_its_other_node_is_passed_over(tmp_path: Path) -> None:
    lay(tmp_path, {"dev/video0": "", "dev/video1": ""})
    checks = found(tmp_path, ask=lambda path: WEBCAM if path.name == "video0" else Device("HD Webcam", False, ()))
    assert checks.keys() == {"camera v4l2:0"}
    assert (checks["camera v4l2:0"].ok, checks["camera v4l2:0"].detail) == (
        True,
        "HD Webcam (YUYV, MJPG); --frame tries it",
    )


def test_a_usb_camera_without_permission_unplugged_or_held_is_told_apart(tmp_path: Path) -> None:
    def gone(_: Path) -> NoReturn:
        raise OSError(errno.ENODEV, "gone")

    lay(tmp_path, {"dev/video0": ""})
    check = found(tmp_path, shut=("video0",))["camera v4l2:0"]
    assert (check.ok, check.required, check.detail) == (False, True, "/dev/video0: this user may not open it")
    assert "usermod -aG video" in check.remedy
    check = found(tmp_path, ask=gone)["camera v4l2:0"]
    assert (check.ok, check.required, check.detail) == (False, True, "/dev/video0: does not answer (No such device)")
    hold(tmp_path, 40, "wireplumber", "/dev/video0")  # which only looks
    assert found(tmp_path)["camera v4l2:0"].ok
    hold(tmp_path, 41, "mien", "/dev/video0")
    check = found(tmp_path)["camera v4l2:0"]
    assert (check.ok, check.detail) == (True, "HD Webcam (YUYV, MJPG), in use by mien (process 41)")
    hold(tmp_path, 333, "cheese", "/dev/video0")
    check = found(tmp_path)["camera v4l2:0"]
    assert (check.ok, check.required) == (False, True)
    assert "held by mien (process 41), cheese (process 333)" in check.detail


def test_a_real_file_in_place_of_a_device_is_no_camera(tmp_path: Path) -> None:
    lay(tmp_path, {"dev/video0": "not a device"})
    checks = cameras.examine(tmp_path, listed=lacking("picamera2"))
    assert [check.name for check in checks] == ["camera"]


def test_a_drivers_answers_are_read_as_linux_lays_them_out() -> None:
    def driver(request: int, buffer: bytearray) -> None:
        if request == 0x80685600:  # VIDIOC_QUERYCAP
            # driver, card, bus, version, capabilities (with DEVICE_CAPS), device_caps: capture and streaming
            struct.pack_into("=16s32s32sIII", buffer, 0, b"uvcvideo", b"HD Webcam", b"usb", 0, 0x84A00001, 0x04200001)
        elif buffer[0] < 2:
            struct.pack_into("=4s", buffer, 44, (b"YUYV", b"MJPG")[buffer[0]])
        else:
            raise OSError(errno.EINVAL, "no more")

    assert described(driver) == WEBCAM
