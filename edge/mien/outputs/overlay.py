"""Pictures for people: boxes, landmarks and readings drawn on a copy of a frame, and contact sheets."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import cv2
import numpy as np
from numpy.typing import NDArray

from mien.faces.face import Face
from mien.reading import FrameResult

_SMALLEST_SIDE = 320
_LARGEST_SIDE = 4000
_BOX, _LANDMARK, _INK, _PLATE = (80, 220, 80), (60, 200, 255), (255, 255, 255), (40, 40, 40)  # B, G, R


@dataclass(frozen=True, slots=True)
class Mark:
    """A face and what to write at it."""

    face: Face
    caption: str


def marks(result: FrameResult) -> list[Mark]:
    """A mark for each face of a frame."""
    return [Mark(reading.face, reading.caption) for reading in result.readings]


def annotate(picture: NDArray[np.uint8], marks: Sequence[Mark]) -> NDArray[np.uint8]:
    """Draw faces on a copy.

    Args:
        picture: uint8 (H, W) luma or (H, W, 3) B, G, R.
        marks: in the picture's pixels.

    Returns:
        uint8 (h, w, 3), B, G, R; a picture with a side under 320 pixels is first enlarged by a whole number,
        so that the captions can be read.
    """
    factor = max(1, math.ceil(_SMALLEST_SIDE / min(picture.shape[:2])))
    factor = max(1, min(factor, _LARGEST_SIDE // max(picture.shape[:2])))
    canvas = cv2.cvtColor(picture, cv2.COLOR_GRAY2BGR) if picture.ndim == 2 else picture.copy()
    if factor > 1:
        canvas = cv2.resize(canvas, None, fx=factor, fy=factor, interpolation=cv2.INTER_CUBIC)
    unit = max(canvas.shape[:2]) / 640
    line = max(1, round(2 * unit))
    for mark in marks:
        left, top, right, bottom = (round(v * factor) for v in mark.face.box)
        cv2.rectangle(canvas, (left, top), (right, bottom), _BOX, line, cv2.LINE_AA)
        for x, y in mark.face.landmarks:
            cv2.circle(canvas, (round(x * factor), round(y * factor)), line, _LANDMARK, -1, cv2.LINE_AA)
    # Captions last: no neighbour's box is drawn over them.
    for mark in marks:
        _write(
            canvas,
            mark.caption,
            round(mark.face.box[0] * factor),
            round(mark.face.box[1] * factor),
            0.55 * unit,
        )
    return np.asarray(canvas, dtype=np.uint8)


def _write(canvas: cv2.typing.MatLike, text: str, left: int, top: int, scale: float) -> None:
    scale, font = max(scale, 0.4), cv2.FONT_HERSHEY_SIMPLEX
    thickness = max(1, round(1.5 * scale))
    (width, height), below = cv2.getTextSize(text, font, scale, thickness)
    margin = max(2, height // 3)
    # Above the box if there is room, and never outside the picture.
    x = min(max(0, left), max(0, canvas.shape[1] - width - 2 * margin))
    y = max(0, top - height - below - 2 * margin)
    cv2.rectangle(canvas, (x, y), (x + width + 2 * margin, y + height + below + 2 * margin), _PLATE, -1)
    cv2.putText(canvas, text, (x + margin, y + margin + height), font, scale, _INK, thickness, cv2.LINE_AA)


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


def write_picture(path: str, picture: NDArray[np.uint8]) -> bool:
    """Write a picture file in the format of its suffix; False where that fails."""
    try:
        return bool(cv2.imwrite(path, picture))
    except cv2.error:
        return False
