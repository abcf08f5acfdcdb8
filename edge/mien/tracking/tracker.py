"""Which face is which from frame to frame: greedy overlap, then nearness."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import NamedTuple

from mien.faces.face import Face

Box = tuple[float, float, float, float]


@dataclass(frozen=True, slots=True)
class Track:
    """A face followed over frames.

    Attributes:
        number: stable id, from 1, never used twice.
        box: where it was last seen, frame pixels.
        missed: frames since then.
    """

    number: int
    box: Box
    missed: int


class Match(NamedTuple):
    """A face's track, and whether it is surely that track's face: where two might have changed places, it is not."""

    number: int
    sure: bool


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

    def reset(self) -> None:
        """Forget every track; numbers go on counting."""
        self.tracks = ()

    def update(self, faces: Sequence[Face], at: int) -> tuple[Match, ...]:
        """Match a frame's faces to the tracks.

        Args:
            faces: of one frame, frame pixels.
            at: nanoseconds, on any one clock.

        Returns:
            One match a face, in the order of `faces`.
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
        return tuple(Match(number, True) for number in numbers)

    def _match(self, faces: Sequence[Face]) -> dict[int, int]:
        """Face index to track number, for the faces that continue a track."""
        if not faces or not self.tracks:
            return {}
        # Plain arithmetic: for the few faces of a frame, numpy's overhead per call would cost more.
        pairs: list[tuple[float, int, int]] = []
        near: list[tuple[float, int, int]] = []
        known = [_span(track.box) for track in self.tracks]
        far = max(1.0, self._reach)
        for index, face in enumerate(faces):
            x, y, side = _span(face.box)
            for row, (other_x, other_y, other_side) in enumerate(known):
                limit = far * (side if side > other_side else other_side)
                if abs(x - other_x) > limit or abs(y - other_y) > limit:
                    continue  # neither overlapping nor near
                overlap, apart = _compared(face.box, self.tracks[row].box)
                if overlap >= self._iou_threshold:
                    pairs.append((-overlap, index, row))
                if apart <= self._reach:
                    near.append((apart, index, row))
        # Best pairs first; all pairs that overlap come before any that are only near.
        matches: dict[int, int] = {}
        taken: set[int] = set()
        for _, index, row in (*sorted(pairs), *sorted(near)):
            if index not in matches and row not in taken:
                matches[index] = self.tracks[row].number
                taken.add(row)
        return matches


def _span(box: Box) -> tuple[float, float, float]:
    """Centre x and y of a box, and its longer side."""
    return (box[0] + box[2]) / 2, (box[1] + box[3]) / 2, max(box[2] - box[0], box[3] - box[1], 1e-6)


def _compared(one: Box, other: Box) -> tuple[float, float]:
    """Intersection over union of two boxes, and the distance of their centres in sides of the larger one."""
    width, height = one[2] - one[0], one[3] - one[1]
    other_width, other_height = other[2] - other[0], other[3] - other[1]
    x, y, side = _span(one)
    other_x, other_y, other_side = _span(other)
    apart = math.hypot(x - other_x, y - other_y) / max(side, other_side)
    shared_x = min(one[2], other[2]) - max(one[0], other[0])
    shared_y = min(one[3], other[3]) - max(one[1], other[1])
    if shared_x <= 0 or shared_y <= 0:
        return 0.0, apart
    shared = shared_x * shared_y
    return shared / max(width * height + other_width * other_height - shared, 1e-6), apart
