"""What cameras, light and hands do to a training picture: occlusion, exposure, backlight, blur and noise.

The labels stay. Each happens to a share of the pictures, so that most show one or two and some none.
"""

from __future__ import annotations

import math
from typing import Any

import cv2
import numpy as np
from numpy.random import Generator
from numpy.typing import NDArray

from mien_train.face.compose import Picture

_OCCLUDED = 0.25
"""Share of pictures in which something covers faces; most faces in front of a kiosk are free."""
_COVERED = 0.5
"""Share of the faces in such a picture that are covered."""
_MASKED = 0.5
"""Share of covered faces that wear a mask; the others have a hand, a cup or a microphone before them."""
_MOUTH, _MASK_WIDTH, _MASK_HEIGHT = (0.5, 0.78), (0.35, 0.5), (0.2, 0.3)
"""Middle of a mask, and half its width and height, as shares of the face's box: from the nose to below the chin."""
_HAND = (0.1, 0.25)
"""Half the width and height of anything else, as shares of the box: an eye is covered, or half the face."""
_TILT = 20.0
"""Degrees by which a cover is turned at the most."""
_TONED = 0.8
"""Share of pictures with another exposure: nearly all, since hardly two cameras agree."""
_BADLY_EXPOSED = 0.2
"""Share of these that are exposed so badly that a person would complain: against a window, at night."""
_GAMMA, _WORST_GAMMA = 0.4, 1.6
"""Of the gamma's base-2 logarithm: standard deviation, and the bound where exposure is bad (0.33 to 3)."""
_WORST_CONTRAST, _LEAST_CONTRAST, _MOST_CONTRAST = 0.3, 0.6, 1.5
"""Factors of contrast: at the least where exposure is bad, at the least otherwise, at the most."""
_BRIGHTNESS = 0.08
"""Standard deviation of brightness, as a share of the range: a twelfth, so that grey stays grey."""
_BACKLIT = 0.15
"""Share of pictures with light from one side."""
_SHADE, _SUN = (0.3, 1.0), (1.0, 1.8)
"""Factors of luma on the dark side and on the bright one."""
_REACH = 1.42
"""Of a ramp across the corners of a square from −1 to 1: √2, rounded up."""
_BLURRED, _BLUR = 0.15, (0.4, 1.6)
"""Share of pictures out of focus, and the blur's standard deviation in pixels; more would erase faces of 12."""
_NOISY, _NOISE = 0.25, (2.0, 16.0)
"""Share of pictures with a sensor's noise, and its standard deviation in luma steps: dusk to candle light."""


def disturb(picture: Picture, rng: Generator) -> Picture:
    """Occlusion, exposure, contrast, backlight, blur and noise; the labels stay."""
    luma: NDArray[Any] = picture.luma
    if rng.random() < _OCCLUDED:
        luma = _occlude(luma, picture, rng)
    if rng.random() < _TONED:
        luma = cv2.LUT(luma, _tone_curve(rng))
    if rng.random() < _BACKLIT:
        luma = _gradient(luma, rng)
    if rng.random() < _BLURRED:
        luma = cv2.GaussianBlur(luma, (0, 0), float(rng.uniform(*_BLUR)))
    if rng.random() < _NOISY:
        noise = rng.standard_normal(luma.shape, np.float32) * np.float32(rng.uniform(*_NOISE))
        luma = np.clip(luma + noise, 0, 255).astype(np.uint8)
    return Picture(np.asarray(luma, np.uint8), picture.boxes, picture.landmarks, picture.ignore)


def _tone_curve(rng: Generator) -> NDArray[np.uint8]:
    """A look-up table of random gamma, contrast and brightness, sometimes badly exposed."""
    steps = np.arange(256) / 255
    bad = rng.random() < _BADLY_EXPOSED
    curve = steps ** (2 ** rng.uniform(-_WORST_GAMMA, _WORST_GAMMA) if bad else 2 ** rng.normal(0, _GAMMA))
    contrast = rng.uniform(_WORST_CONTRAST if bad else _LEAST_CONTRAST, _MOST_CONTRAST)
    curve = (curve - 0.5) * contrast + 0.5 + rng.normal(0, _BRIGHTNESS)
    return np.clip(np.rint(255 * curve), 0, 255).astype(np.uint8)


def _gradient(luma: NDArray[np.uint8], rng: Generator) -> NDArray[np.uint8]:
    """Light from one side: a ramp of gain across the picture."""
    height, width = luma.shape
    angle = rng.uniform(0, 2 * math.pi)
    ramp = np.linspace(-1, 1, width)[None] * math.cos(angle) + np.linspace(-1, 1, height)[:, None] * math.sin(angle)
    low, high = rng.uniform(*_SHADE), rng.uniform(*_SUN)
    gain = low + (high - low) * (ramp + _REACH) / (2 * _REACH)
    return np.clip(luma * gain, 0, 255).astype(np.uint8)


def _occlude(luma: NDArray[np.uint8], picture: Picture, rng: Generator) -> NDArray[np.uint8]:
    """Cover the lower half (a mask) or a random part (a hand, a microphone) of some faces."""
    luma = luma.copy()
    for box in picture.boxes[~picture.ignore]:
        if rng.random() < 1 - _COVERED:
            continue
        size = box[2:] - box[:2]
        if rng.random() < _MASKED:
            centre, half = box[:2] + size * _MOUTH, size * [rng.uniform(*_MASK_WIDTH), rng.uniform(*_MASK_HEIGHT)]
        else:
            centre, half = box[:2] + size * rng.uniform(0, 1, 2), size * rng.uniform(*_HAND, 2)
        middle, axes = (int(centre[0]), int(centre[1])), (max(1, int(half[0])), max(1, int(half[1])))
        cv2.ellipse(luma, middle, axes, float(rng.uniform(-_TILT, _TILT)), 0, 360, int(rng.integers(256)), -1)
    return luma
