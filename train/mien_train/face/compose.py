"""Training pictures for the detector: photographs turned, scaled, cut and put together."""

from __future__ import annotations

import math
from dataclasses import dataclass

import cv2
import numpy as np
from numpy.random import Generator
from numpy.typing import NDArray

from mien.faces.letterbox import GREY
from mien_train.data.faces import Photo

SMALLEST = 8.0
"""Faces lower than this many pixels in the training picture count neither as faces nor as background."""

_FIT = (math.exp(-0.35), math.exp(0.55))
"""Sizes of a whole photograph, as multiples of the size at which it fits: from 0.70, with a border around it, to 1.73,
a third of it. Evenly in the logarithm, so that twice as small is as likely as twice as large."""
_TILE = (1.8, 3.0)
"""The same, as tiles show it: 2.6 for a frame of 640×480, twice the network's input, magnified 1.3 times."""
_GREY_BORDER = 0.5
"""Share of pictures whose border is the letterbox's grey, as at run time; the others' is any grey, so that the network
does not learn that faces end where grey begins."""
_ONTO_FACE = 0.4
"""Share of pictures that are scaled by one of their faces: photographs have far more small faces than large ones, a
kiosk's visitors stand close."""
_LOWEST_FACE = 12.0
"""Pixels of height that such a face gets at least (at most the whole canvas): the least for which recall is given."""
_FACE_SCALE = (0.1, 3.0)
"""Bounds of that scaling: further shrunk nothing else is left of a photograph, further enlarged it is a blur."""
_FACE_PLACE = (0.15, 0.85)
"""Where its middle lies, as shares of the canvas: most of it stays inside."""
_MOSAIC_MIDDLE = (0.3, 0.7)
"""Where four photographs meet, as shares of the canvas: none gets less than a tenth of it."""
_ROLLED, _MOST_ROLL = 0.2, 35.0
"""Share of photographs that are turned by any angle up to so many degrees: heads that lean."""
_ROLL = 6.0
"""Degrees, standard deviation, of the others: hand-held and badly hung cameras."""
_AVERAGED_BELOW = 0.67
"""Scale under which the runtime's INTER_AREA averages over more than two pixels; without that, pictures flicker."""
_AVERAGED = 0.9
"""Share of shrunk photographs that are averaged first; the others alias, as cheap cameras do."""
_VISIBLE = 0.5
"""Share of a face's box that must lie in the picture; a face that is cut off more is neither face nor background."""

_MIRROR = [1, 0, 2, 4, 3]  # right and left swap in a mirror


@dataclass(frozen=True, slots=True, eq=False)
class Picture:
    """A training picture and its faces, in its own pixels; fields as in `Photo`."""

    luma: NDArray[np.uint8]
    boxes: NDArray[np.float32]
    landmarks: NDArray[np.float32]
    ignore: NDArray[np.bool_]


def single(photo: Photo, height: int, width: int, rng: Generator, tiles: float = 0.0) -> Picture:
    """A whole photograph, or a zoom on one of its faces, or (a share of `tiles`) as much of it as a tile shows."""
    canvas = np.full((height, width), GREY if rng.random() < _GREY_BORDER else rng.integers(256), np.uint8)
    faces = np.flatnonzero(~photo.ignore)
    if tiles and rng.random() < tiles:
        return _paste(photo, canvas, _whole(photo, (0, 0, width, height), rng, _TILE), rng)
    if len(faces) and rng.random() < _ONTO_FACE:
        return _paste(photo, canvas, _onto_face(photo, int(rng.choice(faces)), (height, width), rng), rng)
    return _paste(photo, canvas, _whole(photo, (0, 0, width, height), rng), rng)


def mosaic(photos: list[Photo], height: int, width: int, rng: Generator) -> Picture:
    """Four photographs around a random point: many faces, and small ones (Bochkovskiy et al. 2020)."""
    canvas = np.full((height, width), GREY, np.uint8)
    middle_x, middle_y = int(rng.uniform(*_MOSAIC_MIDDLE) * width), int(rng.uniform(*_MOSAIC_MIDDLE) * height)
    windows = [
        (0, 0, middle_x, middle_y), (middle_x, 0, width, middle_y),
        (0, middle_y, middle_x, height), (middle_x, middle_y, width, height),
    ]  # fmt: skip
    parts = []
    for photo, (left, top, right, bottom) in zip(photos, windows, strict=True):
        part = _paste(
            photo, canvas[top:bottom, left:right], _whole(photo, (0, 0, right - left, bottom - top), rng), rng
        )
        shift = np.array([left, top], np.float32)
        parts.append((part.boxes + np.tile(shift, 2), part.landmarks + shift, part.ignore))
    boxes, landmarks, ignore = (np.concatenate(values) for values in zip(*parts, strict=True))
    return Picture(canvas, boxes, landmarks, ignore)


def _whole(
    photo: Photo, window: tuple[int, int, int, int], rng: Generator, sizes: tuple[float, float] = _FIT
) -> NDArray[np.float32]:
    """Matrix that lays a photograph into a window, at so many times the fitting size, anywhere it touches.

    Args:
        photo: to lay.
        window: left, top, right, bottom.
        rng: of size, turn and place.
        sizes: smallest and largest multiple of the fitting size.
    """
    height, width = photo.luma.shape
    room_x, room_y = window[2] - window[0], window[3] - window[1]
    scale = min(room_x / width, room_y / height) * math.exp(rng.uniform(*np.log(sizes)))
    matrix = _similarity(photo, scale, _angle(rng), rng)
    slack = np.array([room_x, room_y]) - scale * np.array([width, height])
    centre = np.array([room_x, room_y]) / 2 + slack * rng.uniform(-0.5, 0.5, 2)
    return _centred(matrix, np.array([width, height]) / 2, centre)


def _onto_face(photo: Photo, face: int, canvas: tuple[int, int], rng: Generator) -> NDArray[np.float32]:
    """Matrix that gives one face a height from `_LOWEST_FACE` pixels to the whole canvas, somewhere in it."""
    box = photo.boxes[face]
    wanted = math.exp(rng.uniform(math.log(_LOWEST_FACE), math.log(canvas[0])))
    scale = float(np.clip(wanted / max(1.0, box[3] - box[1]), *_FACE_SCALE))
    matrix = _similarity(photo, scale, _angle(rng), rng)
    place = rng.uniform(*_FACE_PLACE, 2) * [canvas[1], canvas[0]]
    return _centred(matrix, (box[:2] + box[2:]) / 2, place)


def _angle(rng: Generator) -> float:
    """Radians: mostly upright, sometimes rolled further."""
    return math.radians(rng.uniform(-_MOST_ROLL, _MOST_ROLL) if rng.random() < _ROLLED else rng.normal(0, _ROLL))


def _similarity(photo: Photo, scale: float, angle: float, rng: Generator) -> NDArray[np.float32]:
    flip = -1.0 if rng.random() < 0.5 else 1.0
    cosine, sine = scale * math.cos(angle), scale * math.sin(angle)
    return np.array([[flip * cosine, -sine, 0], [flip * sine, cosine, 0]], np.float32)


def _centred(
    matrix: NDArray[np.float32], point: NDArray[np.float64], target: NDArray[np.float64]
) -> NDArray[np.float32]:
    """The same turn and scale, shifted so that `point` lands on `target`."""
    moved = matrix.copy()
    moved[:, 2] = target - matrix[:, :2] @ point
    return moved


def _paste(photo: Photo, canvas: NDArray[np.uint8], matrix: NDArray[np.float32], rng: Generator) -> Picture:
    """Warp a photograph into a canvas (changed in place) and carry its faces along."""
    height, width = canvas.shape
    scale = float(np.hypot(matrix[0, 0], matrix[1, 0]))
    luma, shrunk = photo.luma, matrix
    # Averaging before a strong reduction, as the runtime's INTER_AREA does; sometimes not, as cheap cameras.
    if scale < _AVERAGED_BELOW and rng.random() < _AVERAGED:
        size = (max(1, round(luma.shape[1] * scale)), max(1, round(luma.shape[0] * scale)))
        ratio = np.array([luma.shape[1] / size[0], luma.shape[0] / size[1]], np.float32)
        luma = np.asarray(cv2.resize(luma, size, interpolation=cv2.INTER_AREA), np.uint8)
        shrunk = np.concatenate([matrix[:, :2] * ratio, matrix[:, 2:]], axis=1)
    # Labels count from the corner of the first pixel, warpAffine from its centre.
    from_centres = shrunk.copy()
    from_centres[:, 2] += shrunk[:, :2].sum(axis=1) / 2 - 0.5
    cv2.warpAffine(luma, from_centres, (width, height), dst=canvas, borderMode=cv2.BORDER_TRANSPARENT)

    centres = (photo.boxes[:, :2] + photo.boxes[:, 2:]) / 2 @ matrix[:, :2].T + matrix[:, 2]
    # A face is about as round as its box: a turn moves the box but does not widen it.
    half = (photo.boxes[:, 2:] - photo.boxes[:, :2]) / 2 * scale
    boxes = np.concatenate([centres - half, centres + half], axis=1)
    landmarks = photo.landmarks @ matrix[:, :2].T + matrix[:, 2]
    if np.linalg.det(matrix[:, :2]) < 0:
        landmarks = landmarks[:, _MIRROR]
    clipped = np.clip(boxes, 0, [width, height, width, height])
    visible = np.prod(clipped[:, 2:] - clipped[:, :2], axis=1) / np.maximum(np.prod(2 * half, axis=1), 1e-6)
    ignore = photo.ignore | (visible < _VISIBLE) | (boxes[:, 3] - boxes[:, 1] < SMALLEST)
    seen = visible > 0
    return Picture(canvas, clipped[seen].astype(np.float32), landmarks[seen].astype(np.float32), ignore[seen])
