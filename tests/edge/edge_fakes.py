"""Hand-written stand-ins for what a test machine lacks: models and a camera."""

from __future__ import annotations

import threading
import time
import types
from collections.abc import Iterator, Sequence
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
    expression = "perceived"
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
