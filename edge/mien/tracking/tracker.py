"""Which face is which from frame to frame: by where each should be by now, and the assignment that fits best."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import NamedTuple

from mien.faces.face import Box, Face
from mien.tracking.assignment import assign
from mien.tracking.motion import Motion, first

_REACH = 0.35
"""How far a sudden move may take a face from where it should be, in sides, besides three standard deviations."""
_FARTHEST = 0.85
"""The limit of both together."""
_NEAR = 0.6
"""A face so near to its last sight, in sides, is within reach too, one frame later: heads are shaken."""
_GROWTH = math.log(1.7)
"""The most that a face's size may change between two sights."""
_ALONE = 14.0
"""Improbability of a face being a new one."""
_FARTHEST_FITS = 13.0
"""The most improbable of those within reach: a little less than a new one."""
_DOUBT = 9.0
"""Two assignments whose improbabilities differ by less are both possible: odds of e^4.5, 90 to 1."""
_COVERED = 0.75
"""Two faces whose centres are nearer than this, in mean sides, along both axes: the front one may hide the other."""
_HIDDEN_SECONDS = 2.0
"""How long a face hidden behind another is expected back."""
_SLOW_SECONDS = 2.0
"""Frames up to so far apart continue each other's tracks, whatever `max_age` says: some devices are that slow."""


@dataclass(frozen=True, slots=True)
class Track:
    """A face followed over frames.

    Attributes:
        number: stable id, from 1, never used twice.
        box: where it was last seen, frame pixels.
        age: seconds since then.
    """

    number: int
    box: Box
    age: float


class Match(NamedTuple):
    """A face's track, and whether it is surely that track's face: where two might have changed places, it is not."""

    number: int
    sure: bool


class _Followed(NamedTuple):
    """A track as the tracker needs it.

    Attributes:
        number, box, age: see `Track`.
        motion: where it should be by now.
        fresh: whether it was seen in the last frame.
        uncovered: of its age, the seconds in which no other face stood where it should be.
        hidden: whether one did.
    """

    number: int
    box: Box
    motion: Motion
    age: float = 0.0
    fresh: bool = True
    uncovered: float = 0.0
    hidden: bool = False


class Tracker:
    """Gives every face the number of its track; a face seen once has one at once.

    Each track moves on at its velocity, so faces that cross keep their numbers, also where one hides the other for a
    while. All is reckoned in seconds and in sides of the face: frame rate and resolution do not matter. A time that
    stands still or runs backwards counts as no time gone by.

    Args:
        max_age: seconds that a track outlives its last sight; hidden behind another face, it lives up to two seconds.
    """

    def __init__(self, max_age: float = 0.6) -> None:
        self._max_age = max_age
        self._next = 1
        self._at: int | None = None
        self._followed: tuple[_Followed, ...] = ()

    @property
    def tracks(self) -> tuple[Track, ...]:
        """The tracks alive after the last update."""
        return tuple(Track(known.number, known.box, known.age) for known in self._followed)

    @property
    def numbers(self) -> list[int]:
        """Those of `tracks`."""
        return [known.number for known in self._followed]

    def reset(self) -> None:
        """Forget every track; numbers go on counting."""
        self._followed, self._at = (), None

    def update(self, faces: Sequence[Face], at: int) -> tuple[Match, ...]:
        """Match a frame's faces to the tracks.

        Args:
            faces: of one frame, frame pixels.
            at: nanoseconds, on any one clock.

        Returns:
            One match a face, in the order of `faces`.
        """
        step = 0.0 if self._at is None else max(0, at - self._at) / 1e9
        self._at = at
        known = self._moved(step)
        costs = _costs(faces, known)
        rows = assign(costs, _ALONE)
        doubtful = _doubtful(costs, rows)
        matches, followed = [], []
        for row, face in enumerate(faces):
            if row in rows:
                track = known[rows[row]]
                number, motion = track.number, track.motion.seen(face.box)
                sure = not track.hidden and row not in doubtful
            else:
                number, motion, sure = self._next, first(face.box), True
                self._next += 1
            matches.append(Match(number, sure))
            followed.append(_Followed(number, face.box, motion))
        taken = set(rows.values())
        for column, track in enumerate(known):
            if column not in taken:
                lost = _lost(track, step, faces)
                if lost.uncovered <= self._max_age and lost.age <= max(self._max_age, _HIDDEN_SECONDS):
                    followed.append(lost)
        self._followed = tuple(followed)
        return tuple(matches)

    def _moved(self, step: float) -> list[_Followed]:
        """The tracks that can still be matched so many seconds after the last update, where they should be now."""
        moved, oldest = [], max(self._max_age, _HIDDEN_SECONDS)
        for number, box, motion, age, fresh, uncovered, hidden in self._followed:
            expected = uncovered + step <= self._max_age and age + step <= oldest
            if expected or (fresh and step <= _SLOW_SECONDS):
                moved.append(_Followed(number, box, motion.after(step), age + step, fresh, uncovered, hidden))
        return moved


def _costs(faces: Sequence[Face], known: Sequence[_Followed]) -> dict[tuple[int, int], float]:
    """Face and track to their improbability, where the one is within the other's reach."""
    costs = {}
    centres = [(*face.box.centre, face.box) for face in faces]
    for column, track in enumerate(known):
        motion = track.motion
        side, ahead_x, ahead_y = motion.side, motion.x, motion.y
        reach = side * min(_FARTHEST, _REACH + 3 * math.sqrt(motion.spread))
        last_x, last_y = track.box.centre
        near = _NEAR * side if track.fresh else 0.0
        for row, (x, y, box) in enumerate(centres):
            ahead = abs(x - ahead_x) <= reach and abs(y - ahead_y) <= reach
            if (ahead or (abs(x - last_x) < near and abs(y - last_y) < near)) and motion.growth(box) <= _GROWTH:
                costs[row, column] = min(motion.improbability(box), _FARTHEST_FITS)
    return costs


def _doubtful(costs: dict[tuple[int, int], float], rows: dict[int, int]) -> set[int]:
    """The faces that might as well be another track's: by changing places with its face, or alone."""
    doubtful = set()
    if len(costs) > len(rows):  # else no face or track had a choice
        faces_of = {column: row for row, column in rows.items()}
        for (row, column), cost in costs.items():
            if rows.get(row) == column:
                continue
            mine, other = rows.get(row), faces_of.get(column)
            change = cost - (costs[row, mine] if mine is not None else _ALONE)
            if other is not None:
                swapped = costs.get((other, mine), _ALONE) if mine is not None else _ALONE
                change += swapped - costs[other, column]
            if change < _DOUBT:
                doubtful |= {face for face in (row, other) if face in rows}
    return doubtful


def _lost(track: _Followed, step: float, faces: Sequence[Face]) -> _Followed:
    """A track that no face continues in this frame."""
    motion = track.motion
    for face in faces:
        box = face.box
        width = _COVERED * (box[2] - box[0] + motion.width)
        height = _COVERED * (box[3] - box[1] + motion.height)
        x, y = box[0] + box[2] - 2 * motion.x, box[1] + box[3] - 2 * motion.y
        if abs(x) < width and abs(y) < height:
            return track._replace(fresh=False, uncovered=0.0, hidden=True)
    return track._replace(fresh=False, uncovered=track.uncovered + step)
