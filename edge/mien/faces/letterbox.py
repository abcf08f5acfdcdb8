"""Fitting a frame of any size into a network's fixed input, without stretching it."""

from __future__ import annotations

from dataclasses import dataclass

import cv2
import numpy as np
from numpy.typing import NDArray

GREY = 128
"""Luma of the border; it is the networks' zero, the value that their convolutions pad with."""


@dataclass(frozen=True, slots=True)
class Fit:
    """Where a frame lands in the canvas: its size there, from the top left corner, and the scale.

    Attributes:
        height, width: pixels of the canvas that the frame covers.
        scale: canvas pixels per frame pixel.
    """

    height: int
    width: int
    scale: float


def fit(frame: tuple[int, int], canvas: tuple[int, int]) -> Fit:
    """The largest fit of a (height, width) frame into a (height, width) canvas that keeps its shape."""
    scale = min(canvas[0] / frame[0], canvas[1] / frame[1])
    height = min(canvas[0], max(1, round(frame[0] * scale)))
    width = min(canvas[1], max(1, round(frame[1] * scale)))
    return Fit(height, width, scale)


class Letterbox:
    """Resizes frames into one canvas that is allocated once.

    Args:
        height, width: of the canvas, in pixels.
    """

    def __init__(self, height: int, width: int) -> None:
        self._canvas = np.full((height, width), GREY, dtype=np.uint8)
        self._frame = (0, 0)
        self._fit = Fit(height, width, 1.0)

    def __call__(self, luma: NDArray[np.uint8]) -> tuple[NDArray[np.uint8], Fit]:
        """Resize a frame into the top left corner of the canvas.

        Args:
            luma: uint8 (H, W), any size.

        Returns:
            The canvas, uint8 (height, width), valid until the next call, and the fit.
        """
        if luma.shape != self._frame:  # most frames are of one size, and the fit is worked out once
            self._frame = (luma.shape[0], luma.shape[1])
            self._fit = fit(self._frame, (self._canvas.shape[0], self._canvas.shape[1]))
            self._canvas.fill(GREY)
        where = self._fit
        target = self._canvas[: where.height, : where.width]
        # INTER_AREA averages what a shrunken pixel covers; bilinear would skip source pixels and alias.
        method = cv2.INTER_AREA if where.scale < 1 else cv2.INTER_LINEAR
        cv2.resize(luma, (where.width, where.height), dst=target, interpolation=method)
        return self._canvas, where
