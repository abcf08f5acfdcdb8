"""What cameras and light do to a training picture: exposure, darkness, backlight, defocus, motion blur and noise.

The labels stay; a face that a blur wipes out is neither face nor background. Each happens to a share of the pictures,
so that most show one or two and some none.
"""

from __future__ import annotations

import math

import cv2
import numpy as np
from numpy.random import Generator
from numpy.typing import NDArray

from mien_train.face.compose import Picture
from mien_train.recipes.face import FaceRecipe

_TONED = 0.8
"""Share of pictures with another exposure: nearly all, since hardly two cameras agree. Dark ones have their own."""
_BADLY_EXPOSED = 0.2
"""Share of these that are exposed so badly that a person would complain: against a window, at night."""
_GAMMA, _WORST_GAMMA = 0.4, 1.6
"""Of the gamma's base-2 logarithm: standard deviation, and the bound where exposure is bad (0.33 to 3)."""
_WORST_CONTRAST, _LEAST_CONTRAST, _MOST_CONTRAST = 0.3, 0.6, 1.5
"""Factors of contrast: at the least where exposure is bad, at the least otherwise, at the most."""
_BRIGHTNESS = 0.08
"""Standard deviation of brightness, as a share of the range: a twelfth, so that grey stays grey."""
_DIM = (0.08, 0.45)
"""Factor of luma in low light, evenly in the logarithm."""
_DIM_NOISE = (1.5, 6.0)
"""Standard deviation of low light's noise, luma steps, before what a camera's gain makes of it."""
_GAIN, _MOST_GAIN = 0.5, 6.0
"""Share of dim pictures that the camera brightens again, noise and all; and its largest factor."""
_SIDEWAYS = 0.5
"""Share of backlit pictures with light from one side; in the others it comes from behind a face."""
_SHADE, _SUN = (0.3, 1.0), (1.0, 1.8)
"""Factors of luma on the dark side and on the bright one."""
_BEHIND, _HALO = (0.25, 0.6), (120.0, 300.0)
"""Against the light: factor of luma, and what is added to it far from the face, luma steps."""
_REACH = 1.42
"""Of a ramp across the corners of a square from −1 to 1: √2, rounded up."""
_SINGLE = 0.4
"""Share of blurs that hit single faces; the others hit the whole picture."""
_BLUR = (0.4, 3.0)
"""Standard deviation of a defocus, pixels, evenly in the logarithm."""
_FACE_BLUR = 0.06
"""The same at a single face, at the most, in heights of the face."""
_DISK = 0.5
"""Share of defocuses with a disk's edge, as an open lens draws; the others are Gaussian."""
_SHAKE = (3.0, 14.0)
"""Length of a motion, pixels; at a single face at the most `_FACE_SHAKE` heights of it."""
_FACE_SHAKE = 0.35
_WIPED_OUT = 5.0
"""Faces lower than so many standard deviations of the blur are gone."""
_NOISY, _NOISE = 0.25, (2.0, 16.0)
"""Share of pictures with a sensor's noise, and its standard deviation in luma steps: dusk to candle light."""

Luma = NDArray[np.uint8]


def disturb(picture: Picture, recipe: FaceRecipe, rng: Generator) -> Picture:
    """Exposure, contrast, darkness, backlight, blurs and noise; the labels stay."""
    luma, ignore = picture.luma, picture.ignore
    dark = rng.random() < recipe.dark
    if not dark and rng.random() < _TONED:
        luma = np.asarray(cv2.LUT(luma, _tone_curve(rng)), np.uint8)
    if rng.random() < recipe.backlit:
        luma = _gradient(luma, rng) if rng.random() < _SIDEWAYS else _against_light(luma, picture, rng)
    if rng.random() < recipe.defocused:
        luma, ignore = _blurred(luma, picture.boxes, ignore, rng, defocus=True)
    if rng.random() < recipe.shaken:
        luma, ignore = _blurred(luma, picture.boxes, ignore, rng, defocus=False)
    if dark:
        luma = _dimmed(luma, rng)
    elif rng.random() < _NOISY:
        luma = _noisy(luma.astype(np.float32), rng.uniform(*_NOISE), rng)
    return Picture(luma, picture.boxes, picture.landmarks, ignore, picture.certainty)


def _tone_curve(rng: Generator) -> NDArray[np.uint8]:
    """A look-up table of random gamma, contrast and brightness, sometimes badly exposed."""
    steps = np.arange(256) / 255
    bad = rng.random() < _BADLY_EXPOSED
    curve = steps ** (2 ** rng.uniform(-_WORST_GAMMA, _WORST_GAMMA) if bad else 2 ** rng.normal(0, _GAMMA))
    contrast = rng.uniform(_WORST_CONTRAST if bad else _LEAST_CONTRAST, _MOST_CONTRAST)
    curve = (curve - 0.5) * contrast + 0.5 + rng.normal(0, _BRIGHTNESS)
    return np.clip(np.rint(255 * curve), 0, 255).astype(np.uint8)


def _dimmed(luma: Luma, rng: Generator) -> Luma:
    """Low light: few steps are left, noise lies over them, and some cameras brighten both."""
    factor = math.exp(rng.uniform(*np.log(_DIM)))
    dim = _noisy(luma * np.float32(factor), rng.uniform(*_DIM_NOISE), rng)
    if rng.random() >= _GAIN:
        return dim
    gain = rng.uniform(1, min(_MOST_GAIN, 1 / factor))
    return np.asarray(cv2.LUT(dim, np.clip(np.rint(np.arange(256) * gain), 0, 255).astype(np.uint8)), np.uint8)


def _noisy(luma: NDArray[np.float32], spread: float, rng: Generator) -> Luma:
    noise = rng.standard_normal(luma.shape, np.float32) * np.float32(spread)
    return np.clip(luma + noise, 0, 255).astype(np.uint8)


def _gradient(luma: Luma, rng: Generator) -> Luma:
    """Light from one side: a ramp of gain across the picture."""
    height, width = luma.shape
    angle = rng.uniform(0, 2 * math.pi)
    x, y = _axes(height, width)
    ramp = x * np.float32(math.cos(angle)) + y * np.float32(math.sin(angle))
    low, high = rng.uniform(*_SHADE), rng.uniform(*_SUN)
    gain = np.float32(low) + np.float32((high - low) / (2 * _REACH)) * (ramp + np.float32(_REACH))
    return np.clip(luma * gain, 0, 255).astype(np.uint8)


def _against_light(luma: Luma, picture: Picture, rng: Generator) -> Luma:
    """A face before a window: dark where it is, the brighter the further from it."""
    height, width = luma.shape
    faces = picture.boxes[~picture.ignore]
    at = rng.uniform(-0.6, 0.6, 2)
    if len(faces):
        box = faces[rng.integers(len(faces))]
        at = (box[:2] + box[2:]) / np.array([width, height]) - 1
    x, y = _axes(height, width)
    apart = np.sqrt((x - np.float32(at[0])) ** 2 + (y - np.float32(at[1])) ** 2)
    halo = np.float32(rng.uniform(*_HALO)) * np.clip(apart - np.float32(rng.uniform(0.3, 0.7)), 0, 1)
    return np.clip(luma * np.float32(rng.uniform(*_BEHIND)) + halo, 0, 255).astype(np.uint8)


def _axes(height: int, width: int) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
    """Columns (1, W) and rows (H, 1), from −1 to 1."""
    return np.linspace(-1, 1, width, dtype=np.float32)[None], np.linspace(-1, 1, height, dtype=np.float32)[:, None]


def _blurred(
    luma: Luma, boxes: NDArray[np.float32], ignore: NDArray[np.bool_], rng: Generator, defocus: bool
) -> tuple[Luma, NDArray[np.bool_]]:
    """Out of focus or shaken, as a whole or at single faces; and which faces are not to be learned."""
    heights = boxes[:, 3] - boxes[:, 1]
    faces = np.flatnonzero(~ignore)
    if not len(faces) or rng.random() >= _SINGLE:
        kernel, spread = _defocus(rng, _BLUR[1]) if defocus else _motion(rng, _SHAKE[1])
        blurred = np.asarray(cv2.filter2D(luma, -1, kernel), np.uint8)
        return blurred, ignore | (heights < _WIPED_OUT * spread)
    luma, ignore = luma.copy(), ignore.copy()
    for face in rng.permutation(faces)[: int(rng.integers(1, 4))]:
        most = heights[face] * (_FACE_BLUR if defocus else _FACE_SHAKE)
        if most < (_BLUR if defocus else _SHAKE)[0]:
            continue
        kernel, spread = _defocus(rng, most) if defocus else _motion(rng, most)
        ignore[face] |= heights[face] < _WIPED_OUT * spread
        _at_face(luma, boxes[face], kernel)
    return luma, ignore


def _at_face(luma: Luma, box: NDArray[np.float32], kernel: NDArray[np.float32]) -> None:
    """Blur the head around a face, fading out around it; in place."""
    size = box[2:] - box[:2]
    left, top = (max(0, int(v)) for v in box[:2] - 0.5 * size)
    right, bottom = (int(v) for v in box[2:] + 0.5 * size)
    part = luma[top:bottom, left:right]
    if not part.size:
        return
    x, y = _axes(*part.shape)
    alpha = np.clip(2.2 - 2.2 * np.sqrt(x * x + y * y), 0, 1)
    blurred = cv2.filter2D(part, -1, kernel)
    part[:] = np.rint(part + alpha * (blurred.astype(np.float32) - part))


def _defocus(rng: Generator, most: float) -> tuple[NDArray[np.float32], float]:
    """A kernel whose values sum to 1, and its standard deviation in pixels, at the most `most` and `_BLUR`'s bound."""
    spread = math.exp(rng.uniform(math.log(_BLUR[0]), math.log(max(_BLUR[0], min(most, _BLUR[1])))))
    reach = math.ceil(3 * spread)
    x = np.arange(-reach, reach + 1, dtype=np.float32)
    radius = np.hypot(x[None], x[:, None])
    disk = np.clip(2 * spread + 0.5 - radius, 0, 1)  # a disk of radius r has a standard deviation of r / 2
    kernel = disk if rng.random() < _DISK else np.exp(-0.5 * (radius / spread) ** 2)
    return np.asarray(kernel / kernel.sum(), np.float32), spread


def _motion(rng: Generator, most: float) -> tuple[NDArray[np.float32], float]:
    """The same for a straight motion; its standard deviation is its length / √12."""
    length = rng.uniform(_SHAKE[0], max(_SHAKE[0], min(most, _SHAKE[1])))
    side = 2 * math.ceil(length / 2) + 3
    angle, way = rng.uniform(0, math.pi), np.linspace(-0.5, 0.5, 8 * side) * length
    x, y = side // 2 + way * math.cos(angle), side // 2 + way * math.sin(angle)
    left, top = np.floor(x).astype(int), np.floor(y).astype(int)
    kernel = np.zeros((side, side))
    for right, below in ((0, 0), (1, 0), (0, 1), (1, 1)):  # each point's weight goes to the four pixels around it
        weight = np.abs(1 - right - (x - left)) * np.abs(1 - below - (y - top))
        np.add.at(kernel, (top + below, left + right), weight)
    return np.asarray(kernel / kernel.sum(), np.float32), length / math.sqrt(12)
