"""The data sets of `mien_train` as a build's source."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from torch import nn

from mien_export.build import Source
from mien_export.quantization import qat
from mien_export.sidecar import Calibration
from mien_train import evaluation
from mien_train.data import export_pictures, store
from mien_train.training.checkpoint import Checkpoint


def source(folder: Path | None, wanted: Calibration) -> Source:
    """Images and metrics out of a data folder.

    Args:
        folder: given by the user, or None for the usual places.
        wanted: number of calibration images and their seed.

    Raises:
        MienError: there is no data folder.
    """
    root = store.folder(folder)

    def training(checkpoint: Checkpoint, size: tuple[int, int]) -> NDArray[np.uint8]:
        return export_pictures.images(checkpoint, root, wanted.size, wanted.seed, size)

    def validation(checkpoint: Checkpoint, size: tuple[int, int]) -> NDArray[np.uint8]:
        return export_pictures.held_out(checkpoint, root, size)

    def evaluate(artefact: Path) -> list[Mapping[str, Any]]:
        # Builds are repeated while one chooses between settings: they never look at a test split.
        return [evaluation.evaluate(artefact, root, "val")]

    def finetune(checkpoint: Checkpoint, epochs: int) -> nn.Module:
        return qat.finetune(checkpoint, root, epochs)

    return Source(training, validation, evaluate, finetune)
