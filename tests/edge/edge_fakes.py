"""Hand-written stand-ins for what a test machine lacks: models, a camera, picamera2."""

from __future__ import annotations

import threading
import time
import types
from collections.abc import Callable, Iterator, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from mien.cameras.base import Camera
from mien.faces.face import Box, Face, Landmarks, Point
from mien.frame import Frame
from mien.laps import Laps
from mien.models.contract import Artefact
from mien.roles import Verdict

LABELS = ("neutral", "happiness")
TEMPLATE = np.array([[15, 18], [33, 18], [24, 28], [17, 37], [31, 37]], dtype=np.float32)


def face(left: float = 10, top: float = 20, side: float = 40, score: float = 0.9) -> Face:
    """A square face whose landmarks are the template's, scaled into the box."""
    points = Landmarks(*(Point(left + side * x / 48, top + side * y / 48) for x, y in TEMPLATE.tolist()))
    return Face(Box(left, top, left + side, top + side), points, score)


class FakeBundle:
    name = "fake"
    sidecar: Any = types.SimpleNamespace(files={"tflite": Artefact("fake.tflite", 1, "00")})


class FakeDetector:
    """Finds the same faces in every frame."""

    bundle: Any = FakeBundle()

    def __init__(self, faces: Sequence[Face] = (), seconds: float = 0.0) -> None:
        self.faces, self.seconds = tuple(faces), seconds

    def detect(self, luma: NDArray[np.uint8], laps: Laps | None = None) -> tuple[Face, ...]:
        time.sleep(self.seconds)
        if laps:
            for stage in ("resize", "detect", "decode"):
                laps.lap(stage)
        return self.faces

    def close(self) -> None:
        self.closed = True


class FakeClassifier:
    """Reads happiness as the crop's mean brightness."""

    bundle: Any = FakeBundle()
    labels = LABELS
    template = TEMPLATE

    def probabilities(self, crops: NDArray[np.uint8]) -> NDArray[np.float32]:
        happy = crops.reshape(len(crops), -1).mean(axis=1) / 255 if len(crops) else np.empty(0)
        return np.stack([1 - happy, happy], axis=1).astype(np.float32)

    def verdict(self, probabilities: NDArray[np.float32]) -> Verdict:
        best = LABELS[int(probabilities.argmax())]
        sure = probabilities.max() >= 0.6
        return Verdict(best if sure else "uncertain", best, None if sure else "ambiguous")

    def close(self) -> None:
        self.closed = True


class FakeCamera(Camera):
    """A camera whose frame n is all of luma n.

    Args:
        count: frames before it ends, or before `error` is raised; None for no end.
        live: whether it has a time of its own.
        interval: seconds between frames.
    """

    def __init__(
        self,
        count: int | None = None,
        live: bool = True,
        interval: float = 0.001,
        error: Exception | None = None,
    ) -> None:
        self.live = live
        self.period_ns = None if live else 40_000_000
        self.description = "a fake camera"
        self.recycled: list[int] = []
        self.delivered = 0
        self._count, self._interval, self._error = count, interval, error
        self._closed = threading.Event()

    def frames(self) -> Iterator[Frame]:
        while self._count is None or self.delivered < self._count:
            if self._closed.wait(self._interval):
                return
            self.delivered += 1
            number = self.delivered - 1
            luma = np.full((120, 160), number % 256, dtype=np.uint8)
            yield Frame(luma, time.monotonic_ns(), number, media_time=None if self.live else number * 40_000_000)
        if self._error is not None:
            raise self._error

    def recycle(self, frame: Frame) -> None:
        self.recycled.append(frame.sequence)

    def close(self) -> None:
        self._closed.set()

    @property
    def closed(self) -> bool:
        return self._closed.is_set()


class FakePicamera2:
    """picamera2 as it behaves: padded strides, a granted colour space of its own, a thread that calls back.

    A planned stall stops the frames until the next `start`. `stop` without `cancel_all_and_flush` may hang in
    the real one, and fails here.
    """

    size = (100, 60)
    stride = 128
    limited = False
    cameras: tuple[dict[str, str], ...] = ({"Model": "imx708"},)
    granted_format = "YUV420"
    stalls = 0
    picture: Callable[[int, int], NDArray[np.uint8]] = staticmethod(lambda h, w: np.zeros((h, w), np.uint8))
    metadata: Callable[[], dict[str, int]] = staticmethod(
        lambda: {"SensorTimestamp": time.clock_gettime_ns(time.CLOCK_BOOTTIME) - 5_000_000}
    )

    def __init__(self, number: int = 0) -> None:
        self.number = number
        self.calls: list[str] = []
        self.pre_callback: Callable[[Any], None] | None = None
        self._running = threading.Event()
        self._thread: threading.Thread | None = None
        self.requests = 0
        type(self).last = self

    last: FakePicamera2

    @classmethod
    def global_camera_info(cls) -> list[dict[str, str]]:
        return list(cls.cameras)

    def create_preview_configuration(self, **wanted: Any) -> dict[str, Any]:
        return wanted

    def configure(self, wanted: dict[str, Any]) -> None:
        assert wanted["colour_space"] == "sYCC"
        assert wanted["main"]["format"] == "YUV420"

    def camera_configuration(self) -> dict[str, Any]:
        kind = FakeColorSpace.Range.Limited if self.limited else FakeColorSpace.Range.Full
        return {
            "main": {"format": self.granted_format, "size": self.size, "stride": self.stride},
            "colour_space": types.SimpleNamespace(range=kind),
        }

    def start(self) -> None:
        self.calls.append("start")
        self._running.set()
        if type(self).stalls > 0:
            type(self).stalls -= 1
            return
        self._thread = threading.Thread(target=self._deliver, daemon=True)
        self._thread.start()

    def _deliver(self) -> None:
        width, height = self.size
        while self._running.is_set():
            buffer = np.full((height * 3 // 2, self.stride), 77, dtype=np.uint8)  # 77: padding and chroma
            buffer[:height, :width] = self.picture(height, width)
            self.requests += 1
            if self.pre_callback is not None:
                self.pre_callback(types.SimpleNamespace(buffer=buffer.reshape(-1), get_metadata=self.metadata))
            time.sleep(0.002)

    def cancel_all_and_flush(self) -> None:
        self.calls.append("cancel")

    def stop(self) -> None:
        assert self.calls[-1] == "cancel", "stop would hang with a job still queued"
        self.calls.append("stop")
        self._running.clear()
        if self._thread is not None:
            self._thread.join()
            self._thread = None

    def close(self) -> None:
        self.calls.append("close")
        self._running.clear()


class FakeMappedArray:
    def __init__(self, request: Any, stream: str, reshape: bool = True, write: bool = True) -> None:
        assert (stream, reshape, write) == ("main", False, False)
        self.array = request.buffer

    def __enter__(self) -> FakeMappedArray:
        return self

    def __exit__(self, *_: object) -> None:
        self.array = None


class FakeColorSpace:
    class Range:
        Full, Limited = "Full", "Limited"

    @staticmethod
    def Sycc() -> str:  # noqa: N802 - libcamera's name
        return "sYCC"


def picamera2_modules(**behaviour: Any) -> dict[str, Any]:
    """Modules for `sys.modules`; keywords override class attributes of `FakePicamera2`."""
    behaviour = {k: staticmethod(v) if callable(v) else v for k, v in behaviour.items()}
    kind = type("Picamera2", (FakePicamera2,), behaviour)
    return {
        "picamera2": types.SimpleNamespace(Picamera2=kind, MappedArray=FakeMappedArray, __spec__=object()),
        "libcamera": types.SimpleNamespace(ColorSpace=FakeColorSpace),
    }
