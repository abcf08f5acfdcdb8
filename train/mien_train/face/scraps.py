"""What covers and neighbours are cut from: pieces of training photographs, and heads that stand free in them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import cv2
import numpy as np
from numpy.random import Generator
from numpy.typing import NDArray

from mien_train.data.faces import Photo

SIDE = 64
"""Height and width of every piece, pixels."""

_PIECES = 3
"""Pieces that a face-free photograph gives, and the most faces whose hair and skin a photograph gives."""
_MOST = 800
"""Photographs of each kind that are cut up."""
_LARGE = 60.0
"""Least height of faces whose hair and skin is used, pixels of the photograph."""
_HEAD = 40.0
"""Least height of faces that are laid beside others, pixels of the photograph."""
_AROUND = np.array([-0.6, -0.6, 0.6, 0.9], np.float32)
"""How far a head with its shoulders reaches over the face's box, in its widths and heights."""


@dataclass(frozen=True, slots=True, eq=False)
class Scraps:
    """Pieces of photographs.

    Attributes:
        things: uint8 (n, SIDE, SIDE), from photographs without faces: objects, animals' fur, hands' surroundings.
        hair: uint8 (n, SIDE, SIDE), from above foreheads: hair, hats, hoods.
        skin: uint8 (n, SIDE, SIDE), from cheeks and noses.
        heads: photographs and faces that stand free: no other face's box reaches into the head and its shoulders.
    """

    things: NDArray[np.uint8]
    hair: NDArray[np.uint8]
    skin: NDArray[np.uint8]
    heads: tuple[tuple[Photo, int], ...]


def cut(photos: Sequence[Photo], rng: Generator) -> Scraps:
    """Cut up training photographs."""
    free = [photo for photo in photos if photo.face_free and min(photo.luma.shape) >= SIDE]
    with_faces = [photo for photo in photos if not photo.face_free]
    things = [piece for photo in _some(free, rng) for piece in _windows(photo.luma, rng)]
    hair: list[NDArray[np.uint8]] = []
    skin: list[NDArray[np.uint8]] = []
    for photo in _some([p for p in with_faces if len(_faces(p, _LARGE))], rng):
        for face in _faces(photo, _LARGE)[:_PIECES]:
            left, top, right, bottom = photo.boxes[face]
            width, height = right - left, bottom - top
            for kept, window in (
                (hair, (left + 0.2 * width, top - 0.25 * height, right - 0.2 * width, top + 0.02 * height)),
                (skin, (left + 0.25 * width, top + 0.52 * height, right - 0.25 * width, top + 0.7 * height)),
            ):
                if (piece := _piece(photo.luma, window)) is not None:
                    kept.append(piece)
    heads = tuple((photo, face) for photo in with_faces for face in _faces(photo, _HEAD) if _stands_free(photo, face))
    return Scraps(_stacked(things), _stacked(hair), _stacked(skin), heads)


def around(box: NDArray[np.float32]) -> NDArray[np.float32]:
    """The box (4,) of a head with its shoulders around a face's box (4,)."""
    size = np.tile(box[2:] - box[:2], 2)
    return np.asarray(box + _AROUND * size)


def _some(photos: Sequence[Photo], rng: Generator) -> list[Photo]:
    return [photos[i] for i in rng.permutation(len(photos))[:_MOST]]


def _faces(photo: Photo, least: float) -> NDArray[np.int64]:
    """Faces of this height that have landmarks: their labeller saw a face, not a number of pixels."""
    known = np.isfinite(photo.landmarks).all(axis=(1, 2))
    return np.flatnonzero(~photo.ignore & known & (photo.boxes[:, 3] - photo.boxes[:, 1] >= least))


def _stands_free(photo: Photo, face: int) -> bool:
    head, others = around(photo.boxes[face]), np.delete(photo.boxes, face, axis=0)
    apart = (others[:, :2] >= head[2:]) | (others[:, 2:] <= head[:2])
    return bool(apart.any(axis=1).all())


def _windows(luma: NDArray[np.uint8], rng: Generator) -> list[NDArray[np.uint8]]:
    found = []
    for _ in range(_PIECES):
        side = int(rng.integers(SIDE, min(luma.shape) + 1))
        top, left = (int(rng.integers(0, length - side + 1)) for length in luma.shape)
        found.append(_shrunk(luma[top : top + side, left : left + side]))
    return found


def _piece(luma: NDArray[np.uint8], window: tuple[float, float, float, float]) -> NDArray[np.uint8] | None:
    left, top, right, bottom = (round(value) for value in window)
    left, top, right, bottom = max(0, left), max(0, top), min(luma.shape[1], right), min(luma.shape[0], bottom)
    return _shrunk(luma[top:bottom, left:right]) if right - left >= 8 and bottom - top >= 8 else None


def _shrunk(luma: NDArray[np.uint8]) -> NDArray[np.uint8]:
    return np.asarray(cv2.resize(luma, (SIDE, SIDE), interpolation=cv2.INTER_AREA), np.uint8)


def _stacked(pieces: list[NDArray[np.uint8]]) -> NDArray[np.uint8]:
    return np.stack(pieces) if pieces else np.zeros((0, SIDE, SIDE), np.uint8)
