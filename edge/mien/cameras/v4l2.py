"""USB cameras through Video4Linux: raw YUYV where the camera grants it, so that luma is a slice."""

from __future__ import annotations

import threading
import time
from collections.abc import Iterator
from pathlib import Path

import cv2
import numpy as np
from numpy.typing import NDArray

from mien.cameras import luma
from mien.cameras.base import Camera, exposure_time
from mien.cameras.settings import CameraSettings
from mien.errors import MienError
from mien.frame import Frame

_NOT_CAMERAS = ("bcm2835-", "pispbe", "rpi-", "rp1-", "unicam")
"""Names of the Pi's own codec, ISP and CSI nodes, which Video4Linux alone cannot use as cameras."""


def devices(root: Path = Path("/")) -> tuple[int, ...]:
    """Numbers of the /dev/video* that may be cameras, in order.

    Args:
        root: of the file system.
    """
    numbers = (path.name.removeprefix("video") for path in (root / "dev").glob("video*"))
    return tuple(n for n in sorted(int(n) for n in numbers if n.isdigit()) if not _is_internal(root, n))


def _is_internal(root: Path, number: int) -> bool:
    try:
        name = (root / f"sys/class/video4linux/video{number}/name").read_text(encoding="utf-8")
    except OSError:
        return False
    return name.startswith(_NOT_CAMERAS)


def to_luma(picture: NDArray[np.uint8], width: int, height: int) -> NDArray[np.uint8] | None:
    """Full-range luma of what OpenCV hands over, or None where it is neither YUYV nor BGR.

    Args:
        picture: uint8, YUYV as (H, W, 2) or flat with 2·H·W values, limited range; or BGR (H, W, 3),
            full range.
        width, height: of the picture in pixels.

    Returns:
        uint8 (H, W).
    """
    if picture.shape == (height, width, 3):
        return luma.from_bgr(picture)
    if picture.size == 2 * width * height:
        return luma.from_yuyv(picture.reshape(height, width, 2))
    return None


class V4L2Camera(Camera):
    """A Video4Linux capture device.

    Args:
        number: N of /dev/videoN.
        settings: size and rate; the defaults if None. Its number does not count.
        restarts: attempts to open the device again after it stops giving frames.
        pause: seconds before each of them.

    Raises:
        MienError: there is no such device, or it gives no usable frames.
    """

    live = True

    def __init__(
        self, number: int, settings: CameraSettings | None = None, restarts: int = 3, pause: float = 1.0
    ) -> None:
        self._path = f"/dev/video{number}"
        if not Path(self._path).exists():
            raise MienError(f"{self._path}: no such camera; present are {_names(devices()) or 'none'}")
        self._number, self._wanted = number, settings or CameraSettings()
        self._restarts, self._pause = restarts, pause
        # OpenCV crashes when a capture is released during a read: this lock keeps `close` out of it.
        self._device = threading.Lock()
        self._closed = False
        self._capture = self._opened()

    def _opened(self) -> cv2.VideoCapture:
        capture = cv2.VideoCapture(self._number, cv2.CAP_V4L2)
        if not capture.isOpened():
            raise MienError(f"{self._path}: cannot be opened as a camera; is it in use, or not a capture device?")
        capture.set(cv2.CAP_PROP_FOURCC, cv2.VideoWriter.fourcc(*"YUYV"))
        capture.set(cv2.CAP_PROP_FRAME_WIDTH, self._wanted.width)
        capture.set(cv2.CAP_PROP_FRAME_HEIGHT, self._wanted.height)
        if self._wanted.rate:
            capture.set(cv2.CAP_PROP_FPS, self._wanted.rate)
        capture.set(cv2.CAP_PROP_BUFFERSIZE, 1)  # a queue in the driver would only make frames older
        # Raw only if YUYV was granted: a raw MJPEG frame would be compressed bytes.
        raw = int(capture.get(cv2.CAP_PROP_FOURCC)) == cv2.VideoWriter.fourcc(*"YUYV")
        capture.set(cv2.CAP_PROP_CONVERT_RGB, 0 if raw else 1)
        self._size = (int(capture.get(cv2.CAP_PROP_FRAME_WIDTH)), int(capture.get(cv2.CAP_PROP_FRAME_HEIGHT)))
        kind = "YUYV" if raw else "BGR"
        self.description = f"v4l2 {self._path}, {self._size[0]}x{self._size[1]} {kind}"
        return capture

    def frames(self) -> Iterator[Frame]:
        """Frames as they come; see `Camera.frames`."""
        sequence = failures = 0
        while True:
            with self._device:
                if self._closed:
                    return
                good, picture = self._capture.read()
                now = time.monotonic_ns()
                stamp = int(self._capture.get(cv2.CAP_PROP_POS_MSEC) * 1e6)
            if not good:
                if failures == self._restarts:
                    raise MienError(f"{self._path}: gives no frames after {failures} restarts; check its cable")
                failures += 1
                self._reopen(last=failures == self._restarts)
                continue
            failures = 0
            plane = to_luma(np.asarray(picture, dtype=np.uint8), *self._size)
            if plane is None:
                raise MienError(f"{self._path}: gives {picture.shape} pictures, neither YUYV nor BGR; try another mode")
            yield Frame(plane, exposure_time(stamp, now), sequence)
            sequence += 1

    def _reopen(self, last: bool) -> None:
        """Open the device again, after a while in which a re-plugged one comes back.

        Raises:
            MienError: it cannot be opened, and this was the last attempt.
        """
        time.sleep(self._pause)
        with self._device:
            if self._closed:
                return
            self._capture.release()
            try:
                self._capture = self._opened()
            except MienError:
                if last:
                    raise

    def close(self) -> None:
        """Release the device once the read under way has ended; see `Camera.close`."""
        self._closed = True
        with self._device:
            self._capture.release()


def _names(numbers: tuple[int, ...]) -> str:
    return ", ".join(f"/dev/video{number}" for number in numbers)
