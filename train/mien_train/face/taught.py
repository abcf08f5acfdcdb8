"""The face task with a teacher: what a larger detector sees in the very pictures that the student is shown.

A label says where a face is; the teacher also says how plain it is, what else nearly looks like one, and where the
landmarks of faces lie that only a person labelled (Hinton et al. 2015; for detectors Chen et al. 2017, "Learning
efficient object detection models with knowledge distillation"). Where its features have as many channels as the
student's, they may be asked for as well (Romero et al. 2015, "FitNets: hints for thin deep nets").
"""

from __future__ import annotations

import dataclasses
from collections.abc import Sequence
from pathlib import Path

import torch
import torch.nn.functional as F  # noqa: N812 - torch's own convention
from torch import Tensor

from mien.errors import MienError
from mien_train.data import store
from mien_train.data.faces import Photos
from mien_train.face.loss import Decoded, Targets, complete_iou_loss, decode, landmark_loss, losses
from mien_train.face.task import FaceTask
from mien_train.networks.face import FACE_OUTPUTS, FaceNet
from mien_train.recipes.face import FaceRecipe
from mien_train.training import checkpoint, step

Told = tuple[Decoded, tuple[Tensor, ...]]
"""What a teacher says of a batch: its predictions, and its features as `FaceNet.features` gives them."""

_LEAST = 0.1
"""Cells to which the teacher gives less are background: where a box would lie there it does not know."""

_FLAT = 1e-4
"""Variance below which a map of the teacher's says nothing, and would be asked for in units of nearly nothing."""


class TaughtFaceTask(FaceTask):
    """Trains on labels and on what a teacher sees in the same pictures.

    Args:
        recipe: with `taught` above 0.
        train, val: photographs.
        run: the teacher's folder, or .pt file.

    Raises:
        MienError: no finished run of a detector for this input, or one that was trained on other photographs.
    """

    def __init__(self, recipe: FaceRecipe, train: Photos, val: Photos, run: Path) -> None:
        path = run / "checkpoint.pt" if run.is_dir() else run
        stored = checkpoint.finished(path)
        if stored.task != "face":
            raise MienError(f"{path}: is a checkpoint for {stored.task!r}; a detector's teacher is a detector")
        size = stored.recipe["height"], stored.recipe["width"]
        if size != (recipe.height, recipe.width):
            raise MienError(
                f"{path}: sees {size[0]}×{size[1]} pixels, the student {recipe.height}×{recipe.width}; train a teacher "
                "with --set height and width of the student"
            )
        if stored.data_sha256 != train.sha256:
            raise MienError(
                f"{path}: is trained on other photographs, perhaps on those that validate the student; train a teacher "
                "on the student's data"
            )
        width = stored.network["width"]
        if recipe.hinted and width != recipe.channels:
            raise MienError(
                f"{path}: has {width} channels before its heads, the student {recipe.channels}, so that their features "
                "cannot be compared; set hinted to 0, or channels to the teacher's"
            )
        digits = store.file_sha256(path)[: checkpoint.SHORT]
        super().__init__(dataclasses.replace(recipe, teachers=digits), train, val)
        built = stored.build().requires_grad_(False)
        assert isinstance(built, FaceNet)
        self._teacher: FaceNet = built.to(self.device, memory_format=torch.channels_last)  # type: ignore[call-overload]

    @torch.no_grad()
    def told(self, inputs: Tensor) -> Told:
        """What the teacher sees in inputs float32 (N, 1, H, W)."""
        fast = step.precision_of(self.recipe.precision, self.device) == torch.bfloat16
        with torch.autocast(self.device.type, torch.bfloat16, enabled=fast):
            features = self._teacher.features(inputs)
            return decode(self._teacher.found(features), self._grid_there), features

    def loss(self, outputs: tuple[Tensor, ...], targets: tuple[Tensor, Told]) -> dict[str, Tensor]:  # type: ignore[override] # the step adds what is told
        """The labels' loss weighted with `1 − taught`, the teacher's with `taught` and named "taught_…".

        "hint" is what is asked of the student's features, which follow its maps.
        """
        rows, (told, theirs) = targets
        found, taught = decode(outputs, self._grid_there), self.recipe.taught
        labels = self.weighted(losses(found, Targets.of(rows), self._grid_there, self.recipe.doubt))
        parts = {name: (1 - taught) * part for name, part in labels.items()}
        teacher = self.weighted(taught_losses(found, told))
        parts |= {f"taught_{name}": taught * part for name, part in teacher.items()}
        if self.recipe.hinted:
            parts["hint"] = self.recipe.hinted * hint(outputs[len(FACE_OUTPUTS) :], theirs)
        return parts


def hint(features: Sequence[Tensor], theirs: Sequence[Tensor]) -> Tensor:
    """Mean over maps of the squared distance from a teacher's, each in units of the variance of the teacher's map.

    Args:
        features: of the student, (N, C, h, w) each.
        theirs: the teacher's, for the same pictures; maps of another number of channels are passed over.
    """
    gaps = [
        F.mse_loss(a.float(), b.float()) / b.float().var().clamp(min=_FLAT)
        for a, b in zip(features, theirs, strict=True)
        if a.shape == b.shape
    ]
    return torch.stack(gaps).mean()


def taught_losses(found: Decoded, told: Decoded) -> dict[str, Tensor]:
    """How far predictions are from a teacher's, cell by cell, as `losses` gives it for labels.

    Boxes and landmarks count as much as the teacher is sure of a face in their cell; everything is divided by the sum
    of all its scores.

    Args:
        found: of the student.
        told: of the teacher, for the same pictures.
    """
    wanted = told.logits.sigmoid()
    total = wanted.sum().clamp(min=1)
    weight = (wanted * (wanted > _LEAST)).flatten()
    entropy = F.binary_cross_entropy_with_logits(found.logits, wanted, reduction="none")
    boxes, faces = found.boxes.flatten(0, 1), told.boxes.flatten(0, 1)
    points = landmark_loss(found.landmarks.flatten(0, 1), told.landmarks.flatten(0, 1), faces)
    return {
        "score": entropy.sum() / total,
        "box": (complete_iou_loss(boxes, faces) * weight).sum() / total,
        "landmarks": (points * weight).sum() / total,
    }
