"""What the soak's camera sees: two people who come and go, small and in a loop."""

from __future__ import annotations

import cv2
import numpy as np
from numpy.typing import NDArray

from mien import read_image
from mien.cameras.demo import photograph

HEIGHT, WIDTH = 120, 160
LENGTH = 480
"""Frames of the loop."""

_FACE = (223.0, 120.0)
"""Centre of the face in the photograph, and its height; see `mien.cameras.demo`."""
_FACE_HEIGHT = 125.0
_HEAD = (75.0, 105.0)
"""Half axes of the ellipse that is cut out around it."""


def frames() -> list[NDArray[np.uint8]]:
    """The loop: uint8 (120, 160) each, with nobody, one face or two of 38 to 52 pixels."""
    picture = read_image(photograph())
    mask = np.zeros_like(picture)
    cv2.ellipse(mask, (*map(round, _FACE),), (*map(round, _HEAD),), 0, 0, 360, 255, -1)
    empty = cv2.GaussianBlur(cv2.resize(picture, (WIDTH, HEIGHT), interpolation=cv2.INTER_AREA), (0, 0), 12)
    return [_frame(index, picture, mask, empty) for index in range(LENGTH)]


def _frame(
    index: int, picture: NDArray[np.uint8], mask: NDArray[np.uint8], empty: NDArray[np.uint8]
) -> NDArray[np.uint8]:
    luma = empty.copy()
    # One crosses the picture four times in the loop, the other three times, each out of sight for a while in between.
    for period, size, row, way in ((LENGTH // 4, 52.0, 66.0, 1), (LENGTH // 3, 38.0, 44.0, -1)):
        share = index % period / period
        if share > 0.75:
            continue
        scale = size / _FACE_HEIGHT
        across = share / 0.75 * (WIDTH + 2 * size) - size
        x = across if way > 0 else WIDTH - across
        matrix = np.array(
            [[scale, 0, x - scale * _FACE[0]], [0, scale, row + 4 * np.sin(index / 9) - scale * _FACE[1]]], np.float32
        )
        head, place = (
            cv2.warpAffine(plane, matrix, (WIDTH, HEIGHT), flags=cv2.INTER_AREA) for plane in (picture, mask)
        )
        luma[place > 127] = head[place > 127]
    return luma
