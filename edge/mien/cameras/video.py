"""A video file as a source. Nothing of it is dropped, and what is damaged in it is passed over and counted."""

from __future__ import annotations

import os
import threading
import time
from collections.abc import Iterator
from pathlib import Path

import cv2
import numpy as np
from numpy.typing import NDArray

from mien import contents
from mien.cameras import chroma
from mien.cameras.base import Camera
from mien.cameras.luma import from_bgr
from mien.cameras.timeline import Timeline
from mien.errors import MienError
from mien.frame import Frame
from mien.quiet import native_stderr_closed

MOST_FRAME_PIXELS = 36_000_000
"""Pixels of a frame that are decoded: 8192×4320. It takes 400 MB."""

_MOST_BYTES = 1 << 50  # of any file that is not endless
_RATES = (1e-3, 1e3)
_USUAL_RATE = 25.0
_MOST_FAILURES = 100
"""Reads in a row that fail before the recording is taken to be over; OpenCV tells neither end from damage."""


class VideoCamera(Camera):
    """A video file.

    Args:
        path: any container that OpenCV decodes.

    Raises:
        MienError: the file is no video, or its frames are too large.
    """

    def __init__(self, path: Path) -> None:
        # FFmpeg would write its own lines about a broken file before ours.
        os.environ.setdefault("OPENCV_FFMPEG_LOGLEVEL", "-8")
        contents.check(path, _MOST_BYTES)
        self._path = path
        with native_stderr_closed():
            # Absolute: FFmpeg takes a:b for a place that the protocol a leads to, such as tcp:HOST:PORT.
            self._capture = cv2.VideoCapture(str(path.absolute()), cv2.CAP_FFMPEG)
        self._turn = threading.Lock()  # released while it reads, OpenCV would crash
        self._closed = False
        if not self._capture.isOpened():
            raise MienError(f"{path}: neither a picture nor a video that OpenCV can decode; give JPEG, PNG or MP4")
        width, height = (self._capture.get(side) for side in (cv2.CAP_PROP_FRAME_WIDTH, cv2.CAP_PROP_FRAME_HEIGHT))
        if not width * height <= MOST_FRAME_PIXELS:
            self._capture.release()
            raise MienError(
                f"{path}: states frames of {width:.0f}×{height:.0f} pixels, {width * height / 1e6:.1f} million; at "
                f"most {MOST_FRAME_PIXELS / 1e6:g} million are read; convert it to a smaller one"
            )
        rate = self._capture.get(cv2.CAP_PROP_FPS)
        rate = rate if _RATES[0] <= rate <= _RATES[1] else _USUAL_RATE
        self.period_ns = round(1e9 / rate)
        self._timeline = Timeline(self.period_ns, self._capture.get(cv2.CAP_PROP_FRAME_COUNT))
        self.description = f"video {path}, {rate:g} frames/s"

    def frames(self) -> Iterator[Frame]:
        """Every frame that can be decoded; a gap in `sequence` is one that could not. See `Camera.frames`."""
        failures = count = 0
        while failures <= _MOST_FAILURES:
            with self._turn:
                if self._closed:
                    return
                picture = self._next()
                stamp = self._capture.get(cv2.CAP_PROP_POS_MSEC)
            if picture is None:
                failures += 1
                continue
            sequence, at = self._timeline.place(stamp, failures)
            self.damaged = self._timeline.missing
            failures = 0
            count += 1
            # FFmpeg has already expanded limited range on the way to BGR.
            colours = chroma.of_bgr(picture) if self._coloured else None
            yield Frame(from_bgr(picture), time.monotonic_ns(), sequence, str(self._path), at, colours)
        self._timeline.end()
        self.damaged = self._timeline.missing
        if not count:
            raise MienError(f"{self._path}: holds no frame that can be decoded; convert it to MP4 first")

    def _next(self) -> NDArray[np.uint8] | None:
        """The next frame, uint8 (H, W, 3); None for one that is damaged or larger than it may be, and at the end."""
        good, picture = self._capture.read()
        if (
            not good
            or picture is None
            or picture.ndim != 3
            or not 0 < picture.shape[0] * picture.shape[1] <= MOST_FRAME_PIXELS
        ):
            return None
        return np.asarray(picture, dtype=np.uint8)

    def close(self) -> None:
        """End `frames`; see `Camera.close`."""
        self._closed = True
        with self._turn:
            self._capture.release()
