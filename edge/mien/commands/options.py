"""Options that several commands share, and the models that they stand for."""

from __future__ import annotations

import argparse
from typing import TYPE_CHECKING, TypeAlias

if TYPE_CHECKING:
    from mien.classifier import EmotionClassifier
    from mien.detector import FaceDetector

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
    import cv2

    from mien.classifier import EmotionClassifier
    from mien.detector import FaceDetector

    # OpenCV would start a thread per core for pictures this small, and get in the engine's way.
    cv2.setNumThreads(threads)
    return FaceDetector(detector, engine, threads, score, tiles), EmotionClassifier(classifier, engine, threads)
