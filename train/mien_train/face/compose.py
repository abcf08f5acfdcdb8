"""Training pictures for the detector: photographs turned, scaled, cut and put together."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import cv2
import numpy as np
from numpy.random import Generator
from numpy.typing import NDArray

from mien.faces.letterbox import GREY
from mien_train.data.faces import Photo
from mien_train.recipes.face import FaceRecipe

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
_LEVEL = 0.4
"""Share of the photographs neither turned nor slanted that do not lean either: laid as the runtime lays a frame, and as
sharp."""
_MOST_TURN = 45.0
"""Degrees by which turned photographs are turned at the most: heads that lean, cameras on their side."""
_LEAN = 6.0
"""Degrees, standard deviation, of the others: hand-held and badly hung cameras."""
_SLANT = 0.12
"""Share of the canvas's sides by which each of its corners moves at the most where a photograph is seen at a slant."""
_AVERAGED_BELOW = 0.67
"""Scale under which the runtime's INTER_AREA averages over more than two pixels; without that, pictures flicker."""
_AVERAGED = 0.9
"""Share of shrunk photographs that are averaged first; the others alias, as cheap cameras do."""
VISIBLE = 0.5
"""Share of a face's box that must lie in the picture; a face that is cut off more is neither face nor background."""

MIRROR = [1, 0, 2, 4, 3]  # right and left swap in a mirror


Matrix = NDArray[np.float64]
"""(3, 3), from pixels of a photograph to pixels of a canvas, in perspective."""


@dataclass(frozen=True, slots=True, eq=False)
class Picture:
    """A training picture and its faces, in its own pixels; fields as in `Photo`."""

    luma: NDArray[np.uint8]
    boxes: NDArray[np.float32]
    landmarks: NDArray[np.float32]
    ignore: NDArray[np.bool_]
    certainty: NDArray[np.float32]


@dataclass(frozen=True, slots=True)
class Chosen:
    """A photograph, and the face in it that it was chosen for; −1 for none."""

    photo: Photo
    face: int = -1


def single(chosen: Chosen, recipe: FaceRecipe, rng: Generator) -> Picture:
    """A whole photograph, or a zoom on one of its faces, or (a share of `tiles`) as much of it as a tile shows."""
    photo, (height, width) = chosen.photo, (recipe.height, recipe.width)
    canvas = np.full((height, width), GREY if rng.random() < _GREY_BORDER else rng.integers(256), np.uint8)
    faces = np.flatnonzero(~photo.ignore)
    if recipe.tiles and rng.random() < recipe.tiles:
        return _paste(photo, canvas, _whole(photo, (height, width), recipe, rng, _TILE), rng)
    if len(faces) and rng.random() < _ONTO_FACE:
        face = chosen.face if chosen.face >= 0 else int(rng.choice(faces))
        return _paste(photo, canvas, _onto_face(photo, face, recipe, rng), rng)
    return _paste(photo, canvas, _whole(photo, (height, width), recipe, rng), rng)


def mosaic(photos: Sequence[Photo], recipe: FaceRecipe, rng: Generator) -> Picture:
    """Four photographs around a random point: many faces, and small ones (Bochkovskiy et al. 2020)."""
    height, width = recipe.height, recipe.width
    canvas = np.full((height, width), GREY, np.uint8)
    middle_x, middle_y = int(rng.uniform(*_MOSAIC_MIDDLE) * width), int(rng.uniform(*_MOSAIC_MIDDLE) * height)
    windows = [
        (0, 0, middle_x, middle_y), (middle_x, 0, width, middle_y),
        (0, middle_y, middle_x, height), (middle_x, middle_y, width, height),
    ]  # fmt: skip
    parts = []
    for photo, (left, top, right, bottom) in zip(photos, windows, strict=True):
        matrix = _whole(photo, (bottom - top, right - left), recipe, rng)
        part = _paste(photo, canvas[top:bottom, left:right], matrix, rng)
        shift = np.array([left, top], np.float32)
        parts.append((part.boxes + np.tile(shift, 2), part.landmarks + shift, part.ignore, part.certainty))
    boxes, landmarks, ignore, certainty = (np.concatenate(values) for values in zip(*parts, strict=True))
    return Picture(canvas, boxes, landmarks, ignore, certainty)


def _whole(
    photo: Photo, room: tuple[int, int], recipe: FaceRecipe, rng: Generator, sizes: tuple[float, float] = _FIT
) -> Matrix:
    """Matrix that lays a photograph into a canvas, at so many times the fitting size, anywhere it touches.

    Args:
        photo: to lay.
        room: height and width of the canvas.
        recipe: how often it is turned and slanted.
        rng: of size, turn and place.
        sizes: smallest and largest multiple of the fitting size.
    """
    height, width = photo.luma.shape
    scale = min(room[1] / width, room[0] / height) * math.exp(rng.uniform(*np.log(sizes)))
    slack = np.array([room[1], room[0]]) - scale * np.array([width, height])
    centre = np.array([room[1], room[0]]) / 2 + slack * rng.uniform(-0.5, 0.5, 2)
    return _placed(scale, np.array([width, height]) / 2, centre, room, recipe, rng)


def _onto_face(photo: Photo, face: int, recipe: FaceRecipe, rng: Generator) -> Matrix:
    """Matrix that gives one face a height from `_LOWEST_FACE` pixels to the whole canvas, somewhere in it."""
    box, room = photo.boxes[face], (recipe.height, recipe.width)
    wanted = math.exp(rng.uniform(math.log(_LOWEST_FACE), math.log(room[0])))
    scale = float(np.clip(wanted / max(1.0, box[3] - box[1]), *_FACE_SCALE))
    place = rng.uniform(*_FACE_PLACE, 2) * [room[1], room[0]]
    return _placed(scale, (box[:2] + box[2:]) / 2, place, room, recipe, rng)


def _placed(
    scale: float,
    point: NDArray[np.floating[Any]],
    target: NDArray[np.float64],
    room: tuple[int, int],
    recipe: FaceRecipe,
    rng: Generator,
) -> Matrix:
    """At this scale, with `point` on `target`; mirrored or not; turned, slanted, both or neither."""
    flip = -1.0 if rng.random() < 0.5 else 1.0
    angle, slant = 0.0, rng.random() < recipe.slanted
    if rng.random() < recipe.turned:
        angle = math.radians(rng.uniform(-_MOST_TURN, _MOST_TURN))
    elif slant or rng.random() >= _LEVEL:
        angle = math.radians(rng.normal(0, _LEAN))
    cosine, sine = scale * math.cos(angle), scale * math.sin(angle)
    matrix = np.array([[flip * cosine, -sine, 0], [flip * sine, cosine, 0], [0, 0, 1]])
    matrix[:2, 2] = target - matrix[:2, :2] @ point
    return _slanted(matrix, room, rng) if slant else matrix


def _slanted(matrix: Matrix, room: tuple[int, int], rng: Generator) -> Matrix:
    """The same, with each corner of the canvas moved."""
    size = np.array([room[1], room[0]], np.float32)
    corners = np.array([[0, 0], [1, 0], [1, 1], [0, 1]], np.float32)
    moved = (corners + rng.uniform(-_SLANT, _SLANT, (4, 2)).astype(np.float32)) * size
    return np.asarray(cv2.getPerspectiveTransform(corners * size, moved) @ matrix)


def carried(points: NDArray[np.floating[Any]], matrix: Matrix) -> NDArray[np.float64]:
    """Points (..., 2) through a matrix."""
    homogeneous = points @ matrix[:, :2].T + matrix[:, 2]
    return np.asarray(homogeneous[..., :2] / homogeneous[..., 2:])


def _paste(photo: Photo, canvas: NDArray[np.uint8], matrix: Matrix, rng: Generator) -> Picture:
    """Lay a photograph into a canvas (changed in place) and carry its faces along."""
    height, width = canvas.shape
    scale = math.hypot(matrix[0, 0], matrix[1, 0])
    upright = matrix[1, 0] == 0 and matrix[2, 0] == 0 and matrix[2, 1] == 0
    matrix = _resized(photo.luma, canvas, matrix) if upright and scale < 1 else matrix
    if not (upright and scale < 1):
        _warped(photo.luma, canvas, matrix, scale, rng)

    middle = (photo.boxes[:, :2] + photo.boxes[:, 2:]) / 2
    # A face is about as round as its box: a turn moves the box but does not widen it.
    reach = (photo.boxes[:, 2:] - photo.boxes[:, :2]) / 2
    ends = [carried(middle + reach * side, matrix) for side in ([1, 0], [-1, 0], [0, 1], [0, -1])]
    half = np.stack([np.hypot(*(ends[i] - ends[i + 1]).T) for i in (0, 2)], axis=1) / 2
    centres = carried(middle, matrix)
    boxes = np.concatenate([centres - half, centres + half], axis=1)
    landmarks = carried(photo.landmarks, matrix)
    if np.linalg.det(matrix[:2, :2]) < 0:
        landmarks = landmarks[:, MIRROR]
    clipped = np.clip(boxes, 0, [width, height, width, height])
    visible = np.prod(clipped[:, 2:] - clipped[:, :2], axis=1) / np.maximum(np.prod(2 * half, axis=1), 1e-6)
    ignore = photo.ignore | (visible < VISIBLE) | (boxes[:, 3] - boxes[:, 1] < SMALLEST)
    seen = visible > 0
    return Picture(
        canvas,
        clipped[seen].astype(np.float32),
        landmarks[seen].astype(np.float32),
        ignore[seen],
        photo.certainty[seen],
    )


def _resized(luma: NDArray[np.uint8], canvas: NDArray[np.uint8], matrix: Matrix) -> Matrix:
    """Lay an upright, shrunk photograph as the runtime does, in whole pixels; the matrix that this comes to."""
    height, width = luma.shape
    size = max(1, round(abs(matrix[0, 0]) * width)), max(1, round(matrix[1, 1] * height))
    mirrored = matrix[0, 0] < 0
    left = round(matrix[0, 2] - (size[0] if mirrored else 0))
    top = round(matrix[1, 2])
    small = cv2.resize(luma, size, interpolation=cv2.INTER_AREA)
    if mirrored:
        small = small[:, ::-1]
    x, y = max(0, left), max(0, top)
    right, bottom = min(canvas.shape[1], left + size[0]), min(canvas.shape[0], top + size[1])
    if right > x and bottom > y:
        canvas[y:bottom, x:right] = small[y - top : bottom - top, x - left : right - left]
    across = size[0] / width
    return np.array(
        [
            [-across if mirrored else across, 0, left + (size[0] if mirrored else 0)],
            [0, size[1] / height, top],
            [0, 0, 1],
        ]
    )


def _warped(luma: NDArray[np.uint8], canvas: NDArray[np.uint8], matrix: Matrix, scale: float, rng: Generator) -> None:
    """Lay a photograph anyhow."""
    height, width = canvas.shape
    shrunk = matrix
    # Averaging before a strong reduction, as the runtime's INTER_AREA does; sometimes not, as cheap cameras.
    if scale < _AVERAGED_BELOW and rng.random() < _AVERAGED:
        size = (max(1, round(luma.shape[1] * scale)), max(1, round(luma.shape[0] * scale)))
        ratio = np.array([luma.shape[1] / size[0], luma.shape[0] / size[1], 1])
        luma = np.asarray(cv2.resize(luma, size, interpolation=cv2.INTER_AREA), np.uint8)
        shrunk = matrix * ratio
    # Labels count from the corner of the first pixel, warping from its centre.
    from_centres = _HALF_BACK @ shrunk @ _HALF_ON
    if shrunk[2, 0] == 0 and shrunk[2, 1] == 0:
        cv2.warpAffine(luma, from_centres[:2], (width, height), dst=canvas, borderMode=cv2.BORDER_TRANSPARENT)
    else:
        cv2.warpPerspective(luma, from_centres, (width, height), dst=canvas, borderMode=cv2.BORDER_TRANSPARENT)


_HALF_ON = np.array([[1, 0, 0.5], [0, 1, 0.5], [0, 0, 1]])
_HALF_BACK = np.array([[1, 0, -0.5], [0, 1, -0.5], [0, 0, 1]])
