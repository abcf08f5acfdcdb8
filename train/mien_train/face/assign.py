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
    """Which cells answer for each face, and where the score is asked for.

    Attributes:
        cell: int64 (T, TOP), candidates of each face.
        kept: bool (T, TOP), whether the cell answers for the face; no cell answers for two.
        wanted: float32 (T, TOP), the score that is asked of it, 0 where it does not answer.
        counted: bool (N, A), false where a cell lies on an ignored face and answers for none.
    """

    cell: Tensor
    kept: Tensor
    wanted: Tensor
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

    No shape depends on a value and nothing is waited for, so that an accelerator can record it.

    Args:
        scores: float32 (N, A), predicted, 0..1.
        boxes: float32 (N, A, 4), predicted, input pixels.
        faces: float32 (T, 4), all faces of the batch, input pixels, of an area each.
        image: int64 (T,), the image of each face; −1 where the row is no face.
        ignore: bool (T,), faces that are neither positives nor background.
        grid: the cells.
    """
    (n, a), where = scores.shape, scores.device
    there, image = image >= 0, image.clamp(min=0)
    inside = _inside(faces, grid)  # (T, A)
    overlap = pairwise_iou(boxes[image], faces[:, None])  # (T, A)
    size = ((faces[:, 2] - faces[:, 0]) * (faces[:, 3] - faces[:, 1])).clamp(min=1).sqrt()
    distance = (grid.centres - ((faces[:, :2] + faces[:, 2:]) / 2)[:, None]).norm(dim=2)
    # A small face may hold no cell's centre.
    unasked = (inside | (distance < grid.strides.min())) & (there & ignore)[:, None]
    doubtful = torch.zeros(n, a, device=where).index_add_(0, image, unasked.float())
    # A tiny prior decides while predictions are still random: near the centre, on the map of the fitting stride.
    level = (size[:, None] / (grid.strides * 4)).log2().abs()
    prior = torch.exp(-distance / size[:, None] - level)
    candidate = (inside | (distance < grid.strides)) & (there & ~ignore)[:, None]
    alignment = (scores[image] ** _SCORE_POWER * overlap**_IOU_POWER + 1e-4 * prior) * candidate
    top, cell = alignment.topk(TOP, dim=1)  # (T, TOP)
    chosen, iou = top > 0, overlap.gather(1, cell)

    # A cell that several faces chose answers for the one it overlaps most, of equal ones for the first.
    flat = image[:, None] * a + cell
    best = _reduced(n * a, -1.0, flat, iou.where(chosen, -1.0), "amax")
    kept = chosen & (iou >= best[flat])
    row = torch.arange(len(faces), device=where, dtype=torch.float32)[:, None].expand_as(cell)
    last = float(len(faces))
    kept &= row == _reduced(n * a, last, flat, row.where(kept, last), "amin")[flat]
    highest = top.where(kept, 0).amax(dim=1, keepdim=True).clamp(min=1e-9)
    closest = iou.where(kept, 0).amax(dim=1, keepdim=True)
    answering = _reduced(n * a, 0.0, flat, kept.float(), "amax").view(n, a)
    return Assignment(cell, kept, (top / highest * closest).where(kept, 0), (doubtful == 0) | (answering > 0))


def _reduced(count: int, first: float, at: Tensor, values: Tensor, how: str) -> Tensor:
    """Of `count` numbers that begin as `first`, each with the largest ("amax") or least ("amin") value of its place."""
    numbers = torch.full((count,), first, device=values.device)
    return numbers.scatter_reduce_(0, at.flatten(), values.flatten(), how)


def _inside(faces: Tensor, grid: Cells) -> Tensor:
    """Whether each cell's centre lies in each face's box: bool (T, A)."""
    after = grid.centres > faces[:, None, :2]
    before = grid.centres < faces[:, None, 2:]
    return (after & before).all(dim=2)
