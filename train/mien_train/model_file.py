"""A model file of any kind: .pt checkpoint, or .onnx / .tflite beside its sidecar."""

from __future__ import annotations

from pathlib import Path

from mien.errors import MienError
from mien.models import bundle
from mien_train.training import checkpoint

ENGINE = {".tflite": "litert", ".onnx": "onnx"}
"""File suffix to the runtime engine that runs it."""


def task_of(model: Path) -> str:
    """ "emotion" or "face", read from the checkpoint or the sidecar."""
    if not model.is_file():
        raise MienError(f"{model}: no such model file")
    if model.suffix == ".pt":
        return checkpoint.load(model).task
    if model.suffix not in ENGINE:
        raise MienError(f"{model}: cannot be evaluated; give a .pt, .onnx or .tflite file")
    return bundle.load(model).task
