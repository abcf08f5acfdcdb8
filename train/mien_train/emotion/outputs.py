"""What a model file of any kind says of images, head by head."""

from __future__ import annotations

from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from mien.emotions.align import SIZE
from mien.errors import MienError
from mien.models import bundle
from mien.models.engine import open_engine
from mien.models.expression import Expression
from mien_train.emotion import heads, task
from mien_train.emotion.heads import Spoken
from mien_train.model_file import ENGINE
from mien_train.training import checkpoint
from mien_train.training.progress import progress


def expressions(model: Path) -> tuple[Expression, ...]:
    """How a model file may be read, its own choice first.

    Raises:
        MienError: it cannot be read, or that was not chosen yet.
    """
    return heads.expressions(checkpoint.finished(model)) if model.suffix == ".pt" else bundle.load(model).expressions


def spoken(model: Path, images: NDArray[np.uint8]) -> Spoken:
    """Run a model file.

    Args:
        model: .pt checkpoint of a finished run, or .onnx / .tflite with its sidecar beside it.
        images: uint8 (n, 48, 48).

    Raises:
        MienError: it cannot be run, takes other images, or it was not chosen yet how it is read.
    """
    if model.suffix == ".pt":
        stored = checkpoint.finished(model)
        found = heads.of(stored)
        said = heads.parted(task.logits(stored.build(), images).numpy(), found)
        return Spoken(said, found, heads.expressions(stored))
    contract = bundle.load(model)
    if (contract.height, contract.width) != (SIZE, SIZE):
        raise MienError(f"{model}: takes {contract.height}×{contract.width} pixels; emotion images are {SIZE}×{SIZE}")
    engine = open_engine(contract, ENGINE[model.suffix])
    raw = [np.empty((len(images), len(output.labels)), np.int8) for output in contract.outputs]
    for index, image in enumerate(progress(images, model.name, unit="images")):
        for rows, (row,) in zip(raw, engine.run(image), strict=True):
            rows[index] = row
    real = tuple(output.quantization.dequantize(rows) for output, rows in zip(contract.outputs, raw, strict=True))
    return Spoken(real, {output.name: output.labels for output in contract.outputs}, contract.expressions)
