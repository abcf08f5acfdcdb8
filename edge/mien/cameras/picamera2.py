"""The Raspberry Pi camera through picamera2: the luma plane of the main stream, copied once, and colour on demand.

Frames are fetched in picamera2's `pre_callback`, which sees every completed request while picamera2 owns it.
A `capture_request` that timed out stays in picamera2's queue and later takes a buffer that nobody gives back;
a callback queues no job, so a stalled camera costs no buffer.
"""

from __future__ import annotations

import atexit
import contextlib
import importlib
import logging
import time
from collections.abc import Mapping
from typing import Any, NamedTuple

import cv2
import numpy as np
from numpy.typing import NDArray

from mien.cameras import chroma, faults
from mien.cameras.base import exposure_time
from mien.cameras.buffers import LumaPool
from mien.cameras.crop import Rectangle, part_of
from mien.cameras.inbox import Inbox
from mien.cameras.live import LiveCamera
from mien.cameras.luma import expand_limited
from mien.cameras.settings import METERINGS, CameraSettings
from mien.errors import MienError

_log = logging.getLogger("mien.camera")

_FLIPPED = (0, 180)
"""Degrees of a turn that flips make."""

_CODES = {(False, False): None, (True, False): 1, (False, True): 0, (True, True): -1}
"""Across and down to OpenCV's code for that flip."""

_PLANAR = ("YUV420", "YVU420", "NV12", "NV21")
"""Formats whose first plane is luma alone."""

_LORES = (320, 256)
"""Longer and shorter side that the second stream has at the most, in pixels: what `face-base` is given."""
_STRETCHED = 0.02
"""Share by which its shape may differ from the frame's, as sides of whole pixels do."""


def listed() -> tuple[str, ...]:
    """Models of the cameras that libcamera lists; empty where picamera2 is absent or broken.

    USB cameras are left out: libcamera lists them, last, but they grant no planar luma; `v4l2:N` reads them.
    """
    try:
        return _listed()
    except (MienError, RuntimeError, OSError):
        return ()


def _listed() -> tuple[str, ...]:
    cameras = _imported("picamera2").Picamera2.global_camera_info()
    return tuple(str(c.get("Model", "unnamed")) for c in cameras if "/usb" not in str(c.get("Id", "")))


def to_monotonic(boottime_ns: int) -> int:
    """Nanoseconds of the boot-time clock, on which libcamera documents `SensorTimestamp`, as monotonic time.

    The boot-time clock also counts while the machine is suspended, so the two differ by that time.
    """
    return boottime_ns - (time.clock_gettime_ns(time.CLOCK_BOOTTIME) - time.monotonic_ns())


class _Plane(NamedTuple):
    """The plane of luma of a stream, in pixels, and the bytes of a row."""

    width: int
    height: int
    stride: int


class PiCamera(LiveCamera):
    """A camera that libcamera lists.

    Args:
        settings: its number in libcamera's list, size, rate and time to recover; the defaults if None.
        limits: of `LiveCamera`, by name.

    Raises:
        MienError: picamera2 is absent, no camera is listed, or it cannot be opened; with the cause.
    """

    def __init__(self, settings: CameraSettings | None = None, **limits: float) -> None:
        settings = settings or CameraSettings()
        _imported("libcamera")
        _imported("picamera2")
        self.turned = settings.rotation in _FLIPPED
        super().__init__(lambda inbox: _PiDevice(settings, inbox), settings, **limits)


class _PiDevice:
    """A camera of picamera2, started; see `mien.cameras.live.Device`."""

    restartable = True
    interruptible = False  # what hangs in libcamera hangs for ever

    def __init__(self, settings: CameraSettings, inbox: Inbox) -> None:
        self._picamera2, libcamera = _imported("picamera2"), _imported("libcamera")
        self._inbox = inbox
        try:
            found = _listed()
        except (RuntimeError, OSError) as error:
            raise MienError(faults.not_opened(error)) from error
        if not found:
            raise MienError(faults.none_listed())
        if settings.number >= len(found):
            raise MienError(
                f"camera number {settings.number}: picamera2 lists {len(found)}, from 0: {', '.join(found)}"
            )
        self._model = found[settings.number]
        self.name = f"picamera2 {self._model}"
        self.doing = "picamera2's opening"
        try:
            self._camera = self._picamera2.Picamera2(settings.number)
        except (RuntimeError, IndexError, OSError) as error:
            raise MienError(faults.not_opened(error)) from error
        try:
            self._configure(libcamera, settings)
            self._camera.pre_callback = self._on_request
            self._handle = self._camera.process_requests
            self._camera.process_requests = self._process_requests
            self._start()
        except Exception as error:  # whatever it is: the camera must not stay open behind it
            self._camera.close()
            if isinstance(error, MienError):
                raise
            raise MienError(faults.not_opened(error)) from error

    def _configure(self, libcamera: Any, settings: CameraSettings) -> None:
        # Upside down is both flips, which the sensor does for nothing; a quarter turn it cannot do.
        down = settings.rotation == 180
        self._wanted = self._controls(libcamera, settings)
        across = settings.rotation in _FLIPPED and down != settings.mirror
        size = (settings.width, settings.height)
        lores = smaller(*size) if settings.lores else None
        self._camera.configure(
            self._camera.create_preview_configuration(
                main={"size": size, "format": "YUV420"},
                lores=lores and {"size": lores, "format": "YUV420"},
                colour_space=libcamera.ColorSpace.Sycc(),
                buffer_count=4,
                queue=False,  # picamera2 would otherwise hold one buffer back for `capture_*`
                controls=self._wanted,
                transform=libcamera.Transform(hflip=int(across), vflip=int(down)),
            )
        )
        # What was asked for may have been adjusted without a word: only what is read back counts.
        granted = self._camera.camera_configuration()
        main = granted["main"]
        if main["format"] not in _PLANAR:
            raise MienError(f"it grants {main['format']}, not one of {', '.join(_PLANAR)}")
        self._form = str(main["format"])
        self._main = _plane(main)
        self._lores: _Plane | None = None
        self._limited = granted["colour_space"].range != libcamera.ColorSpace.Range.Full
        transform = granted["transform"]
        self._flip = _CODES[(across != bool(transform.hflip), down != bool(transform.vflip))]
        self._pool = LumaPool(self._main.height, self._main.width)
        self.description = f"picamera2 {self._model}, {self._main.width}x{self._main.height} {main['format']}"
        if self._limited:
            self.description += ", limited range expanded"
        if lores:
            self._add(granted["lores"])
        self._crop: Rectangle | None = None
        if settings.crop:
            self._pick(settings.crop)

    def _add(self, lores: Mapping[str, Any]) -> None:
        """Take the second stream, if what was granted shows the same view smaller."""
        plane, form = _plane(lores), lores["format"]
        width, height, _ = plane
        stretched = abs(width * self._main.height / (height * self._main.width) - 1)
        if form not in _PLANAR or width >= self._main.width or stretched > _STRETCHED:
            _log.warning("mien: %s: grants a second stream of %dx%d %s; left unused", self.name, width, height, form)
            return
        self._lores = plane
        self.description += f", the detector's {width}x{height}"

    def _pick(self, crop: str) -> None:
        """Ask for a part of the sensor's picture, which is known once a mode is configured."""
        limits = self._camera.camera_controls.get("ScalerCrop")
        if limits is None:
            _log.warning("mien: %s: has no control ScalerCrop; left as it is", self.name)
            return
        most = limits[1]  # what this mode sees
        self._crop = self._wanted["ScalerCrop"] = part_of(crop, most, self._main.width / self._main.height)
        self.description += f", {self._crop[2]}x{self._crop[3]} of the sensor's {most[2]}x{most[3]}"

    def _controls(self, libcamera: Any, settings: CameraSettings) -> dict[str, object]:
        """What is wanted, as libcamera's controls; of those that this camera does not have a warning remains."""
        wanted: dict[str, object] = {}
        if settings.rate:
            wanted["FrameRate"] = settings.rate
        if settings.exposure:
            wanted["ExposureTime"] = settings.exposure
        if settings.gain:
            wanted["AnalogueGain"] = settings.gain
        if settings.metering != METERINGS[0]:  # which is every camera's own
            wanted["AeMeteringMode"] = getattr(libcamera.controls.AeMeteringModeEnum, settings.metering.capitalize())
        if settings.flicker:
            wanted["AeFlickerMode"] = libcamera.controls.AeFlickerModeEnum.Manual
            wanted["AeFlickerPeriod"] = 500_000 // settings.flicker  # µs; lamps flicker at twice the mains' frequency
        known = {*self._camera.camera_controls, "FrameRate"}
        absent = ", ".join(sorted(wanted.keys() - known))
        if absent:
            _log.warning("mien: %s: has no control %s; left as it is", self.name, absent)
        return {name: value for name, value in wanted.items() if name in known}

    def _on_request(self, request: Any) -> None:
        # Runs in picamera2's thread, and must not raise there: that would end the thread and hang `stop`.
        try:
            now = time.monotonic_ns()
            luma = self._pool.take()
            with self._picamera2.MappedArray(request, "main", reshape=False, write=False) as mapped:
                self._copy(mapped.array, self._main, luma)
                colours = self._inbox.colours(lambda: self._chroma(mapped.array))
            small = None
            if self._lores:
                small = np.empty((self._lores.height, self._lores.width), np.uint8)
                with self._picamera2.MappedArray(request, "lores", reshape=False, write=False) as mapped:
                    self._copy(mapped.array, self._lores, small)
            metadata = request.get_metadata()
            self._compare(metadata.get("ScalerCrop"))
            stamp = metadata.get("SensorTimestamp")
            captured_at = now if stamp is None else exposure_time(to_monotonic(int(stamp)), now)
            unseen = self._inbox.put(luma, captured_at, colours, small)
            if unseen is not None:
                self._pool.give(unseen)
        except Exception as error:
            self._inbox.fail(MienError(f"the camera's frame cannot be read ({type(error).__name__}: {error})"))

    def _copy(self, buffer: NDArray[np.uint8], of: _Plane, luma: NDArray[np.uint8]) -> None:
        """Copy a buffer's luma, uint8 (N,), into (H, W), full range and the right way round."""
        plane = buffer[: of.height * of.stride].reshape(of.height, of.stride)[:, : of.width]
        if self._flip is not None:  # what the sensor did not grant
            plane = np.asarray(cv2.flip(plane, self._flip, dst=luma), dtype=np.uint8)
        if self._limited:
            expand_limited(plane, out=luma)
        elif self._flip is None:
            np.copyto(luma, plane)

    def _chroma(self, buffer: NDArray[np.uint8]) -> NDArray[np.uint8]:
        width, height, stride = self._main
        colours = chroma.of_planes(buffer, self._form, (width, height), stride, limited_range=self._limited)
        return colours if self._flip is None else np.asarray(cv2.flip(colours, self._flip), dtype=np.uint8)

    def _compare(self, granted: Rectangle | None) -> None:
        """Say once if another part of the sensor's picture is shown than was asked for."""
        wanted, self._crop = self._crop, None
        # Pipelines align it: by some pixels, where faces are hundreds apart.
        if wanted and granted and any(abs(a - b) > wanted[2] / 50 for a, b in zip(wanted, granted, strict=True)):
            told = (",".join(map(str, part)) for part in (wanted, granted))
            _log.warning("mien: %s: was asked for the part %s of the sensor, and gives %s", self.name, *told)

    def _process_requests(self, display: Any) -> None:
        # Likewise in picamera2's thread: an I/O error there would end it with a traceback, and look like a stall.
        try:
            self._handle(display)
        except Exception as error:
            self._inbox.fail(MienError(f"picamera2 failed ({type(error).__name__}: {error})"))

    def _call(self, name: str) -> None:
        self.doing = f"picamera2's {name}()"
        getattr(self._camera, name)()

    def _start(self) -> None:
        # It forgets them at each start.
        self._camera.set_controls(self._wanted)
        self._call("start")

    def restart(self) -> None:
        """See `Device`."""
        # In this order: with a job still queued, `stop` would wait for a frame that never comes.
        for name in ("cancel_all_and_flush", "stop"):
            self._call(name)
        self._start()

    def close(self) -> None:
        """See `Device`."""
        for name in ("cancel_all_and_flush", "stop"):
            with contextlib.suppress(RuntimeError, OSError):  # a camera that was pulled out cannot be stopped
                self._call(name)
        self._call("close")
        # It holds us by two callbacks, and we hold it.
        self._camera.pre_callback = None
        del self._camera.process_requests

    def forget(self) -> None:
        """See `Device`."""
        atexit.unregister(self._camera.close)

    def recycle(self, luma: NDArray[np.uint8]) -> None:
        """See `Device`."""
        self._pool.give(luma)


def smaller(width: int, height: int) -> tuple[int, int] | None:
    """Width and height of a second stream of the same shape, even, `_LORES` at the most; None for frames that small."""
    sides = max(width, height), min(width, height)
    # In whole numbers: by fractions the longer side of some would be two pixels short.
    wanted, given = (_LORES[0], sides[0]) if _LORES[0] * sides[1] <= _LORES[1] * sides[0] else (_LORES[1], sides[1])
    if wanted >= given:
        return None
    return max(2, width * wanted // given // 2 * 2), max(2, height * wanted // given // 2 * 2)


def _plane(stream: Mapping[str, Any]) -> _Plane:
    width, height = stream["size"]
    return _Plane(int(width), int(height), int(stream["stride"]))


def _imported(module: str) -> Any:
    try:
        return importlib.import_module(module)
    except (ImportError, ValueError, AttributeError) as error:  # numpy's ABI check raises ValueError
        raise MienError(faults.not_importable(module, error)) from error
