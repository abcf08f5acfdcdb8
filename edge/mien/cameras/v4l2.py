"""USB cameras through Video4Linux: raw YUYV where the camera grants it, so that luma is a slice."""

from __future__ import annotations

import fcntl
import os
import struct
import threading
import time
from pathlib import Path

import cv2
import numpy as np
from numpy.typing import NDArray

from mien.cameras import capabilities, chroma, faults, luma
from mien.cameras.base import exposure_time
from mien.cameras.inbox import Inbox
from mien.cameras.live import LiveCamera
from mien.cameras.settings import CameraSettings
from mien.errors import MienError

# VIDIOC_G_FMT and VIDIOC_S_FMT of a struct v4l2_format: 208 bytes on every 64-bit system.
_CAPTURE, _FORMAT_BYTES = 1, 208
_GET_FORMAT = 0xC0000000 | _FORMAT_BYTES << 16 | ord("V") << 8 | 4
_SET_FORMAT = _GET_FORMAT + 1

_SELECT_SECONDS = 2
_SILENCE_NS = 1_000_000_000

_NOT_CAMERAS = ("bcm2835-", "pispbe", "rpi-", "rp1-", "unicam")
"""Names of the Pi's own codec, ISP and CSI nodes, which Video4Linux alone cannot use as cameras."""


def devices(root: Path = Path("/")) -> tuple[int, ...]:
    """Numbers of the /dev/video* that are not the Pi's own, in order.

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


def cameras() -> tuple[int, ...]:
    """Numbers of the `devices` that capture, in order; a camera's second one, for its metadata, and a decoder's do not.

    Those that cannot be asked are among them, so that whoever opens one is told why.
    """
    return tuple(number for number in devices() if _may_capture(Path(f"/dev/video{number}")))


def _may_capture(path: Path) -> bool:
    try:
        return capabilities.ask(path).captures
    except OSError:
        return True


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


def to_chroma(picture: NDArray[np.uint8], width: int, height: int) -> NDArray[np.uint8]:
    """Chroma, as in `Frame`, of a picture that `to_luma` reads."""
    if picture.shape == (height, width, 3):
        return chroma.of_bgr(picture)
    return chroma.of_yuyv(picture.reshape(height, width, 2))


class V4L2Camera(LiveCamera):
    """A Video4Linux capture device.

    Args:
        number: N of /dev/videoN.
        settings: size, rate and time to recover; the defaults if None. Its number does not count.
        limits: of `LiveCamera`, by name.

    Raises:
        MienError: there is no such device, or it cannot be opened; with the cause.
    """

    def __init__(self, number: int, settings: CameraSettings | None = None, **limits: float) -> None:
        wanted = settings or CameraSettings()
        super().__init__(lambda inbox: _UsbDevice(number, wanted, inbox), wanted, **limits)


class _UsbDevice:
    """A capture of OpenCV and the thread that reads it; see `mien.cameras.live.Device`.

    OpenCV's `read` may wait seconds for a frame, and loops for as long as the driver answers with an I/O error. It
    crashes when a capture is released during a read: so the thread that reads also releases, and nobody else waits.
    """

    restartable = False
    interruptible = True

    def __init__(self, number: int, wanted: CameraSettings, inbox: Inbox) -> None:
        self._path, self._inbox = f"/dev/video{number}", inbox
        self.name = f"v4l2 {self._path}"
        self.doing = f"opening {self._path}"
        _probe(self._path)
        # Ten seconds otherwise, for which a read cannot be ended; OpenCV looks at it when it opens its first camera.
        os.environ.setdefault("OPENCV_VIDEOIO_V4L_SELECT_TIMEOUT", str(_SELECT_SECONDS))
        self._capture = cv2.VideoCapture(number, cv2.CAP_V4L2)
        if not self._capture.isOpened():
            raise MienError(f"{self._path}: OpenCV cannot use it; is it a capture device, and no other program's?")
        self._set_up(wanted)
        self._stopping = threading.Event()
        self._thread = threading.Thread(target=self._read, name="mien-v4l2", daemon=True)
        self._thread.start()

    def _set_up(self, wanted: CameraSettings) -> None:
        capture = self._capture
        capture.set(cv2.CAP_PROP_FOURCC, cv2.VideoWriter.fourcc(*"YUYV"))
        capture.set(cv2.CAP_PROP_FRAME_WIDTH, wanted.width)
        capture.set(cv2.CAP_PROP_FRAME_HEIGHT, wanted.height)
        if wanted.rate:
            capture.set(cv2.CAP_PROP_FPS, wanted.rate)
        capture.set(cv2.CAP_PROP_BUFFERSIZE, 1)  # a queue in the driver would only make frames older
        # Raw only if YUYV was granted: a raw MJPEG frame would be compressed bytes.
        raw = int(capture.get(cv2.CAP_PROP_FOURCC)) == cv2.VideoWriter.fourcc(*"YUYV")
        capture.set(cv2.CAP_PROP_CONVERT_RGB, 0 if raw else 1)
        self._size = (int(capture.get(cv2.CAP_PROP_FRAME_WIDTH)), int(capture.get(cv2.CAP_PROP_FRAME_HEIGHT)))
        kind = "YUYV" if raw else "BGR"
        self.description = f"v4l2 {self._path}, {self._size[0]}x{self._size[1]} {kind}"

    def _read(self) -> None:
        try:
            while not self._stopping.is_set():
                self.doing = f"reading {self._path}"
                self._deliver()
        except Exception as error:  # handed over: it must surface in the thread that takes the frames
            self._inbox.fail(error if isinstance(error, MienError) else MienError(f"reading failed ({error!r})"))
        finally:
            self.doing = f"releasing {self._path}"
            self._capture.release()

    def _deliver(self) -> None:
        began = time.monotonic_ns()
        try:
            good, taken = self._capture.read()
        except cv2.error:  # a compressed frame that is empty or cut off
            self._inbox.spoilt()
            return
        now = time.monotonic_ns()
        if not good and now - began > _SILENCE_NS:  # no error: whoever waits for frames knows how long it may be silent
            return
        if not good:
            raise MienError("gives no frames")
        stamp = int(self._capture.get(cv2.CAP_PROP_POS_MSEC) * 1e6)
        picture = np.asarray(taken, dtype=np.uint8)
        plane = to_luma(picture, *self._size)
        if plane is None:
            raise MienError(f"gives {picture.shape} pictures, neither YUYV nor BGR; try another mode")
        colours = self._inbox.colours(lambda: to_chroma(picture, *self._size))
        self._inbox.put(plane, exposure_time(stamp, now), colours)

    def restart(self) -> None:
        """Is not worth it: `restartable` says so; a device is closed and opened again."""

    def close(self) -> None:
        """See `Device`."""
        self._stopping.set()
        self._thread.join()

    def forget(self) -> None:
        """See `Device`; OpenCV calls nothing more at exit, the thread holds the capture."""

    def recycle(self, luma: NDArray[np.uint8]) -> None:
        """See `Device`; each frame has an array of its own."""


def _probe(path: str) -> None:
    """Ask the kernel whether the device can be used: OpenCV says only that it did not work.

    Raises:
        MienError: it cannot; with the kernel's reason.
    """
    try:
        descriptor = os.open(path, os.O_RDWR | os.O_NONBLOCK | os.O_CLOEXEC)
        try:
            # Setting the format that it has changes nothing, and is refused while another program streams.
            form = fcntl.ioctl(descriptor, _GET_FORMAT, struct.pack("I", _CAPTURE) + bytes(_FORMAT_BYTES - 4))
            fcntl.ioctl(descriptor, _SET_FORMAT, form)
        finally:
            os.close(descriptor)
    except FileNotFoundError:
        raise MienError(f"{path}: no such camera; present are {names(cameras()) or 'none'}") from None
    except OSError as error:
        raise MienError(faults.device_not_opened(path, error)) from error


def names(numbers: tuple[int, ...]) -> str:
    """The devices of these numbers, for a message."""
    return ", ".join(f"/dev/video{number}" for number in numbers)
