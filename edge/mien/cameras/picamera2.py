"""The Raspberry Pi camera through picamera2: the luma plane of the main stream, copied once.

Frames are fetched in picamera2's `pre_callback`, which sees every completed request while picamera2 owns it.
A `capture_request` that timed out stays in picamera2's queue and later takes a buffer that nobody gives back;
a callback queues no job, so a stalled camera costs no buffer.
"""

from __future__ import annotations

import contextlib
import importlib
import threading
import time
from collections.abc import Iterator
from typing import Any

import numpy as np

from mien.cameras.base import Camera, exposure_time
from mien.cameras.buffers import LumaPool
from mien.cameras.luma import expand_limited
from mien.cameras.settings import CameraSettings
from mien.errors import MienError
from mien.frame import Frame

_PLANAR = ("YUV420", "YVU420", "NV12", "NV21")
"""Formats whose first plane is luma alone."""


def listed() -> tuple[str, ...]:
    """Models of the cameras that libcamera lists; empty where picamera2 is absent or broken.

    USB cameras are left out: libcamera lists them, last, but they grant no planar luma; `v4l2:N` reads them.
    """
    try:
        cameras = _imported("picamera2").Picamera2.global_camera_info()
    except (MienError, RuntimeError, OSError):
        return ()
    return tuple(str(c.get("Model", "unnamed")) for c in cameras if "/usb" not in str(c.get("Id", "")))


def to_monotonic(boottime_ns: int) -> int:
    """Nanoseconds of the boot-time clock, on which libcamera documents `SensorTimestamp`, as monotonic time.

    The boot-time clock also counts while the machine is suspended, so the two differ by that time.
    """
    return boottime_ns - (time.clock_gettime_ns(time.CLOCK_BOOTTIME) - time.monotonic_ns())


class PiCamera(Camera):
    """A camera that libcamera lists.

    Args:
        settings: its number in libcamera's list, size and rate; the defaults if None.
        timeout: seconds without a frame after which the camera is restarted.
        restarts: in a row without a frame, before it is given up.

    Raises:
        MienError: picamera2 is absent, no camera is listed, or it is in use.
    """

    live = True

    def __init__(self, settings: CameraSettings | None = None, timeout: float = 2.0, restarts: int = 3) -> None:
        settings = settings or CameraSettings()
        self._picamera2 = _imported("picamera2")
        libcamera = _imported("libcamera")
        found = listed()
        if not found:
            raise MienError(
                "picamera2 lists no camera; check the ribbon cable and `rpicam-hello --list-cameras`; "
                "for a USB camera give v4l2:N"
            )
        if settings.number >= len(found):
            raise MienError(
                f"camera number {settings.number}: picamera2 lists {len(found)}, from 0: {', '.join(found)}"
            )
        self._model = found[settings.number]
        self._timeout, self._restarts = timeout, restarts
        self._news = threading.Condition()
        self._device = threading.Lock()  # one of restart and close at a time
        self._frame: Frame | None = None
        self._error: Exception | None = None
        self._closed = False
        self._sequence = 0
        try:
            self._camera = self._picamera2.Picamera2(settings.number)
        except (RuntimeError, IndexError) as error:
            raise MienError(f"the camera cannot be opened ({error}); is another program using it?") from None
        try:
            self._configure(libcamera, settings)
            self._camera.pre_callback = self._on_request
            self._camera.start()
        except (MienError, RuntimeError) as error:
            self._camera.close()
            raise MienError(f"the camera cannot be started ({error}); run `mien doctor`") from None

    def _configure(self, libcamera: Any, settings: CameraSettings) -> None:
        self._camera.configure(
            self._camera.create_preview_configuration(
                main={"size": (settings.width, settings.height), "format": "YUV420"},
                colour_space=libcamera.ColorSpace.Sycc(),
                buffer_count=4,
                queue=False,  # picamera2 would otherwise hold one buffer back for `capture_*`
                controls={"FrameRate": settings.rate} if settings.rate else {},
            )
        )
        # What was asked for may have been adjusted without a word: only what is read back counts.
        granted = self._camera.camera_configuration()
        main = granted["main"]
        if main["format"] not in _PLANAR:
            raise MienError(f"it grants {main['format']}, not one of {', '.join(_PLANAR)}")
        self._width, self._height = (int(side) for side in main["size"])
        self._stride = int(main["stride"])
        self._limited = granted["colour_space"].range != libcamera.ColorSpace.Range.Full
        self._pool = LumaPool(self._height, self._width)
        self.description = f"picamera2 {self._model}, {self._width}x{self._height} {main['format']}"
        if self._limited:
            self.description += ", limited range expanded"

    def _on_request(self, request: Any) -> None:
        # Runs in picamera2's thread, and must not raise there: that would end the thread and hang `stop`.
        try:
            now = time.monotonic_ns()
            luma = self._pool.take()
            with self._picamera2.MappedArray(request, "main", reshape=False, write=False) as mapped:
                plane = mapped.array[: self._height * self._stride].reshape(self._height, self._stride)
                np.copyto(luma, plane[:, : self._width])
            stamp = request.get_metadata().get("SensorTimestamp")
            captured_at = now if stamp is None else exposure_time(to_monotonic(int(stamp)), now)
            with self._news:
                if self._frame is not None:
                    self._pool.give(self._frame.luma)
                self._frame = Frame(luma, captured_at, self._sequence)
                self._sequence += 1
                self._news.notify()
        except Exception as error:
            with self._news:
                self._error = error
                self._news.notify()

    def frames(self) -> Iterator[Frame]:
        """The newest frame each time; see `Camera.frames`."""
        silent = 0
        while True:
            with self._news:
                self._news.wait_for(lambda: self._frame or self._error or self._closed, self._timeout)
                if self._closed:
                    return
                if self._error is not None:
                    raise MienError(f"the camera's frame cannot be read ({self._error!r}); run `mien doctor`")
                frame, self._frame = self._frame, None
            if frame is not None:
                silent = 0
                if self._limited:
                    expand_limited(frame.luma, out=frame.luma)
                yield frame
                continue
            if silent == self._restarts:
                raise MienError(
                    f"the camera gave no frame for {self._timeout:g} s, nor after {silent} restarts; "
                    "check its cable and power, then reboot"
                )
            silent += 1
            self._restart()

    def _restart(self) -> None:
        with self._device:
            if self._closed:
                return
            # In this order: with a job still queued, `stop` would wait for a frame that never comes.
            self._camera.cancel_all_and_flush()
            try:
                self._camera.stop()
                self._camera.start()
            except RuntimeError as error:
                raise MienError(f"the camera stalled and cannot be restarted ({error}); check its cable") from None

    def recycle(self, frame: Frame) -> None:
        """Use the frame's buffer again; see `Camera.recycle`."""
        self._pool.give(frame.luma)

    def close(self) -> None:
        """Stop and release the camera; see `Camera.close`."""
        with self._news:
            if self._closed:
                return
            self._closed = True
            self._news.notify_all()
        with self._device:
            self._camera.cancel_all_and_flush()
            with contextlib.suppress(RuntimeError):  # a camera that was pulled out cannot be stopped
                self._camera.stop()
            self._camera.close()


def _imported(module: str) -> Any:
    try:
        return importlib.import_module(module)
    except (ImportError, ValueError) as error:  # numpy's ABI check raises ValueError
        raise MienError(
            f"{module} is not usable here ({error}); install it: sudo apt install python3-libcamera, then "
            "pip install 'mien[pi]' in a virtual environment made with --system-site-packages"
        ) from None
