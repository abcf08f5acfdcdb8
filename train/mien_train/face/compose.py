"""Training pictures for the detector: photographs turned, scaled, cut, put together and disturbed."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any

import cv2
import numpy as np
from numpy.random import Generator
from numpy.typing import NDArray

from mien.faces.letterbox import GREY
from mien_train.data.faces import Photo

SMALLEST = 8.0
"""Faces lower than this many pixels in the training picture count neither as faces nor as background."""

_FIT = (math.exp(-0.35), math.exp(0.55))
_TILE = (1.8, 3.0)
"""Sizes of a photograph, as multiples of the size at which it fits: whole, and as tiles show it (2.6 for a frame of
640×480, twice the network's input, magnified 1.3 times)."""

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
    canvas = np.full((height, width), GREY if rng.random() < 0.5 else rng.integers(256), np.uint8)
    faces = np.flatnonzero(~photo.ignore)
    if tiles and rng.random() < tiles:
        return _paste(photo, canvas, _whole(photo, (0, 0, width, height), rng, _TILE), rng)
    if len(faces) and rng.random() < 0.4:
        return _paste(photo, canvas, _onto_face(photo, int(rng.choice(faces)), (height, width), rng), rng)
    return _paste(photo, canvas, _whole(photo, (0, 0, width, height), rng), rng)


def mosaic(photos: list[Photo], height: int, width: int, rng: Generator) -> Picture:
    """Four photographs around a random point: many faces, and small ones (Bochkovskiy et al. 2020)."""
    canvas = np.full((height, width), GREY, np.uint8)
    middle_x, middle_y = int(rng.uniform(0.3, 0.7) * width), int(rng.uniform(0.3, 0.7) * height)
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


def disturb(picture: Picture, rng: Generator) -> Picture:
    """Occlusion, exposure, contrast, backlight, blur and noise; the labels stay."""
    luma: NDArray[Any] = picture.luma
    if rng.random() < 0.25:
        luma = _occlude(luma, picture, rng)
    if rng.random() < 0.8:
        luma = cv2.LUT(luma, _tone_curve(rng))
    if rng.random() < 0.15:
        luma = _gradient(luma, rng)
    if rng.random() < 0.15:
        luma = cv2.GaussianBlur(luma, (0, 0), float(rng.uniform(0.4, 1.6)))
    if rng.random() < 0.25:
        noise = rng.standard_normal(luma.shape, np.float32) * np.float32(rng.uniform(2, 16))
        luma = np.clip(luma + noise, 0, 255).astype(np.uint8)
    return Picture(np.asarray(luma, np.uint8), picture.boxes, picture.landmarks, picture.ignore)


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
    """Matrix that gives one face a height from 12 pixels to the whole canvas, somewhere in it."""
    box = photo.boxes[face]
    wanted = math.exp(rng.uniform(math.log(12), math.log(canvas[0])))
    scale = float(np.clip(wanted / max(1.0, box[3] - box[1]), 0.1, 3.0))
    matrix = _similarity(photo, scale, _angle(rng), rng)
    place = rng.uniform(0.15, 0.85, 2) * [canvas[1], canvas[0]]
    return _centred(matrix, (box[:2] + box[2:]) / 2, place)


def _angle(rng: Generator) -> float:
    """Radians: mostly upright, sometimes rolled up to 35 degrees."""
    return math.radians(rng.uniform(-35, 35) if rng.random() < 0.2 else rng.normal(0, 6))


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
    if scale < 0.67 and rng.random() < 0.9:
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
    ignore = photo.ignore | (visible < 0.5) | (boxes[:, 3] - boxes[:, 1] < SMALLEST)
    seen = visible > 0
    return Picture(canvas, clipped[seen].astype(np.float32), landmarks[seen].astype(np.float32), ignore[seen])


def _tone_curve(rng: Generator) -> NDArray[np.uint8]:
    """A look-up table of random gamma, contrast and brightness, sometimes badly exposed."""
    steps = np.arange(256) / 255
    wide = rng.random() < 0.2
    curve = steps ** (2 ** rng.uniform(-1.6, 1.6) if wide else 2 ** rng.normal(0, 0.4))
    curve = (curve - 0.5) * rng.uniform(0.3 if wide else 0.6, 1.5) + 0.5 + rng.normal(0, 0.08)
    return np.clip(np.rint(255 * curve), 0, 255).astype(np.uint8)


def _gradient(luma: NDArray[np.uint8], rng: Generator) -> NDArray[np.uint8]:
    """Light from one side: a ramp of gain from 0.3 … 1 to 1 … 1.8 across the picture."""
    height, width = luma.shape
    angle = rng.uniform(0, 2 * math.pi)
    ramp = np.linspace(-1, 1, width)[None] * math.cos(angle) + np.linspace(-1, 1, height)[:, None] * math.sin(angle)
    low, high = rng.uniform(0.3, 1.0), rng.uniform(1.0, 1.8)
    gain = low + (high - low) * (ramp + 1.42) / 2.84
    return np.clip(luma * gain, 0, 255).astype(np.uint8)


def _occlude(luma: NDArray[np.uint8], picture: Picture, rng: Generator) -> NDArray[np.uint8]:
    """Cover the lower half (a mask) or a random part (a hand, a microphone) of some faces."""
    luma = luma.copy()
    for box in picture.boxes[~picture.ignore]:
        if rng.random() < 0.5:
            continue
        size = box[2:] - box[:2]
        if rng.random() < 0.5:
            centre, half = box[:2] + size * [0.5, 0.78], size * [rng.uniform(0.35, 0.5), rng.uniform(0.2, 0.3)]
        else:
            centre, half = box[:2] + size * rng.uniform(0, 1, 2), size * rng.uniform(0.1, 0.25, 2)
        middle, axes = (int(centre[0]), int(centre[1])), (max(1, int(half[0])), max(1, int(half[1])))
        cv2.ellipse(luma, middle, axes, float(rng.uniform(-20, 20)), 0, 360, int(rng.integers(256)), -1)
    return luma
