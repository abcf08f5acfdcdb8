"""Which cells answer for which face: task-aligned assignment (Feng et al. 2021, "TOOD"), over a whole batch."""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor

TOP = 9
"""Largest number of cells that answer for one face."""

_SCORE_POWER, _IOU_POWER = 0.5, 4.0


@dataclass(frozen=True)
class Cells:
    """All cells of the detector's maps, map by map.

    Attributes:
        centres: float32 (A, 2), x and y, input pixels.
        strides: float32 (A,), pixels.
    """

    centres: Tensor
    strides: Tensor

    def to(self, device: torch.device) -> Cells:
        """The same on a device."""
        return Cells(self.centres.to(device), self.strides.to(device))


@dataclass(frozen=True)
class Assignment:
    """Positive cells of a batch, and what the score should be everywhere.

    Attributes:
        image, cell, face: int64 (P,), index of the image, of the cell, and of the face in the flat list.
        score: float32 (N, A), wanted score, 0 for background.
        counted: bool (N, A), false where a cell lies on an ignored face and answers for none.
    """

    image: Tensor
    cell: Tensor
    face: Tensor
    score: Tensor
    counted: Tensor


def cells(height: int, width: int, strides: tuple[int, ...]) -> Cells:
    """The cells of an input of this size, in the order of the maps, row by row."""
    centres, sizes = [], []
    for stride in strides:
        y, x = torch.meshgrid(torch.arange(height // stride), torch.arange(width // stride), indexing="ij")
        centres.append((torch.stack([x, y], dim=-1).reshape(-1, 2) + 0.5) * stride)
        sizes.append(torch.full((x.numel(),), float(stride)))
    return Cells(torch.cat(centres), torch.cat(sizes))


def pairwise_iou(predicted: Tensor, faces: Tensor) -> Tensor:
    """Intersection over union of broadcast boxes (..., 4) × (..., 4) → (...)."""
    shared = (
        torch.minimum(predicted[..., 2:], faces[..., 2:]) - torch.maximum(predicted[..., :2], faces[..., :2])
    ).clamp(min=0)
    intersection = shared[..., 0] * shared[..., 1]
    area = (predicted[..., 2] - predicted[..., 0]) * (predicted[..., 3] - predicted[..., 1])
    other = (faces[..., 2] - faces[..., 0]) * (faces[..., 3] - faces[..., 1])
    return intersection / (area + other - intersection).clamp(min=1e-6)


@torch.no_grad()
def assign(scores: Tensor, boxes: Tensor, faces: Tensor, image: Tensor, ignore: Tensor, grid: Cells) -> Assignment:
    """Choose the positive cells of a batch.

    Args:
        scores: float32 (N, A), predicted, 0..1.
        boxes: float32 (N, A, 4), predicted, input pixels.
        faces: float32 (T, 4), all faces of the batch, input pixels.
        image: int64 (T,), the image of each face.
        ignore: bool (T,), faces that are neither positives nor background.
        grid: the cells.
    """
    (n, a), where = scores.shape, scores.device
    inside = _inside(faces, grid)  # (T, A)
    doubtful = torch.zeros(n, a, device=where).index_add_(0, image[ignore], inside[ignore].float())
    counted = doubtful == 0
    wanted = torch.zeros(n, a, device=where)
    real = torch.nonzero(~ignore)[:, 0]
    if not len(real):
        return Assignment(real, real, real, wanted, counted)

    faces, image, inside = faces[real], image[real], inside[real]
    overlap = pairwise_iou(boxes[image], faces[:, None])  # (T, A)
    size = ((faces[:, 2] - faces[:, 0]) * (faces[:, 3] - faces[:, 1])).clamp(min=1).sqrt()
    distance = (grid.centres - ((faces[:, :2] + faces[:, 2:]) / 2)[:, None]).norm(dim=2)
    # A tiny prior decides while predictions are still random: near the centre, on the map of the fitting stride.
    level = (size[:, None] / (grid.strides * 4)).log2().abs()
    prior = torch.exp(-distance / size[:, None] - level)
    candidate = inside | (distance < grid.strides)  # a small face may hold no cell's centre
    alignment = (scores[image] ** _SCORE_POWER * overlap**_IOU_POWER + 1e-4 * prior) * candidate
    top, cell = alignment.topk(TOP, dim=1)  # (T, TOP)
    face = torch.arange(len(faces), device=where)[:, None].expand_as(cell)
    chosen = top > 0
    cell, face, top = cell[chosen], face[chosen], top[chosen]
    iou = overlap[face, cell]

    # A cell that several faces chose answers for the one it overlaps most.
    flat = image[face] * a + cell
    best = torch.full((n * a,), -1.0, device=where).scatter_reduce_(0, flat, iou, "amax")
    kept = iou >= best[flat]
    cell, face, top, iou = cell[kept], face[kept], top[kept], iou[kept]
    highest = torch.full((len(faces),), 1e-9, device=where).scatter_reduce_(0, face, top, "amax")
    closest = torch.zeros(len(faces), device=where).scatter_reduce_(0, face, iou, "amax")
    wanted[image[face], cell] = top / highest[face] * closest[face]
    counted[image[face], cell] = True
    return Assignment(image[face], cell, real[face], wanted, counted)


def _inside(faces: Tensor, grid: Cells) -> Tensor:
    """Whether each cell's centre lies in each face's box: bool (T, A)."""
    after = grid.centres > faces[:, None, :2]
    before = grid.centres < faces[:, None, 2:]
    return (after & before).all(dim=2)
