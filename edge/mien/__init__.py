"""Faces and their expressions, read on the device: offline, in int8, from luma alone."""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from mien.emotions.classifier import EmotionClassifier
    from mien.faces.detector import FaceDetector
    from mien.faces.face import Face
    from mien.frame import Frame
    from mien.pipeline import Pipeline
    from mien.reading import Reading

__all__ = ["EmotionClassifier", "Face", "FaceDetector", "Frame", "Pipeline", "Reading"]

_HOMES = {
    "EmotionClassifier": "mien.emotions.classifier",
    "Face": "mien.faces.face",
    "FaceDetector": "mien.faces.detector",
    "Frame": "mien.frame",
    "Pipeline": "mien.pipeline",
    "Reading": "mien.reading",
}


def __getattr__(name: str) -> Any:
    # `import mien` stays fast (no numpy, no OpenCV): each name is imported when it is first used (PEP 562).
    if name == "__version__":
        from importlib.metadata import version  # it costs 18 ms and a socket import: only for who asks

        return version("mien")
    if name in _HOMES:
        return getattr(importlib.import_module(_HOMES[name]), name)
    raise AttributeError(f"module 'mien' has no attribute {name!r}")


def __dir__() -> list[str]:
    return sorted([*globals(), *__all__, "__version__"])
