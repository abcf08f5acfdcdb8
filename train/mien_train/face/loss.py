"""The detector's losses: score, box and landmarks, over the cells that the assignment chose."""

from __future__ import annotations

import math
from dataclasses import dataclass

import torch
import torch.nn.functional as F  # noqa: N812 - torch's own convention
from torch import Tensor

from mien_train.face.assign import TOP, Cells, assign
from mien_train.networks.face import STRIDES


@dataclass(frozen=True)
class Targets:
    """The faces of a batch, in one list.

    Attributes:
        image: int64 (T,), the image of each face; −1 where the row is no face but fills the list.
        boxes: float32 (T, 4), input pixels.
        landmarks: float32 (T, 5, 2), input pixels, NaN where there are none.
        ignore: bool (T,).
        certainty: float32 (T,), 0..1, how sure each label is.
    """

    image: Tensor
    boxes: Tensor
    landmarks: Tensor
    ignore: Tensor
    certainty: Tensor

    @classmethod
    def of(cls, rows: Tensor) -> Targets:
        """What `rows` has packed."""
        image, boxes, landmarks, ignore, certainty = torch.split(rows, [1, 4, 10, 1, 1], dim=1)
        return cls(image[:, 0].long(), boxes, landmarks.reshape(-1, 5, 2), ignore[:, 0] > 0, certainty[:, 0])

    def rows(self, count: int) -> Tensor:
        """All of it in one tensor of a shape of its own: float32 (count, 17), filled up with rows that are no face."""
        parts = (
            self.image[:, None].float(),
            self.boxes,
            self.landmarks.flatten(1),
            self.ignore[:, None].float(),
            self.certainty[:, None],
        )
        packed = torch.cat(parts, dim=1)
        return torch.cat([packed, packed.new_tensor(_NO_FACE).expand(count - len(packed), -1)])


_NO_FACE = (-1.0, *(0.0, 0.0, 1.0, 1.0), *(0.0,) * 10, 0.0, 0.0)
"""A row of `Targets.rows` that is no face; its box has an area, since gradients pass through it, weighted with 0."""


@dataclass(frozen=True)
class Decoded:
    """Every cell's prediction, in input pixels.

    Attributes:
        logits: float32 (N, A).
        boxes: float32 (N, A, 4).
        landmarks: float32 (N, A, 5, 2).
    """

    logits: Tensor
    boxes: Tensor
    landmarks: Tensor


def decode(outputs: tuple[Tensor, ...], grid: Cells) -> Decoded:
    """`mien.faces.decode` in torch: raw maps (N, 1 | 4 | 10, h, w), levels within kinds → predictions.

    Features, which follow the maps in training, are left alone.
    """
    levels = len(STRIDES)
    score, box, points = (
        torch.cat([o.float().flatten(2).transpose(1, 2) for o in outputs[kind * levels : (kind + 1) * levels]], dim=1)
        for kind in range(3)
    )  # (N, A, 1), (N, A, 4), (N, A, 10)
    stride = grid.strides[:, None]
    centre = grid.centres + stride * box[..., :2]
    half = 0.5 * stride * box[..., 2:].clamp(max=6).exp()
    landmarks = grid.centres[:, None] + stride[..., None] * points.reshape(*points.shape[:2], 5, 2)
    return Decoded(score[..., 0], torch.cat([centre - half, centre + half], dim=2), landmarks)


def losses(found: Decoded, targets: Targets, grid: Cells, doubt: float = 0.0) -> dict[str, Tensor]:
    """Score (binary cross-entropy against alignment), box (complete IoU) and landmarks (smooth L1), unweighted.

    Args:
        found: the network's predictions.
        targets: the faces.
        grid: the cells, on the targets' device.
        doubt: 0 to 1, how much a label's lack of certainty lowers the score that is asked of its cells, and with it
            how much its box and landmarks count.
    """
    n, a = found.logits.shape
    chosen = assign(
        found.logits.detach().sigmoid(), found.boxes.detach(), targets.boxes, targets.image, targets.ignore, grid
    )
    weight = chosen.wanted * (1 - doubt * (1 - targets.certainty[:, None]))  # (T, TOP)
    at = (targets.image.clamp(min=0)[:, None] * a + chosen.cell).flatten()
    score = torch.zeros(n * a, device=weight.device).scatter_reduce_(0, at, weight.flatten(), "amax").view(n, a)
    total = score.sum().clamp(min=1)
    entropy = F.binary_cross_entropy_with_logits(found.logits, score, reduction="none")
    faces = targets.boxes[:, None].expand(-1, TOP, -1).flatten(0, 1)
    box = complete_iou_loss(found.boxes.flatten(0, 1).index_select(0, at), faces)
    known = torch.isfinite(targets.landmarks).all(dim=2).all(dim=1)
    theirs = targets.landmarks.nan_to_num()[:, None].expand(-1, TOP, -1, -1).flatten(0, 1)
    points = landmark_loss(found.landmarks.flatten(0, 1).index_select(0, at), theirs, faces)
    return {
        "score": (entropy * chosen.counted).sum() / total,
        "box": (box * weight.flatten()).sum() / total,
        "landmarks": (points * (weight * known[:, None]).flatten()).sum() / total,
    }


def landmark_loss(predicted: Tensor, wanted: Tensor, faces: Tensor) -> Tensor:
    """Smooth L1 of paired landmarks in tenths of their faces' sides: (P, 5, 2), (P, 5, 2), boxes (P, 4) → (P,)."""
    size = faces[:, 2:] - faces[:, :2]
    side = (size[:, 0] * size[:, 1]).clamp(min=1).sqrt()
    gap = (predicted - wanted) / side[:, None, None]
    return 10 * F.smooth_l1_loss(gap, torch.zeros_like(gap), beta=0.05, reduction="none").mean(dim=(1, 2))


def complete_iou_loss(predicted: Tensor, faces: Tensor) -> Tensor:
    """1 − CIoU of paired boxes: (P, 4), (P, 4) → (P,) (Zheng et al. 2020)."""
    shared = (torch.minimum(predicted[:, 2:], faces[:, 2:]) - torch.maximum(predicted[:, :2], faces[:, :2])).clamp(
        min=0
    )
    # Not `prod`: its backward pass counts zeros, and waits for an accelerator's answer.
    intersection = shared[:, 0] * shared[:, 1]
    size, other = predicted[:, 2:] - predicted[:, :2], faces[:, 2:] - faces[:, :2]
    union = size[:, 0] * size[:, 1] + other[:, 0] * other[:, 1] - intersection
    iou = intersection / union.clamp(min=1e-6)
    hull = torch.maximum(predicted[:, 2:], faces[:, 2:]) - torch.minimum(predicted[:, :2], faces[:, :2])
    offset = (predicted[:, :2] + predicted[:, 2:] - faces[:, :2] - faces[:, 2:]) / 2
    apart = offset.square().sum(dim=1) / hull.square().sum(dim=1).clamp(min=1e-6)
    shape = 4 / math.pi**2 * (torch.atan2(other[:, 0], other[:, 1]) - torch.atan2(size[:, 0], size[:, 1])).square()
    with torch.no_grad():
        share = shape / (1 - iou + shape).clamp(min=1e-6)
    return 1 - iou + apart + share * shape
