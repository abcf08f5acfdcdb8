"""Cutting a frame into overlapping tiles, so that small faces meet the network at full size."""

from __future__ import annotations

import math

import numpy as np

from mien.decode import Detections

OVERLAP = 48
"""Pixels that neighbouring tiles share. A face up to this size lies whole in one of them; larger ones are for
the scan of the whole frame."""

_MARGIN = 1.5
"""Pixels from a cut within which a box counts as cut."""

Window = tuple[int, int, int, int]
"""Left, top, right, bottom in frame pixels; right and bottom are exclusive."""


def windows(frame: tuple[int, int], tile: tuple[int, int]) -> tuple[Window, ...]:
    """Tiles that cover a frame, row by row.

    Args:
        frame: (height, width).
        tile: (height, width), the network's input.

    Returns:
        Windows no larger than a tile, evenly spread. None for a frame that fits into one tile: the scan of the
        whole frame sees that at full size already.
    """
    if frame[0] <= tile[0] and frame[1] <= tile[1]:
        return ()
    tops, lefts = _starts(frame[0], tile[0]), _starts(frame[1], tile[1])
    return tuple(
        (left, top, min(left + tile[1], frame[1]), min(top + tile[0], frame[0])) for top in tops for left in lefts
    )


def whole(found: Detections, window: Window, frame: tuple[int, int]) -> Detections:
    """The detections of a tile that its own edges do not cut, moved into the frame.

    Args:
        found: in pixels of the window.
        window: where it lies in the frame.
        frame: (height, width). The frame's own edges cut nothing that another tile would show.
    """
    left, top, right, bottom = window
    low = np.array([_MARGIN if left > 0 else -np.inf, _MARGIN if top > 0 else -np.inf], np.float32)
    high = np.array(
        [
            right - left - _MARGIN if right < frame[1] else np.inf,
            bottom - top - _MARGIN if bottom < frame[0] else np.inf,
        ],
        np.float32,
    )
    kept = (found.boxes[:, :2] >= low).all(axis=1) & (found.boxes[:, 2:] <= high).all(axis=1)
    shift = np.array([left, top], np.float32)
    return Detections(found.boxes[kept] + np.tile(shift, 2), found.landmarks[kept] + shift, found.scores[kept])


def joined(parts: list[Detections]) -> Detections:
    """Several lists of detections in the same pixels as one."""
    return Detections(
        np.concatenate([p.boxes for p in parts]),
        np.concatenate([p.landmarks for p in parts]),
        np.concatenate([p.scores for p in parts]),
    )


def _starts(length: int, tile: int) -> list[int]:
    if length <= tile:
        return [0]
    count = math.ceil((length - OVERLAP) / (tile - OVERLAP))
    return [round(index * (length - tile) / (count - 1)) for index in range(count)]
