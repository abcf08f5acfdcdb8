"""picamera2 as it behaves, without a camera; the contract suite holds it and the real one to the same."""

from __future__ import annotations

import contextlib
import errno
import os
import threading
import time
import types
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, ClassVar

import numpy as np
from numpy.typing import NDArray


def _boot_time() -> dict[str, int]:
    return {"SensorTimestamp": time.clock_gettime_ns(time.CLOCK_BOOTTIME) - 5_000_000}


class Picamera2Double:
    """Padded strides, a granted colour space of its own, a thread that calls back, one owner at a time.

    `stop` without `cancel_all_and_flush` may hang in the real one, and fails here. `faults` are the contract suite's:
    what goes wrong, and when.
    """

    size = (100, 60)
    stride = 128
    limited = False
    cameras: tuple[dict[str, str], ...] = ({"Model": "imx708"},)
    granted_format = "YUV420"
    granted_lores = "YUV420"
    unscaled: tuple[int, ...] = ()
    """Numbers of cameras whose streams are all of one size."""
    faults: Any = None
    picture: Callable[[int, int, int], NDArray[np.uint8]] = staticmethod(lambda h, w, n: np.zeros((h, w), np.uint8))
    colours: Callable[[int, int, int], NDArray[np.uint8]] | None = None
    """Of a picture's height, width and number: Cb and Cr, uint8 (height / 2, width / 2, 2)."""
    metadata: Callable[[], dict[str, int]] = staticmethod(_boot_time)
    follows = False
    """Whether the size that is asked for is granted."""
    opening: Exception | None = None
    """What opening raises."""
    period = 0.002
    flips = False
    """Whether the sensor can mirror and turn upside down."""
    camera_controls: Mapping[str, object] = {"ExposureTime": (), "AnalogueGain": (), "FrameDurationLimits": ()}

    opened: ClassVar[set[int]] = set()

    def __init__(self, number: int = 0) -> None:
        if self.opening is not None:
            raise RuntimeError("Camera __init__ sequence did not complete.") from self.opening
        if number >= len(self.cameras):
            raise RuntimeError("Camera __init__ sequence did not complete.")
        if number in self.opened:
            busy = RuntimeError(f"Failed to acquire camera: {os.strerror(errno.EBUSY)}")
            raise RuntimeError("Camera __init__ sequence did not complete.") from busy
        self.opened.add(number)
        self.number = number
        self.calls: list[str] = []
        self.pre_callback: Callable[[Any], None] | None = None
        self._running = threading.Event()
        self._thread: threading.Thread | None = None
        self._shown = 0
        type(self).last = self

    last: Picamera2Double

    @classmethod
    def global_camera_info(cls) -> list[dict[str, str]]:
        return list(cls.cameras)

    def create_preview_configuration(self, **wanted: Any) -> dict[str, Any]:
        return wanted

    def configure(self, wanted: dict[str, Any]) -> None:
        assert wanted["colour_space"] == "sYCC"
        assert wanted["main"]["format"] == "YUV420"
        lores = wanted["lores"]
        assert lores is None or lores["format"] == "YUV420"
        self.wanted = wanted
        self.controls = dict(wanted["controls"])
        if self.follows:
            self.size = wanted["main"]["size"]
            self.stride = -(-self.size[0] // 64) * 64

    def camera_configuration(self) -> dict[str, Any]:
        kind = FakeColorSpace.Range.Limited if self.limited else FakeColorSpace.Range.Full
        return {
            "main": {"format": self.granted_format, "size": self.size, "stride": self.stride},
            "lores": self._lores,
            "colour_space": types.SimpleNamespace(range=kind),
            "transform": self.wanted["transform"] if self.flips else FakeTransform(),
        }

    @property
    def _lores(self) -> dict[str, Any] | None:
        lores = self.wanted["lores"]
        if lores is None:
            return None
        width, height = self.size if self.number in self.unscaled else lores["size"]
        return {"size": (width, height), "format": self.granted_lores, "stride": -(-width // 64) * 64}

    def set_controls(self, controls: Mapping[str, object]) -> None:
        self.controls |= controls

    def start(self) -> None:
        self.calls.append("start")
        self._running.set()
        # As the real one: what was set goes with this start, and with none after it.
        self.started_with, self.controls = self.controls, {}
        if self.faults is not None:
            self.faults.started("FrameDurationLimits" if name == "FrameRate" else name for name in self.started_with)
        self._thread = threading.Thread(target=self._deliver, daemon=True)
        self._thread.start()

    def _deliver(self) -> None:
        width, height = self.size
        while self._running.is_set():
            time.sleep(self.period)
            if self.faults is not None and self.faults.starved():
                continue
            buffer = np.full((height * 3 // 2, self.stride), 77, dtype=np.uint8)  # 77: padding and chroma
            buffer[:height, :width] = self._flipped(self.picture(height, width, self._shown))
            if self.colours is not None:
                rows = buffer[height:].reshape(2, height // 2, self.stride // 2)
                rows[:, :, : width // 2] = np.moveaxis(self._flipped(self.colours(height, width, self._shown)), 2, 0)
            streams = {"main": buffer.reshape(-1)}
            if self._lores is not None:
                (small, low), padded = self._lores["size"], self._lores["stride"]
                streams["lores"] = np.full(low * padded * 3 // 2, 77, dtype=np.uint8)
                plane = streams["lores"][: low * padded].reshape(low, padded)
                plane[:, :small] = self._flipped(self.picture(low, small, self._shown))
            self._shown += 1
            self._completed = types.SimpleNamespace(streams=streams, get_metadata=self.metadata)
            # As in the real one: what is raised here would end this thread.
            self.process_requests(None)

    def _flipped(self, plane: NDArray[np.uint8]) -> NDArray[np.uint8]:
        if not self.flips:
            return plane
        transform = self.wanted["transform"]
        return plane[:: -1 if transform.vflip else 1, :: -1 if transform.hflip else 1]

    def process_requests(self, display: object) -> None:
        if self.faults is not None and self.faults.io_error():
            raise OSError(errno.EIO, os.strerror(errno.EIO))
        if self.pre_callback is not None:
            self.pre_callback(self._completed)

    def _hang(self, name: str) -> None:
        if self.faults is not None and self.faults.hang == name:
            threading.Event().wait()

    def cancel_all_and_flush(self) -> None:
        self.calls.append("cancel")
        self._hang("cancel_all_and_flush")

    def stop(self) -> None:
        assert self.calls[-1] == "cancel", "stop would hang with a job still queued"
        self.calls.append("stop")
        self._hang("stop")
        self._running.clear()
        if self._thread is not None:
            self._thread.join()
            self._thread = None

    def close(self) -> None:
        self.calls.append("close")
        self._hang("close")
        self._running.clear()
        self.opened.discard(self.number)

    def __del__(self) -> None:
        # The real one closes itself when it is forgotten, also at exit: a call that hung would hang again.
        with contextlib.suppress(AttributeError):
            if self.number in self.opened and self.calls[-1] != "close":
                self.close()


class FakeMappedArray:
    def __init__(self, request: Any, stream: str, reshape: bool = True, write: bool = True) -> None:
        assert (reshape, write) == (False, False)
        self.array = request.streams[stream]

    def __enter__(self) -> FakeMappedArray:
        return self

    def __exit__(self, *_: object) -> None:
        self.array = None


@dataclass(frozen=True)
class FakeTransform:
    hflip: int = 0
    vflip: int = 0


FakeControls = types.SimpleNamespace(
    AeMeteringModeEnum=types.SimpleNamespace(CentreWeighted=0, Spot=1, Matrix=2),
    AeFlickerModeEnum=types.SimpleNamespace(Off=0, Manual=1),
)


class FakeColorSpace:
    class Range:
        Full, Limited = "Full", "Limited"

    @staticmethod
    def Sycc() -> str:  # noqa: N802 - libcamera's name
        return "sYCC"


def picamera2_modules(**behaviour: Any) -> dict[str, Any]:
    """Modules for `sys.modules`; keywords override class attributes of `Picamera2Double`."""
    behaviour = {k: staticmethod(v) if callable(v) else v for k, v in behaviour.items()}
    kind = type("Picamera2", (Picamera2Double,), {**behaviour, "opened": set()})
    return {
        "picamera2": types.SimpleNamespace(Picamera2=kind, MappedArray=FakeMappedArray, __spec__=object()),
        "libcamera": types.SimpleNamespace(ColorSpace=FakeColorSpace, Transform=FakeTransform, controls=FakeControls),
    }
