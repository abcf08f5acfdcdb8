"""The data sets of `mien_train` as a build's source."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from torch import nn

from mien.faces.letterbox import Letterbox
from mien_export.quantization import qat
from mien_export.sidecar import USUAL, Calibration
from mien_export.source import Source
from mien_train import evaluation
from mien_train.data import emotion_data, export_pictures, faces, fer, store
from mien_train.emotion import expressions
from mien_train.emotion.expressions import Heard
from mien_train.emotion.outputs import spoken
from mien_train.face import detectors, score_calibration, tile_evaluation
from mien_train.face.score_calibration import Judged
from mien_train.training.checkpoint import Checkpoint
from mien_train.training.progress import progress


def source(folder: Path | None, wanted: Calibration = USUAL) -> Source:
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

    def evaluate(artefact: Path) -> list[Mapping[str, object]]:
        # Builds are repeated while one chooses between settings: they never look at a test split.
        return [evaluation.evaluate(artefact, root, "val")]

    def finetune(checkpoint: Checkpoint, epochs: int) -> nn.Module:
        return qat.finetune(checkpoint, root, epochs)

    def face_free(artefact: Path) -> tuple[list[str], list[float]]:
        detector = detectors.opened(artefact)
        box = Letterbox(detector.height, detector.width)
        photos = [photo for photo in faces.load(root, "val").photos if photo.face_free]
        looked = progress(photos, "score threshold", unit="photographs")
        return [photo.name for photo in photos], [
            float(detector(box(photo.luma)[0]).scores.max(initial=0)) for photo in looked
        ]

    def judged(artefact: Path) -> Judged:
        detector = detectors.opened(artefact)
        photos = progress(faces.load(root, "val").photos, "score calibration", unit="photographs")
        return score_calibration.judge(detector, (detector.height, detector.width), photos)

    def tiled(artefact: Path) -> tuple[list[str], list[float]]:
        photos = [photo for photo in faces.load(root, "val").photos if photo.face_free]
        return [photo.name for photo in photos], tile_evaluation.best_scores(detectors.opened(artefact), photos)

    def choices(artefact: Path) -> dict[str, dict[str, object]]:
        source = fer.load(root)
        strict, searched = fer.split(source, "val", "strict"), emotion_data.searched(source, "val")
        said = [spoken(artefact, split.images) for split in (strict, searched)]
        heard = [Heard.of(split, one.outputs) for split, one in zip((strict, searched), said, strict=True)]
        return expressions.table(said[0].expressions, said[0].heads, *heard)

    return Source(training, validation, evaluate, finetune, judged, face_free, tiled, choices)
