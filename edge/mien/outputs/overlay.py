"""Pictures for people: boxes, landmarks and readings drawn on a copy of a frame."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import cv2
import numpy as np
from numpy.typing import NDArray

from mien.faces.face import Box, Face
from mien.outputs.captions import Plate, arrange
from mien.outputs.files import unwritten, write_whole
from mien.reading import FrameResult

_SMALLEST_SIDE = 320
_LARGEST_SIDE = 4000
_LEAST_SCALE = 0.38
"""Of the text: smaller can't be read."""
_FONT = cv2.FONT_HERSHEY_SIMPLEX
_LANDMARK, _INK, _PLATE = (60, 200, 255), (255, 255, 255), (40, 40, 40)  # B, G, R

COLOURS = (
    (80, 220, 80),
    (0, 160, 240),
    (235, 190, 90),
    (190, 120, 230),
    (60, 230, 240),
    (60, 90, 235),
    (230, 110, 60),
    (190, 230, 170),
)
"""Of boxes and plates, B, G, R: those of neighbours in the list are told apart easily, also by the colour-blind."""


@dataclass(frozen=True, slots=True)
class Mark:
    """A face, what to write at it, and which of `COLOURS` it has, counted round."""

    face: Face
    caption: str
    colour: int = 0


def marks(result: FrameResult, numbered: bool = False) -> list[Mark]:
    """A mark for each face of a frame.

    Args:
        result: of the frame.
        numbered: with the number of its track, and the track's colour from frame to frame; else coloured in turn.
    """
    return [
        Mark(reading.face, f"#{reading.track} {reading.caption}", reading.track - 1)
        if numbered
        else Mark(reading.face, reading.caption, index)
        for index, reading in enumerate(result.readings)
    ]


def annotate(picture: NDArray[np.uint8], marks: Sequence[Mark]) -> NDArray[np.uint8]:
    """Draw faces on a copy, and their captions where they cover no face and not each other.

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
    boxes = [Box(*(value * factor for value in mark.face.box)) for mark in marks]
    for mark, box in zip(marks, boxes, strict=True):
        left, top, right, bottom = (round(value) for value in box)
        cv2.rectangle(canvas, (left, top), (right, bottom), _colour(mark), line, cv2.LINE_AA)
        for x, y in mark.face.landmarks:
            cv2.circle(canvas, (round(x * factor), round(y * factor)), line, _LANDMARK, -1, cv2.LINE_AA)
    # A plate keeps clear of a box's line, half of which is drawn outside it.
    rims = [Box(box.left - line, box.top - line, box.right + line, box.bottom + line) for box in boxes]
    size = (canvas.shape[1], canvas.shape[0])
    plates = arrange(rims, [mark.caption for mark in marks], size, 0.55 * unit, _measured)
    for mark, plate in zip(marks, plates, strict=True):
        if plate.leader is not None:
            x, y, end_x, end_y = (round(value) for value in plate.leader)
            cv2.line(canvas, (x, y), (end_x, end_y), _colour(mark), max(1, line // 2), cv2.LINE_AA)
    for mark, plate in zip(marks, plates, strict=True):
        _write(canvas, plate, _colour(mark))
    return np.asarray(canvas, dtype=np.uint8)


def write_picture(path: Path, picture: NDArray[np.uint8]) -> None:
    """Write a picture file whole, in the format of its suffix; what stood there before stays if that fails.

    Args:
        path: ends in a suffix that OpenCV can write, such as .png.
        picture: uint8 (H, W) or (H, W, 3) B, G, R.

    Raises:
        MienError: it cannot be written.
    """
    try:
        good, content = cv2.imencode(path.suffix, picture)
    except cv2.error:
        good = False
    if not good:
        raise unwritten(path, "OpenCV cannot encode it")
    write_whole(path, content.tobytes())


def _colour(mark: Mark) -> tuple[int, int, int]:
    return COLOURS[mark.colour % len(COLOURS)]


def _font(scale: float) -> tuple[float, int, int]:
    """The scale that can be read, the strokes' thickness, and the margin around text and its stripe, pixels."""
    scale = max(scale, _LEAST_SCALE)
    return scale, max(1, round(1.5 * scale)), max(2, round(6 * scale))


def _measured(text: str, scale: float) -> tuple[int, int]:
    """See `captions.Measure`."""
    scale, thickness, margin = _font(scale)
    (width, height), below = cv2.getTextSize(text, _FONT, scale, thickness)
    return width + 3 * margin, height + below + margin


def _write(canvas: cv2.typing.MatLike, plate: Plate, colour: tuple[int, int, int]) -> None:
    scale, thickness, margin = _font(plate.scale)
    left, top, right, bottom = (round(value) for value in plate.box)
    cv2.rectangle(canvas, (left, top), (right - 1, bottom - 1), _PLATE, -1)
    cv2.rectangle(canvas, (left, top), (left + margin - 1, bottom - 1), colour, -1)
    for text in plate.lines:
        height = _measured(text, scale)[1]
        (_, above), _ = cv2.getTextSize(text, _FONT, scale, thickness)
        cv2.putText(
            canvas, text, (left + 2 * margin, top + margin // 2 + above), _FONT, scale, _INK, thickness, cv2.LINE_AA
        )
        top += height
