"""Faces and their expressions, read on the device: offline, in int8, from luma alone."""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from mien.cameras.base import Camera
    from mien.cameras.luma import read_image, to_luma
    from mien.cameras.opening import open_source
    from mien.emotions.classifier import EmotionClassifier
    from mien.errors import MienError
    from mien.faces.detector import FaceDetector
    from mien.faces.face import Face
    from mien.frame import Frame
    from mien.outputs.callback import Callback
    from mien.pipeline import Pipeline
    from mien.reader import FaceReader
    from mien.reading import FrameResult, Reading

__all__ = [
    "Callback",
    "Camera",
    "EmotionClassifier",
    "Face",
    "FaceDetector",
    "FaceReader",
    "Frame",
    "FrameResult",
    "MienError",
    "Pipeline",
    "Reading",
    "open_source",
    "read_image",
    "to_luma",
]

_HOMES = {
    "Callback": "mien.outputs.callback",
    "Camera": "mien.cameras.base",
    "EmotionClassifier": "mien.emotions.classifier",
    "Face": "mien.faces.face",
    "FaceDetector": "mien.faces.detector",
    "FaceReader": "mien.reader",
    "Frame": "mien.frame",
    "FrameResult": "mien.reading",
    "MienError": "mien.errors",
    "Pipeline": "mien.pipeline",
    "Reading": "mien.reading",
    "open_source": "mien.cameras.opening",
    "read_image": "mien.cameras.luma",
    "to_luma": "mien.cameras.luma",
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
