"""Cutting a frame into overlapping tiles, so that small faces meet the network at full size or larger."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence

import numpy as np
from numpy.typing import NDArray

from mien.faces.decode import Detections, confident, joined
from mien.faces.face import iou
from mien.faces.letterbox import fit

OVERLAP = 48
"""Pixels that neighbouring tiles share. A face up to this size lies whole in one of them; larger ones are for
the scan of the whole frame."""

_SMALL = 0.75 * OVERLAP
"""Longer side, in frame pixels, below which a face is left to the tiles: they show it whole and much larger, while
the whole frame's box of it is often too large to be taken for the same face. Some way below `OVERLAP`, as boxes of a
face differ."""

_LARGE = 1.5 * OVERLAP
"""Longer side, in the network's pixels, above which a face is left to the whole frame: it needs no magnification,
and what only a tile takes for a large face is mostly a false alarm."""

LOOKS = 6
"""Most second looks at a frame: each is one run of the network."""

_AGAIN = 32.0
"""Height, in the network's pixels, at which a face is looked at again: large enough to be known, and with so much of
the scene around it that a pattern which the tile's magnification makes a face is none any more. Larger ones show less
of the scene, and tell the two apart less well."""

IOU_THRESHOLD = 0.45
"""Of two detections in two views, frame and tile or two tiles, that overlap more than this, the better one stays. The
boxes of a face overlap less there than in one view, whose detections are told apart already."""

_SAME = 0.4
"""Intersection over union from which the second look sees the same face."""

_MARGIN = 1.5
"""Pixels from a cut within which a box counts as cut."""

Window = tuple[int, int, int, int]
"""Left, top, right, bottom in frame pixels; right and bottom are exclusive."""


def windows(frame: tuple[int, int], tile: tuple[int, int]) -> tuple[Window, ...]:
    """Tiles that cover a frame, row by row.

    There are as few as tiles of the network's own size would need. What those would share beyond `OVERLAP` is not
    spent on seeing the same pixels twice: the tiles are smaller by it, and so reach the network magnified.

    Args:
        frame: (height, width).
        tile: (height, width), the network's input.

    Returns:
        Windows no larger than a tile and nearly of its shape, evenly spread. None for a frame that fits into one
        tile: the scan of the whole frame sees that at full size already.
    """
    if frame[0] <= tile[0] and frame[1] <= tile[1]:
        return ()
    rows, columns = (_count(length, side) for length, side in zip(frame, tile, strict=True))
    share = max(_least(frame[0], rows) / tile[0], _least(frame[1], columns) / tile[1])
    height, width = (min(math.ceil(share * side), length) for side, length in zip(tile, frame, strict=True))
    return tuple(
        (left, top, left + width, top + height)
        for top in _starts(frame[0], height, rows)
        for left in _starts(frame[1], width, columns)
    )


def scan(
    luma: NDArray[np.uint8],
    tile: tuple[int, int],
    look: Callable[[NDArray[np.uint8]], Detections],
    most: int,
    score_threshold: float = 0.0,
    tile_threshold: float | None = None,
) -> Detections:
    """Detections of a whole frame and of its tiles, each face once.

    Small faces are the tiles' to find and large ones the whole frame's; those between, of both. Nine tiles show nine
    times as much that may be taken for a face. So what only a tile shows may need a second look, from further away and
    with the face in the middle; the `LOOKS` least certain ones get it, and the lower score of the two is theirs.

    Args:
        luma: uint8 (H, W).
        tile: (height, width), the network's input.
        look: detections of uint8 (h, w), in pixels of what it is given, down to the lower threshold at least; called
            once for the frame, once a tile, and for each second look.
        most: largest number of candidates that suppression looks at.
        score_threshold: lowest score of a face.
        tile_threshold: lowest score, in both looks, of a face that only a tile shows; None for `score_threshold` and no
            second look.

    Returns:
        In frame pixels, best score first.
    """
    least = score_threshold if tile_threshold is None else tile_threshold
    found, sure = candidates(luma, tile, look, most, score_threshold, least)
    if tile_threshold is None or sure.all():
        return found
    doubted = np.flatnonzero(~sure)
    scores = found.scores.copy()
    for index in doubted[-LOOKS:]:  # the best ones are first
        scores[index] = min(scores[index], again(luma, found.boxes[index], tile, look))
    kept = np.flatnonzero(sure | (scores >= np.float32(tile_threshold)))
    kept = kept[np.argsort(-scores[kept], kind="stable")]
    return Detections(found.boxes[kept], found.landmarks[kept], scores[kept])


def candidates(
    luma: NDArray[np.uint8],
    tile: tuple[int, int],
    look: Callable[[NDArray[np.uint8]], Detections],
    most: int,
    score_threshold: float,
    tile_threshold: float,
) -> tuple[Detections, NDArray[np.bool_]]:
    """What whole frame and tiles show before any second look; arguments as in `scan`.

    Returns:
        In frame pixels, best score first; and bool (n,), whether the whole frame shows it.
    """
    frame = (luma.shape[0], luma.shape[1])
    found, cuts = confident(look(luma), score_threshold), windows(frame, tile)
    if not cuts:
        return found, np.ones(len(found.scores), np.bool_)
    parts = [_between(found, _SMALL, math.inf)]
    largest = _LARGE / fit(frame, tile).scale
    for window in cuts:
        left, top, right, bottom = window
        part = _between(confident(look(luma[top:bottom, left:right]), tile_threshold), 0, largest)
        parts.append(whole(part, window, frame))
    kept = _once(parts, most)
    found = joined(parts)
    seen = Detections(found.boxes[kept], found.landmarks[kept], found.scores[kept])
    # Also where a tile shows it better, and has taken its place.
    return seen, np.asarray((iou(seen.boxes, parts[0].boxes) > IOU_THRESHOLD).any(axis=1), np.bool_)


def _once(parts: Sequence[Detections], most: int) -> NDArray[np.intp]:
    """Each face once, of the views that show it, best first: numbers in the joined parts."""
    boxes = np.concatenate([part.boxes for part in parts])
    scores = np.concatenate([part.scores for part in parts])
    views = np.repeat(np.arange(len(parts)), [len(part.scores) for part in parts])
    considered = np.argsort(-scores, kind="stable")[:most]
    boxes, views = boxes[considered], views[considered]
    clashes = (iou(boxes, boxes) > IOU_THRESHOLD) & (views[:, None] != views)
    kept, hidden = [], np.zeros(len(considered), dtype=np.bool_)
    for index, number in enumerate(considered.tolist()):
        if not hidden[index]:
            kept.append(number)
            hidden |= clashes[index]
    return np.array(kept, dtype=np.intp)


def again(
    luma: NDArray[np.uint8],
    box: NDArray[np.float32],
    tile: tuple[int, int],
    look: Callable[[NDArray[np.uint8]], Detections],
) -> float:
    """Score of a second look at a face whose box, float32 (4,), is in frame pixels; 0 where it is not seen again."""
    share = float(box[3] - box[1]) / _AGAIN
    middle = (float(box[1] + box[3]) / 2, float(box[0] + box[2]) / 2)
    sizes = [min(math.ceil(share * side), length) for side, length in zip(tile, luma.shape, strict=True)]
    top, left = (
        min(max(0, round(at - size / 2)), length - size)
        for at, size, length in zip(middle, sizes, luma.shape, strict=True)
    )
    seen = look(luma[top : top + sizes[0], left : left + sizes[1]])
    same = iou(seen.boxes + np.array([left, top, left, top], np.float32), box[None])[:, 0] >= _SAME
    return float(seen.scores[same].max(initial=0))


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


def _between(found: Detections, low: float, high: float) -> Detections:
    side = (found.boxes[:, 2:] - found.boxes[:, :2]).max(axis=1)
    kept = (side >= low) & (side <= high)
    return Detections(found.boxes[kept], found.landmarks[kept], found.scores[kept])


def _count(length: int, side: int) -> int:
    """Tiles of this side that cover a length and share `OVERLAP` or more."""
    return 1 if length <= side else math.ceil((length - OVERLAP) / (side - OVERLAP))


def _least(length: int, count: int) -> float:
    """The side at which so many tiles share `OVERLAP` and no more; for a single one, what it has to cover."""
    return (length + (count - 1) * OVERLAP) / count


def _starts(length: int, side: int, count: int) -> list[int]:
    return [round(index * (length - side) / (count - 1)) for index in range(count)] if count > 1 else [0]
