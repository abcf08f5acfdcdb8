"""Looking where faces were: full scans only now and then, in between a closer look around the known faces."""

from __future__ import annotations

import functools
import inspect
from collections.abc import Callable
from typing import Any

import numpy as np
from numpy.typing import NDArray

from mien.errors import MienError
from mien.faces.face import Box, Face
from mien.laps import Laps
from mien.roles import Detector

_ROOM = 0.75
"""Of a face's side, left free around it: how far a face may move between two frames."""
_PATIENCE = 2
"""Looks in a row that miss a known face, after which the whole frame is scanned: whoever has left costs one scan, and
whom the scan alone sees is seen in every third frame: soon enough, at five frames a second, to keep their track."""


class AttentiveDetector:
    """Re-detects in the window around the faces of the last frame, and scans the whole frame every k-th time.

    A face in the window meets the network larger than in the whole frame, so a smaller and faster model can do the
    looking; the same one would cost as much as a scan, and more resizing. A new face is seen at the next full scan.
    With no face known, every frame is scanned. A known face that a look has missed stays in the window, to be found
    there again; after two such looks in a row the next frame is scanned.

    Args:
        scan: looks at whole frames.
        look: looks at the window.
        every: a whole frame is scanned at every k-th frame, from 1 (always).

    Raises:
        MienError: `every` is below 1.
    """

    def __init__(self, scan: Detector, look: Detector, every: int = 10) -> None:
        if every < 1:
            raise MienError(f"full scans every {every} frames; give 1 or more")
        self._scan, self._look, self._every = scan, look, every
        self._known: tuple[Face, ...] = ()
        self._since = self._misses = 0

    def reset(self) -> None:
        """Forget the known faces."""
        self._known = ()

    def close(self) -> None:
        """Close both detectors."""
        self._scan.close()
        self._look.close()

    def detect(
        self, luma: NDArray[np.uint8], laps: Laps | None = None, small: NDArray[np.uint8] | None = None
    ) -> tuple[Face, ...]:
        """Faces of uint8 (H, W), in frame pixels; see `mien.FaceDetector.detect`. Whole frames alone are scanned in
        `small`: the window is a part of the frame."""
        self._since += 1
        if not self._known or self._since >= self._every or self._misses >= _PATIENCE:
            return self._scanned(luma, laps, small)
        left, top, right, bottom = window(self._known, (luma.shape[0], luma.shape[1]))
        seen = tuple(face.moved(left, top) for face in self._look.detect(luma[top:bottom, left:right], laps))
        if not seen:  # lost: scan at once rather than report an empty frame
            return self._scanned(luma, laps, small)
        missed = _missed(self._known, seen)
        self._misses = self._misses + 1 if missed else 0
        self._known = seen + missed
        return seen

    def _scanned(self, luma: NDArray[np.uint8], laps: Laps | None, small: NDArray[np.uint8] | None) -> tuple[Face, ...]:
        self._since = self._misses = 0
        self._known = detected(self._scan, luma, laps, small)
        return self._known


def detected(
    detector: Detector, luma: NDArray[np.uint8], laps: Laps | None, small: NDArray[np.uint8] | None
) -> tuple[Face, ...]:
    """Faces of uint8 (H, W), looked for in `small` by detectors that take one, as `mien.FaceDetector` does."""
    detect: Any = detector.detect
    if small is None or not _takes_small(getattr(detect, "__func__", detect)):
        return detector.detect(luma, laps)
    faces: tuple[Face, ...] = detect(luma, laps, small=small)
    return faces


@functools.cache
def _takes_small(detect: Callable[..., object]) -> bool:
    return "small" in inspect.signature(detect).parameters


def _missed(known: tuple[Face, ...], seen: tuple[Face, ...]) -> tuple[Face, ...]:
    """The known faces from which no seen one is near enough to be the same, a frame later."""
    for face in seen:
        known = tuple([before for before in known if not _near(before.box, face.box)])
    return known


def _near(before: Box, box: Box) -> bool:
    """Whether a face's centre has moved no farther than the window has room."""
    left, top, right, bottom = before
    reach = 2 * _ROOM * max(right - left, bottom - top)  # sums of two edges are twice the centre
    return abs(box[0] + box[2] - left - right) <= reach and abs(box[1] + box[3] - top - bottom) <= reach


def window(faces: tuple[Face, ...], frame: tuple[int, int]) -> tuple[int, int, int, int]:
    """The part of a (height, width) frame that holds all faces with room around them: left, top, right, bottom."""
    room = [_ROOM * max(f.box[2] - f.box[0], f.box[3] - f.box[1]) for f in faces]
    left = max(0, int(min(f.box[0] - r for f, r in zip(faces, room, strict=True))))
    top = max(0, int(min(f.box[1] - r for f, r in zip(faces, room, strict=True))))
    right = min(frame[1], int(max(f.box[2] + r for f, r in zip(faces, room, strict=True))) + 1)
    bottom = min(frame[0], int(max(f.box[3] + r for f, r in zip(faces, room, strict=True))) + 1)
    return min(left, frame[1] - 1), min(top, frame[0] - 1), max(right, 1), max(bottom, 1)
