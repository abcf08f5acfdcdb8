"""What an export needs of the data, as functions: `mien_export.sets` has those of the data sets."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from torch import nn

from mien_train.face.score_calibration import Judged
from mien_train.training.checkpoint import Checkpoint

Images = Callable[[Checkpoint, tuple[int, int]], NDArray[np.uint8]]
"""Checkpoint and (height, width) → uint8 (n, height, width)."""

FaceFree = Callable[[Path], tuple[Sequence[str], Sequence[float]]]
"""A detector's TFLite file → names of the face-free validation photographs, and its highest score in each, 0 to 1."""


@dataclass(frozen=True, slots=True)
class Source:
    """Images and figures.

    Attributes:
        calibration: training images that set the activations' ranges.
        held_out: validation images on which the two artefacts are compared.
        evaluate: metrics of an artefact, one mapping per split.
        finetune: a checkpoint's network after so many epochs of quantization-aware fine-tuning.
        judged: a detector's TFLite file → its detections on validation photographs, and which are right.
        face_free: what a detector sees where there is no face.
        tiled: the same of its tiles, at the whole frame's threshold: 1 where the whole frame alarms by itself.
        choices: what each expression of a classifier's artefact finds on validation images, class by class.
    """

    calibration: Images
    held_out: Images
    evaluate: Callable[[Path], Sequence[Mapping[str, object]]]
    finetune: Callable[[Checkpoint, int], nn.Module]
    judged: Callable[[Path], Judged]
    face_free: FaceFree
    tiled: FaceFree
    choices: Callable[[Path], Mapping[str, object]]
