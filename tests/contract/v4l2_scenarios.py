"""What a USB camera does and mien then: each scenario runs by name, in a process where the double is loaded."""

from __future__ import annotations

import logging
import os
import re
import signal
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import cv2
import numpy as np
import pytest
from numpy.typing import NDArray

from mien.cameras.luma import expand_limited
from mien.cameras.settings import CameraSettings
from mien.cameras.v4l2 import V4L2Camera
from mien.errors import MienError
from mien.frame import Frame

WIDTH, HEIGHT = 320, 240
MODE = Path(os.environ["V4L2_DOUBLE"])
LIMITS = {"stall": 0.4, "first": 1.0, "pause": 0.05}


class Log(logging.Handler):
    """What the logger of cameras said."""

    def __init__(self) -> None:
        super().__init__()
        self.lines: list[str] = []

    def emit(self, record: logging.LogRecord) -> None:
        self.lines.append(record.getMessage())


def behave(mode: str) -> None:
    """From now on: g good, e EIO, s silent, z empty buffers, u unplugged, b busy, p no permission."""
    with MODE.open("r+b") as file:  # in place: the double has it mapped
        file.write(mode.encode())


def camera(recover: float = 20.0) -> V4L2Camera:
    return V4L2Camera(0, CameraSettings(width=WIDTH, height=HEIGHT, recover_seconds=recover), **LIMITS)


def shown(number: int) -> NDArray[np.uint8]:
    """Luma of frame `number`, limited range, uint8 (240, 320)."""
    return np.tile((16 + (np.arange(WIDTH) + number) % 220).astype(np.uint8), (HEIGHT, 1))


def number_of(frame: Frame) -> int:
    """Of a YUYV frame; every one of the 220 rows that can be is tried, and one must fit bit for bit."""
    (number,) = [n for n in range(220) if np.array_equal(frame.luma, expand_limited(shown(n)))]
    return number


def some(frames: Iterator[Frame], count: int) -> list[Frame]:
    got = [frame for frame, _ in zip(frames, range(count), strict=False)]
    assert len(got) == count
    return got


def yuyv_comes_bit_for_bit_with_the_drivers_time_stamps() -> None:
    with camera() as usb:
        assert usb.description == "v4l2 /dev/video0, 320x240 YUYV"
        frames = some(usb.frames(), 20)
    numbers = [number_of(frame) for frame in frames]
    assert numbers == sorted(numbers)
    assert len(set(numbers)) == 20
    assert all(0 <= time.monotonic_ns() - frame.captured_at < 5e9 for frame in frames)


def colour_comes_while_it_is_asked_for() -> None:
    with camera() as usb:
        frames = usb.frames()
        assert next(frames).chroma is None
        usb.colour(True)
        (red,) = some((frame for frame in frames if frame.chroma is not None), 1)
        usb.colour(False)
        (grey,) = some((frame for frame in frames if frame.chroma is None), 1)
    assert red.chroma is not None
    # 90 and 240 of 16 to 240 about 128.
    assert np.array_equal(red.chroma, np.full((HEIGHT, WIDTH // 2, 2), (85, 255), np.uint8))
    assert grey.sequence > red.sequence


def mjpeg_is_decoded_where_no_yuyv_is_granted() -> None:
    with camera() as usb:
        assert usb.description.endswith("BGR")
        (frame,) = some(usb.frames(), 1)
    picture = cv2.imread(os.environ["V4L2_JPEG"], cv2.IMREAD_GRAYSCALE)
    assert np.abs(frame.luma.astype(int) - picture).max() <= 3  # by way of colours, which are rounded


def an_empty_mjpeg_buffer_is_counted_and_passed_over() -> None:
    with camera() as usb:
        frames = usb.frames()
        some(frames, 3)
        behave("z")
        time.sleep(0.1)
        behave("g")
        some(frames, 3)
        assert usb.damaged >= 3
        assert (usb.state, usb.restarts) == ("running", 0)


def unplugged_and_plugged_in_again_it_goes_on(log: Log) -> None:
    with camera() as usb:
        frames = usb.frames()
        before = some(frames, 3)
        behave("u")
        signal.signal(signal.SIGALRM, lambda *_: behave("g"))
        signal.setitimer(signal.ITIMER_REAL, 3.0)
        after = some(frames, 10)  # the first of them may have been waiting
        assert usb.state == "running"
        assert usb.restarts >= 2
    stamps = [frame.captured_at for frame in (*before, *after)]
    assert 2.8 < max(np.diff(stamps)) / 1e9 < 8
    assert len({frame.sequence for frame in (*before, *after)}) == 13
    assert "gives no frames; opening it" in log.lines[0]
    assert any("no such camera" in line for line in log.lines)
    assert re.search(r"runs again after \d\.\d s, attempt", log.lines[-1])


def unplugged_for_good_it_ends_with_its_cause() -> None:
    with camera(recover=1.5) as usb:
        frames = usb.frames()
        some(frames, 1)
        behave("u")
        began = time.monotonic()
        with pytest.raises(MienError) as caught:
            some(frames, 20)
        assert "/dev/video0: no such camera" in str(caught.value)
        assert time.monotonic() - began < 5
        assert usb.state == "failed"


def an_io_error_that_ends_is_recovered(log: Log) -> None:
    with camera() as usb:
        frames = usb.frames()
        some(frames, 3)
        behave("e")
        signal.signal(signal.SIGALRM, lambda *_: behave("g"))
        signal.setitimer(signal.ITIMER_REAL, 2.0)
        some(frames, 30)
        assert usb.state == "running"
    assert "opening it" in log.lines[0]


def an_io_error_for_good_ends_within_the_limit_and_names_the_read(log: Log) -> None:
    usb = camera(recover=2.0)
    frames = usb.frames()
    some(frames, 1)
    behave("e")
    began = time.monotonic()
    with pytest.raises(MienError) as caught:
        some(frames, 500)
    assert "reading /dev/video0 has not returned" in str(caught.value)
    assert time.monotonic() - began < 5
    usb.close()
    assert time.monotonic() - began < 5.5


def a_read_that_hangs_does_not_keep_close_waiting(log: Log) -> None:
    usb = camera()
    some(usb.frames(), 1)
    behave("e")
    time.sleep(0.1)
    began = time.monotonic()
    usb.close()
    assert time.monotonic() - began < 4
    assert log.lines == ["mien: v4l2 /dev/video0: reading /dev/video0 has not returned for 3 s; left behind"]


def a_silent_camera_is_opened_again_and_closed_in_time(log: Log) -> None:
    with camera() as usb:
        frames = usb.frames()
        some(frames, 3)
        behave("s")
        signal.signal(signal.SIGALRM, lambda *_: behave("g"))
        signal.setitimer(signal.ITIMER_REAL, 3.5)
        some(frames, 10)
        assert usb.restarts >= 1
        behave("s")
        time.sleep(0.1)
        began = time.monotonic()
    assert time.monotonic() - began < 2.5
    assert "no frame for 0.4 s; opening it" in log.lines[0]
    assert not [line for line in log.lines if "left behind" in line]


def a_busy_camera_says_so() -> None:
    behave("b")
    refused("Device or resource busy); another program uses it")


def a_camera_closed_to_us_says_so() -> None:
    behave("p")
    refused("Permission denied); add the user to the group video")


def refused(message: str) -> None:
    with pytest.raises(MienError) as caught:
        camera()
    assert message in str(caught.value)


SCENARIOS = (
    yuyv_comes_bit_for_bit_with_the_drivers_time_stamps,
    colour_comes_while_it_is_asked_for,
    mjpeg_is_decoded_where_no_yuyv_is_granted,
    an_empty_mjpeg_buffer_is_counted_and_passed_over,
    unplugged_and_plugged_in_again_it_goes_on,
    unplugged_for_good_it_ends_with_its_cause,
    an_io_error_that_ends_is_recovered,
    an_io_error_for_good_ends_within_the_limit_and_names_the_read,
    a_read_that_hangs_does_not_keep_close_waiting,
    a_silent_camera_is_opened_again_and_closed_in_time,
    a_busy_camera_says_so,
    a_camera_closed_to_us_says_so,
)

if __name__ == "__main__":
    (chosen,) = [scenario for scenario in SCENARIOS if scenario.__name__ == sys.argv[1]]
    said = Log()
    logging.getLogger("mien.camera").addHandler(said)
    chosen(said) if chosen.__code__.co_argcount else chosen()  # type: ignore[call-arg]
    sys.stdout.write("held\n")
