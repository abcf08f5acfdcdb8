"""What the reader and the pipeline need of the parts that they are given, so that each can be replaced."""

from __future__ import annotations

from collections.abc import Callable
from typing import NamedTuple, Protocol

import numpy as np
from numpy.typing import NDArray

from mien.faces.face import Face
from mien.frame import Frame
from mien.laps import Laps
from mien.reading import FrameResult

Preview = Callable[[Frame, FrameResult], None]
"""Is shown a frame, whose luma is valid during the call only, and its result."""


class Verdict(NamedTuple):
    """What probabilities amount to: the emotion to show, the most probable label, and why the two differ (or None)."""

    emotion: str
    top: str
    reason: str | None


class Detector(Protocol):
    """What is needed of `mien.FaceDetector`."""

    def detect(self, luma: NDArray[np.uint8], laps: Laps | None = None) -> tuple[Face, ...]:
        """Faces of uint8 (H, W), booking "resize", "detect" and "decode"."""
        ...

    def close(self) -> None:
        """Let go of the interpreters."""
        ...


class Classifier(Protocol):
    """What is needed of `mien.EmotionClassifier`."""

    expression: str
    labels: tuple[str, ...]
    template: NDArray[np.float32]

    def probabilities(self, crops: NDArray[np.uint8]) -> NDArray[np.float32]:
        """uint8 (n, 48, 48) → float32 (n, K)."""
        ...

    def verdict(self, probabilities: NDArray[np.float32]) -> Verdict:
        """What one row (K,) amounts to."""
        ...

    def close(self) -> None:
        """Let go of the interpreter."""
        ...


class Indicator(Protocol):
    """What shows people that frames are taken, such as an LED; from any thread."""

    def on(self) -> None:
        """A frame is taken from the camera; called for each, before it is looked at."""
        ...

    def off(self) -> None:
        """None is taken for the present."""
        ...


class Sink(Protocol):
    """Where results go."""

    def write(self, result: FrameResult) -> None:
        """Take one frame's result."""
        ...
