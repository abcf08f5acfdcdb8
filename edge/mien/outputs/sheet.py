"""Contact sheets: many pictures in one."""

from __future__ import annotations

import math
from collections.abc import Sequence

import cv2
import numpy as np
from numpy.typing import NDArray


def contain(picture: NDArray[np.uint8], width: int, height: int) -> NDArray[np.uint8]:
    """A picture, uint8 (H, W, 3), shrunk or enlarged into the middle of a black (height, width, 3) one."""
    scale = min(width / picture.shape[1], height / picture.shape[0])
    inner = (
        min(width, max(1, round(picture.shape[1] * scale))),
        min(height, max(1, round(picture.shape[0] * scale))),
    )
    canvas = np.zeros((height, width, 3), dtype=np.uint8)
    left, top = (width - inner[0]) // 2, (height - inner[1]) // 2
    method = cv2.INTER_AREA if scale < 1 else cv2.INTER_LINEAR
    canvas[top : top + inner[1], left : left + inner[0]] = cv2.resize(picture, inner, interpolation=method)
    return canvas


def contact_sheet(
    pictures: Sequence[NDArray[np.uint8]], columns: int = 4, width: int = 320, height: int = 240
) -> NDArray[np.uint8]:
    """Pictures side by side, in reading order.

    Args:
        pictures: at least one, each uint8 (H, W, 3).
        columns: at most.
        width, height: of one cell in pixels.

    Returns:
        uint8 (rows · height, columns · width, 3); empty cells are black.
    """
    columns = min(columns, len(pictures))
    rows = math.ceil(len(pictures) / columns)
    sheet = np.zeros((rows * height, columns * width, 3), dtype=np.uint8)
    for index, picture in enumerate(pictures):
        top, left = index // columns * height, index % columns * width
        sheet[top : top + height, left : left + width] = contain(picture, width, height)
    return sheet
