"""Which face is which from frame to frame: greedy overlap, then nearness."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from mien.face import Face, iou


@dataclass(frozen=True, slots=True)
class Track:
    """A face followed over frames.

    Attributes:
        number: stable id, from 1, never used twice.
        box: where it was last seen, frame pixels.
        missed: frames since then.
    """

    number: int
    box: tuple[float, float, float, float]
    missed: int


class Tracker:
    """Gives every face the number of its track; a face seen once has one at once.

    Args:
        iou_threshold: least overlap of a face with its track's last box.
        reach: greatest distance of the centres, in sides of the larger box, for faces that overlap no track
            enough (a fast move, or a dropped frame).
        max_age: frames that a track outlives its last sight.
    """

    def __init__(self, iou_threshold: float = 0.3, reach: float = 0.75, max_age: int = 15) -> None:
        self._iou_threshold, self._reach, self._max_age = iou_threshold, reach, max_age
        self._next = 1
        self.tracks: tuple[Track, ...] = ()
        """The tracks alive after the last update."""

    def update(self, faces: Sequence[Face]) -> tuple[int, ...]:
        """Match a frame's faces to the tracks.

        Args:
            faces: of one frame, frame pixels.

        Returns:
            One track number a face, in the order of `faces`.
        """
        matches = self._match(faces)
        numbers = []
        for index in range(len(faces)):
            if index in matches:
                numbers.append(matches[index])
            else:
                numbers.append(self._next)
                self._next += 1
        seen = set(numbers)
        lost = (Track(t.number, t.box, t.missed + 1) for t in self.tracks if t.number not in seen)
        self.tracks = (
            *(Track(number, face.box, 0) for number, face in zip(numbers, faces, strict=True)),
            *(track for track in lost if track.missed <= self._max_age),
        )
        return tuple(numbers)

    def _match(self, faces: Sequence[Face]) -> dict[int, int]:
        """Face index to track number, for the faces that continue a track."""
        if not faces or not self.tracks:
            return {}
        boxes = np.asarray([face.box for face in faces], dtype=np.float32)  # (F, 4)
        others = np.asarray([track.box for track in self.tracks], dtype=np.float32)  # (T, 4)
        overlap = iou(boxes, others)
        centres, other_centres = (b[:, :2] / 2 + b[:, 2:] / 2 for b in (boxes, others))
        sides, other_sides = ((b[:, 2:] - b[:, :2]).max(axis=1) for b in (boxes, others))
        apart = np.hypot(*np.moveaxis(centres[:, None] - other_centres[None], 2, 0))  # (F, T)
        apart = apart / np.maximum(np.maximum(sides[:, None], other_sides[None]), 1e-6)
        # Best pairs first; all pairs that overlap come before any that are only near.
        pairs = [(-overlap[f, t], f, t) for f, t in np.argwhere(overlap >= self._iou_threshold)]
        near = [(apart[f, t], f, t) for f, t in np.argwhere(apart <= self._reach)]
        matches: dict[int, int] = {}
        taken: set[int] = set()
        for _, face, track in (*sorted(pairs), *sorted(near)):
            if int(face) not in matches and int(track) not in taken:
                matches[int(face)] = self.tracks[track].number
                taken.add(int(track))
        return matches
