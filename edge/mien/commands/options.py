"""Options that several commands share, and the models that they stand for."""

from __future__ import annotations

import argparse
from typing import TYPE_CHECKING, TypeAlias

from mien.errors import MienError

if TYPE_CHECKING:
    from mien.emotions.classifier import EmotionClassifier
    from mien.faces.detector import FaceDetector

TILES_HELP = (
    "also scan overlapping tiles, magnified, for small faces: one more run of the detector a tile "
    "(nine for 640x480 with face-base), and more false alarms"
)
"""Of `--tiles`."""

_MOST_THREADS = 256

Subparsers: TypeAlias = "argparse._SubParsersAction[argparse.ArgumentParser]"


def add_engine(parser: argparse.ArgumentParser, default: str | None = "litert") -> None:
    """Add `--engine`, checked where the engine is opened, so that this needs no import."""
    parser.add_argument("--engine", default=default, metavar="NAME", help="litert (default), onnx or tflite")


def open_models(
    engine: str,
    threads: int,
    detector: str = "face-base",
    classifier: str = "emotion-base",
    score: float | None = None,
    tiles: bool = False,
) -> tuple[FaceDetector, EmotionClassifier]:
    """Load both models; `tiles` as for `FaceDetector`.

    Raises:
        MienError: a model or the engine cannot be used.
    """
    if not 1 <= threads <= _MOST_THREADS:
        raise MienError(f"threads is {threads}; give 1 to {_MOST_THREADS}")
    import cv2

    from mien.emotions.classifier import EmotionClassifier
    from mien.faces.detector import FaceDetector

    # OpenCV would start a thread per core for pictures this small, and get in the engine's way.
    cv2.setNumThreads(threads)
    return FaceDetector(detector, engine, threads, score, tiles), EmotionClassifier(classifier, engine, threads)
