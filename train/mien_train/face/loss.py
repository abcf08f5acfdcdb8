"""The detector's losses: score, box and landmarks, over the cells that the assignment chose."""

from __future__ import annotations

import math
from dataclasses import dataclass, fields

import torch
import torch.nn.functional as F  # noqa: N812 - torch's own convention
from torch import Tensor

from mien_train.face.assign import Cells, assign


@dataclass(frozen=True)
class Targets:
    """The faces of a batch, in one list.

    Attributes:
        image: int64 (T,), the image of each face.
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

    def to(self, device: torch.device) -> Targets:
        """The same on a device."""
        return Targets(*(getattr(self, field.name).to(device) for field in fields(self)))


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
    """`mien.faces.decode` in torch: raw maps (N, 1 | 4 | 10, h, w), levels within kinds → predictions."""
    levels = len(outputs) // 3
    score, box, points = (
        torch.cat([o.float().flatten(2).transpose(1, 2) for o in outputs[kind * levels : (kind + 1) * levels]], dim=1)
        for kind in range(3)
    )  # (N, A, 1), (N, A, 4), (N, A, 10)
    stride = grid.strides[:, None]
    centre = grid.centres + stride * box[..., :2]
    half = 0.5 * stride * box[..., 2:].clamp(max=6).exp()
    landmarks = grid.centres[:, None] + stride[..., None] * points.reshape(*points.shape[:2], 5, 2)
    return Decoded(score[..., 0], torch.cat([centre - half, centre + half], dim=2), landmarks)


def losses(outputs: tuple[Tensor, ...], targets: Targets, grid: Cells, doubt: float = 0.0) -> dict[str, Tensor]:
    """Score (binary cross-entropy against alignment), box (complete IoU) and landmarks (smooth L1), unweighted.

    Args:
        outputs: the network's raw maps.
        targets: the faces.
        grid: the cells, on the targets' device.
        doubt: 0 to 1, how much a label's lack of certainty lowers the score that is asked of its cells, and with it
            how much its box and landmarks count.
    """
    found = decode(outputs, grid)
    chosen = assign(
        found.logits.detach().sigmoid(), found.boxes.detach(), targets.boxes, targets.image, targets.ignore, grid
    )
    asked = 1 - doubt * (1 - targets.certainty[chosen.face])
    weight = chosen.score[chosen.image, chosen.cell] * asked
    score = chosen.score.index_put((chosen.image, chosen.cell), weight)
    total = score.sum().clamp(min=1)
    entropy = F.binary_cross_entropy_with_logits(found.logits, score, reduction="none")
    faces = targets.boxes[chosen.face]
    box = complete_iou_loss(found.boxes[chosen.image, chosen.cell], faces)
    side = ((faces[:, 2:] - faces[:, :2]).prod(dim=1)).clamp(min=1).sqrt()
    wanted = targets.landmarks[chosen.face]
    known = torch.isfinite(wanted).all(dim=2).all(dim=1)
    gap = (found.landmarks[chosen.image, chosen.cell] - wanted.nan_to_num()) / side[:, None, None]
    points = F.smooth_l1_loss(gap, torch.zeros_like(gap), beta=0.05, reduction="none").mean(dim=(1, 2))
    return {
        "score": (entropy * chosen.counted).sum() / total,
        "box": (box * weight).sum() / total,
        "landmarks": 10 * (points * weight * known).sum() / total,
    }


def complete_iou_loss(predicted: Tensor, faces: Tensor) -> Tensor:
    """1 − CIoU of paired boxes: (P, 4), (P, 4) → (P,) (Zheng et al. 2020)."""
    shared = (torch.minimum(predicted[:, 2:], faces[:, 2:]) - torch.maximum(predicted[:, :2], faces[:, :2])).clamp(
        min=0
    )
    intersection = shared.prod(dim=1)
    size, other = predicted[:, 2:] - predicted[:, :2], faces[:, 2:] - faces[:, :2]
    iou = intersection / (size.prod(dim=1) + other.prod(dim=1) - intersection).clamp(min=1e-6)
    hull = torch.maximum(predicted[:, 2:], faces[:, 2:]) - torch.minimum(predicted[:, :2], faces[:, :2])
    offset = (predicted[:, :2] + predicted[:, 2:] - faces[:, :2] - faces[:, 2:]) / 2
    apart = offset.square().sum(dim=1) / hull.square().sum(dim=1).clamp(min=1e-6)
    shape = 4 / math.pi**2 * (torch.atan2(other[:, 0], other[:, 1]) - torch.atan2(size[:, 0], size[:, 1])).square()
    with torch.no_grad():
        share = shape / (1 - iou + shape).clamp(min=1e-6)
    return 1 - iou + apart + share * shape
