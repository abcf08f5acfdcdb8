"""Colour for who looks: right out of every format, and only while it is asked for."""

from __future__ import annotations

import logging
import sys
import threading
import time
from pathlib import Path

import cv2
import numpy as np
import pytest
from numpy.typing import NDArray
from picamera2_double import picamera2_modules

from mien.cameras.chroma import of_bgr, of_planes, of_yuyv, to_bgr
from mien.cameras.demo import DemoCamera, photograph
from mien.cameras.inbox import Inbox
from mien.cameras.looped import LoopedCamera
from mien.cameras.luma import expand_limited, from_bgr, from_yuyv
from mien.cameras.opening import open_source
from mien.cameras.oriented import oriented
from mien.cameras.picamera2 import PiCamera
from mien.cameras.settings import CameraSettings
from mien.cameras.v4l2 import to_chroma


@pytest.fixture(scope="module")
def picture() -> NDArray[np.uint8]:
    """Of an astronaut in orange before a flag, without detail that half-size chroma cannot hold: (240, 320, 3)."""
    whole = cv2.resize(cv2.imread(str(photograph())), (320, 240), interpolation=cv2.INTER_AREA)
    return np.asarray(cv2.GaussianBlur(whole, (0, 0), 2), np.uint8)


def difference(one: NDArray[np.uint8], other: NDArray[np.uint8]) -> float:
    return float(np.abs(one.astype(int) - other.astype(int)).mean())


def test_a_picture_taken_apart_and_put_together_is_the_picture(picture: NDArray[np.uint8]) -> None:
    assert difference(to_bgr(from_bgr(picture), of_bgr(picture)), picture) < 1.5
    grey = np.repeat(from_bgr(picture)[:, :, None], 3, axis=2)
    assert difference(grey, picture) > 10  # so that colour is what the line above saw


@pytest.mark.parametrize("form", ["YUV420", "YVU420", "NV12", "NV21"])
@pytest.mark.parametrize("limited", [True, False])
def test_chroma_out_of_padded_planes(form: str, limited: bool) -> None:
    cb = np.arange(12, dtype=np.uint8).reshape(3, 4) + 100
    cr = np.arange(12, dtype=np.uint8).reshape(3, 4) + 150
    buffer = np.full((9, 12), 77, np.uint8)  # six rows of luma, 8 of 12 bytes of each used; three of chroma
    first, second = (cr, cb) if form in ("YVU420", "NV21") else (cb, cr)
    if form.startswith("NV"):
        buffer[6:, 0:8:2], buffer[6:, 1:8:2] = first, second
    else:
        rows = buffer[6:].reshape(2, 3, 6)
        rows[0, :, :4], rows[1, :, :4] = first, second
    got = of_planes(buffer.reshape(-1), form, (8, 6), 12, limited_range=limited)
    exact = np.stack([cb, cr], 2).astype(float)
    if limited:
        exact = np.clip((exact - 128) * 255 / 224 + 128, 0, 255)
    assert got.shape == (3, 4, 2)
    assert np.abs(got - exact).max() <= 0.5
    buffer[:] = 0
    assert got.any()  # of its own: the camera has its buffer back by then


def test_the_ends_of_limited_chroma_are_those_of_full_range() -> None:
    packed = np.zeros((1, 6, 2), np.uint8)
    packed[0, :, 1] = [16, 240, 128, 128, 0, 255]
    assert of_yuyv(packed).tolist() == [[[0, 255], [128, 128], [0, 255]]]
    assert of_yuyv(packed, limited_range=False).tolist() == [[[16, 240], [128, 128], [0, 255]]]


def test_yuyv_has_the_colours_that_opencv_finds_in_it(picture: NDArray[np.uint8]) -> None:
    full = cv2.cvtColor(picture, cv2.COLOR_BGR2YCrCb).astype(float)
    packed = np.empty((240, 320, 2), np.uint8)
    packed[..., 0] = (full[..., 0] * 219 / 255 + 16).round()
    packed[:, 0::2, 1] = ((full[:, 0::2, 2] - 128) * 224 / 255 + 128).round()
    packed[:, 1::2, 1] = ((full[:, 0::2, 1] - 128) * 224 / 255 + 128).round()
    ours = to_bgr(from_yuyv(packed), to_chroma(packed.reshape(-1), 320, 240))
    assert difference(ours, np.asarray(cv2.cvtColor(packed, cv2.COLOR_YUV2BGR_YUYV), np.uint8)) < 1.5
    assert difference(ours, picture) < 2.5


def test_an_odd_picture_of_a_camera_that_sends_jpeg() -> None:
    picture = np.full((7, 5, 3), (30, 60, 200), np.uint8)
    chroma = to_chroma(picture, 5, 7)
    assert chroma.shape == (4, 3, 2)
    assert difference(to_bgr(from_bgr(picture), chroma), picture) < 1.5
    assert to_bgr(np.zeros((1, 1), np.uint8), of_bgr(np.zeros((1, 1, 3), np.uint8))).tolist() == [[[0, 0, 0]]]


def test_a_limited_picture_and_its_chroma_are_stretched_alike() -> None:
    luma = expand_limited(np.full((2, 2), 81, np.uint8))  # red, as BT.601 writes it in limited range
    chroma = of_yuyv(np.array([[[81, 90], [81, 240]]] * 2, np.uint8))
    assert np.abs(to_bgr(luma, chroma).astype(int) - [0, 0, 255]).max() <= 2


@pytest.mark.parametrize(
    "settings",
    [
        CameraSettings(),
        CameraSettings(rotation=90, mirror=True),
        CameraSettings(loop=True),
        CameraSettings(realtime=True),
        CameraSettings(loop=True, realtime=True, rotation=180),
    ],
)
def test_the_demo_is_in_colour_while_it_is_asked_for(settings: CameraSettings) -> None:
    with open_source("demo", settings) as camera:
        frames = camera.frames()
        first = next(frames)
        assert first.chroma is None
        camera.colour(True)
        second = next(frames)
        assert second.chroma is not None
        camera.colour(False)
        assert next(frames).chroma is None
    assert (second.chroma.shape[0] > second.chroma.shape[1]) == (second.luma.shape[0] > second.luma.shape[1])
    upright = DemoCamera(2)
    upright.colour(True)
    _, same = upright.frames()
    assert same.chroma is not None
    expected = to_bgr(same.luma, same.chroma)
    blue, _, red = expected.reshape(-1, 3).mean(axis=0)
    assert red > blue + 20  # the suit
    turned = oriented(expected, settings.rotation, settings.mirror)
    assert difference(to_bgr(second.luma, second.chroma), turned) < 0.5


def test_a_round_that_begins_anew_is_in_colour_still(tmp_path: Path) -> None:
    path = _video(tmp_path, (200, 40, 40))
    with open_source(path, CameraSettings(loop=True)) as camera:
        camera.colour(True)
        shown = [frame.chroma for frame, _ in zip(camera.frames(), range(7), strict=False)]
    assert all(chroma is not None for chroma in shown)


def test_a_video_is_in_colour_while_it_is_asked_for(tmp_path: Path) -> None:
    with open_source(_video(tmp_path, (200, 40, 40))) as camera:
        frames = camera.frames()
        assert next(frames).chroma is None
        camera.colour(True)
        frame = next(frames)
    assert frame.chroma is not None
    blue, green, red = to_bgr(frame.luma, frame.chroma).reshape(-1, 3).mean(axis=0)
    assert blue > 150
    assert max(green, red) < 80


@pytest.mark.parametrize("flips", [True, False])
@pytest.mark.parametrize(("rotation", "mirror"), [(0, False), (180, False), (0, True), (180, True)])
def test_a_cameras_colour_is_turned_as_its_luma_is(
    rotation: int, mirror: bool, flips: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    luma = np.arange(6000, dtype=np.uint16).reshape(60, 100).astype(np.uint8)
    colours = np.random.default_rng(0).integers(0, 256, (30, 50, 2), np.uint8)
    behaviour = {"picture": lambda h, w, n: luma, "colours": lambda h, w, n: colours, "flips": flips}
    for name, module in picamera2_modules(**behaviour).items():
        monkeypatch.setitem(sys.modules, name, module)
    with PiCamera(CameraSettings(rotation=rotation, mirror=mirror)) as camera:
        camera.colour(True)
        frame = next(frame for frame in camera.frames() if frame.chroma is not None)
    assert np.array_equal(frame.luma, oriented(luma, rotation, mirror))
    assert np.array_equal(frame.chroma, oriented(colours, rotation, mirror))


def test_colour_that_cannot_be_read_is_warned_of_once_and_the_luma_goes_on(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    for name, module in picamera2_modules(stride=127).items():  # no half of it is a row of chroma
        monkeypatch.setitem(sys.modules, name, module)
    with caplog.at_level(logging.WARNING, "mien.camera"), PiCamera() as camera:
        camera.colour(True)
        for frame, _ in zip(camera.frames(), range(20), strict=False):
            assert frame.chroma is None
        assert (camera.state, camera.restarts) == ("running", 0)
    assert [record.message.split(" (")[0] for record in caplog.records] == [
        "mien: the camera's colour cannot be read, so it stays grey"
    ]


def test_whoever_wants_colour_while_a_device_or_a_round_is_opened_gets_it() -> None:
    wanted = threading.Event()
    inbox = Inbox(threading.Condition(), coloured=wanted.is_set)
    chroma = np.zeros((1, 1, 2), np.uint8)
    assert inbox.colours(lambda: chroma) is None
    wanted.set()
    assert inbox.colours(lambda: chroma) is chroma

    asking: list[threading.Thread] = []

    class Asking(DemoCamera):
        """While it is opened, somebody comes to look."""

        def __init__(self) -> None:
            super().__init__(2)
            asking.append(threading.Thread(target=lambda: camera.colour(True)))
            asking[-1].start()
            time.sleep(0.1)  # in which it gets as far as it can

    camera = LoopedCamera(DemoCamera(2), Asking)
    frames = camera.frames()
    assert [next(frames).chroma is None for _ in range(2)] == [True, True]
    next(frames)
    asking[0].join()
    assert next(frames).chroma is not None
    camera.close()


def test_the_demos_luma_is_the_same_with_and_without_colour() -> None:
    grey, coloured = DemoCamera(12), DemoCamera(12)
    coloured.colour(True)
    for one, other in zip(grey.frames(), coloured.frames(), strict=True):
        assert np.array_equal(one.luma, other.luma)
        assert other.captured_at <= time.monotonic_ns()


def _video(folder: Path, colour: tuple[int, int, int]) -> Path:
    path = folder / "coloured.mp4"
    writer = cv2.VideoWriter(str(path), cv2.VideoWriter.fourcc(*"mp4v"), 10, (64, 48))
    for _ in range(4):
        writer.write(np.full((48, 64, 3), colour, np.uint8))
    writer.release()
    return path
