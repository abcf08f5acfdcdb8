"""Faces side by side and behind one another: another photograph's head laid half over a face, or half behind it."""

from __future__ import annotations

import math

import cv2
import numpy as np
from numpy.random import Generator
from numpy.typing import NDArray

from mien.faces.face import iou
from mien_train.data.faces import Photo
from mien_train.face.compose import MIRROR, SMALLEST, VISIBLE, Picture
from mien_train.face.scraps import Scraps, around

LEAST = 16.0
"""Faces lower than this many pixels in the training picture get no neighbour."""
MOST_OVERLAP = 0.4
"""Of two boxes: suppression must keep both, and does so up to 0.55."""

_HIGHEST = 0.6
"""Of the picture's height: faces that fill it leave no room beside them."""
_SIZES = (0.65, 1.5)
"""Height of the neighbour, in heights of the face."""
_GROWN = 1.3
"""How far a head may be enlarged beyond its photograph's pixels."""
_ASIDE, _ABOVE = (0.45, 1.0), (-0.4, 0.5)
"""Distance of the middles: sideways in mean widths, upright in heights of the face (negative is above)."""
_IN_FRONT = 0.6
"""Share of neighbours that hide part of the face; the others are hidden by it."""
_SHOULDERS = 0.6
"""Share of neighbours that come with their shoulders."""


def join(picture: Picture, scraps: Scraps, rng: Generator) -> Picture:
    """Give one face a neighbour; the picture as it is where no face has room for one."""
    height, width = picture.luma.shape
    heights = picture.boxes[:, 3] - picture.boxes[:, 1]
    free = np.flatnonzero(~picture.ignore & (heights >= LEAST) & (heights <= _HIGHEST * height))
    if not len(free) or not scraps.heads:
        return picture
    face = int(rng.choice(free))
    box = picture.boxes[face]
    photo, source = scraps.heads[rng.integers(len(scraps.heads))]
    from_box = photo.boxes[source]
    wanted = float(heights[face] * math.exp(rng.uniform(*np.log(_SIZES))))
    scale = min(wanted / float(from_box[3] - from_box[1]), _GROWN)
    half = (from_box[2:] - from_box[:2]) * scale / 2
    side = 1 if rng.random() < 0.5 else -1
    middle = (box[:2] + box[2:]) / 2
    apart = (half[0] + (box[2] - box[0]) / 2) * rng.uniform(*_ASIDE)
    centre = middle + np.array([side * apart, heights[face] * rng.uniform(*_ABOVE)])
    laid = np.concatenate([centre - half, centre + half]).astype(np.float32)
    inside = (laid[:2] >= 0).all() and (laid[2:] <= [width, height]).all()
    if not inside or 2 * half[1] < SMALLEST or iou(laid[None], picture.boxes).max() > MOST_OVERLAP:
        return picture
    shoulders, in_front = rng.random() < _SHOULDERS, rng.random() < _IN_FRONT
    return lay(picture, face, photo, source, laid, shoulders, in_front, rng.random() < 0.5)


def lay(
    picture: Picture,
    face: int,
    photo: Photo,
    source: int,
    laid: NDArray[np.float32],
    shoulders: bool,
    in_front: bool,
    mirrored: bool,
) -> Picture:
    """Lay a photograph's head beside a face.

    Args:
        picture: stays as it is.
        face: number of the face in it.
        photo, source: whose head, by the number of its face.
        laid: float32 (4,), its box in the picture, of the source's shape.
        shoulders: come with the head.
        in_front: it hides part of the face; otherwise the face hides part of it.
        mirrored: it is.

    Returns:
        The picture with one face more, the last one; as it was if too little of that would be seen.
    """
    height, width = picture.luma.shape
    scale = float((laid[3] - laid[1]) / (photo.boxes[source, 3] - photo.boxes[source, 1]))
    alpha = head_mask((height, width), laid, shoulders)
    if not in_front:
        alpha *= 1 - head_mask((height, width), picture.boxes[face], False)
    flip = -1.0 if mirrored else 1.0
    from_middle = (photo.boxes[source, :2] + photo.boxes[source, 2:]) / 2
    matrix = np.array([[flip * scale, 0, 0], [0, scale, 0]], np.float64)
    matrix[:, 2] = (laid[:2] + laid[2:]) / 2 - matrix[:, :2] @ from_middle
    pixels, known = _head(photo.luma, around(photo.boxes[source]), matrix, (height, width), scale)
    alpha *= known
    hidden = np.array([_share(alpha, box) for box in picture.boxes], np.float32)
    seen = _share(alpha, laid)
    if seen < VISIBLE:
        return picture
    luma = picture.luma + alpha * (pixels.astype(np.float32) - picture.luma)
    points = photo.landmarks[source] @ matrix[:, :2].T + matrix[:, 2]
    if flip < 0:
        points = points[MIRROR]
    return Picture(
        np.clip(np.rint(luma), 0, 255).astype(np.uint8),
        np.concatenate([picture.boxes, laid[None]]),
        np.concatenate([picture.landmarks, points[None].astype(np.float32)]),
        np.concatenate([picture.ignore | (hidden > 1 - VISIBLE), [False]]),
        np.concatenate([picture.certainty, photo.certainty[source : source + 1]]),
    )


def head_mask(size: tuple[int, int], box: NDArray[np.float32], shoulders: bool) -> NDArray[np.float32]:
    """Where the head around a face's box (4,) covers what is behind it: float32 (H, W), 0..1, soft at its edge."""
    mask = np.zeros(size, np.uint8)
    width, height = (float(v) for v in box[2:] - box[:2])
    x, y = float(box[0] + box[2]) / 2, float(box[1] + box[3]) / 2
    _ellipse(mask, (x, y - 0.06 * height), (0.56 * width, 0.6 * height))
    if shoulders:
        _ellipse(mask, (x, y + 0.55 * height), (0.34 * width, 0.35 * height))
        _ellipse(mask, (x, y + 1.25 * height), (1.05 * width, 0.52 * height))
    soft = max(0.5, 0.02 * height)
    return np.asarray(cv2.GaussianBlur(mask, (0, 0), soft), np.float32) / np.float32(255)


def _ellipse(mask: NDArray[np.uint8], centre: tuple[float, float], axes: tuple[float, float]) -> None:
    at, half = (round(16 * centre[0]), round(16 * centre[1])), (round(16 * axes[0]), round(16 * axes[1]))
    cv2.ellipse(mask, at, half, 0, 0, 360, 255, -1, cv2.LINE_AA, 4)


def _head(
    luma: NDArray[np.uint8],
    window: NDArray[np.float32],
    matrix: NDArray[np.float64],
    size: tuple[int, int],
    scale: float,
) -> tuple[NDArray[np.uint8], NDArray[np.float32]]:
    """Pixels of a photograph's window in the picture, and where there are any: uint8 and float32 0..1, (H, W) each."""
    left, top = (max(0, math.floor(v)) for v in window[:2])
    right, bottom = min(luma.shape[1], math.ceil(window[2])), min(luma.shape[0], math.ceil(window[3]))
    part = luma[top:bottom, left:right]
    moved = matrix.copy()
    moved[:, 2] += matrix[:, :2] @ np.array([left, top])
    if scale < 1:
        small = max(1, round(part.shape[1] * scale)), max(1, round(part.shape[0] * scale))
        moved[:, :2] *= np.array([part.shape[1] / small[0], part.shape[0] / small[1]])
        part = np.asarray(cv2.resize(part, small, interpolation=cv2.INTER_AREA), np.uint8)
    moved[:, 2] += moved[:, :2].sum(axis=1) / 2 - 0.5
    to = (size[1], size[0])
    pixels = cv2.warpAffine(part, moved, to, borderMode=cv2.BORDER_REPLICATE)
    known = cv2.warpAffine(np.full(part.shape, 255, np.uint8), moved, to)
    return np.asarray(pixels, np.uint8), np.asarray(known, np.float32) / np.float32(255)


def _share(alpha: NDArray[np.float32], box: NDArray[np.float32]) -> float:
    """Share of a box that a mask covers, 0 to 1."""
    left, top, right, bottom = (max(0, round(float(v))) for v in box)
    part = alpha[top : max(bottom, top + 1), left : max(right, left + 1)]
    return float(part.mean()) if part.size else 0.0
