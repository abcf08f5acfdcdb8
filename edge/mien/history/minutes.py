"""Readings summed up: so many faces in so many minutes, and how long which emotion was shown. Nobody stands alone."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from mien.reading import FrameResult

_MINUTE_NS = 60_000_000_000
_LONGEST_MINUTES = 60
_LONGEST_STEP_NS = 1_000_000_000
"""Of the time between two frames with a face counts at most so much: then it was not seen in between."""


@dataclass(frozen=True, slots=True)
class Minute:
    """One or more minutes, joined until enough faces were in them.

    Attributes:
        began_ns: monotonic clock.
        seconds: that it spans, of a recording's own time where it is of one, as are those of the emotions.
        faces: distinct tracks.
        emotions: shown emotion to seconds, of all faces together.
    """

    began_ns: int
    seconds: float
    faces: int
    emotions: Mapping[str, float]


class Minutes:
    """Sums up results.

    Args:
        group: least number of faces in a `Minute`.
    """

    def __init__(self, group: int) -> None:
        self._group = group
        self._began_ns = 0  # on the monotonic clock; all others on that of `FrameResult.time`
        self._now = self._began = self._due = 0
        self._tracks: set[int] = set()
        self._emotions: dict[str, float] = {}
        self._seen: dict[int, int] = {}
        """Track to when it was seen last."""

    def add(self, result: FrameResult) -> Minute | None:
        """Add a frame; a minute that it ended, if one did and had faces enough."""
        self._now = now = result.time
        ended = self.end() if self._tracks and now >= self._due else None
        if result.readings and not self._tracks:
            self._began_ns, self._began, self._due = result.captured_at, now, now + _MINUTE_NS
        for reading in result.readings:
            since = now - self._seen.get(reading.track, now)
            self._tracks.add(reading.track)
            seconds = min(since, _LONGEST_STEP_NS) / 1e9
            self._emotions[reading.emotion] = self._emotions.get(reading.emotion, 0.0) + seconds
            self._seen[reading.track] = now
        if len(self._seen) > 10 * (1 + len(result.readings)):
            self._seen = {track: at for track, at in self._seen.items() if now - at <= _LONGEST_STEP_NS}
        return ended

    def end(self) -> Minute | None:
        """What was summed up until the last frame, if there were faces enough.

        Otherwise it goes on, or is forgotten after an hour.
        """
        now = self._now
        if len(self._tracks) < self._group:
            if now - self._began >= _LONGEST_MINUTES * _MINUTE_NS:
                self._forget()
            else:
                self._due += _MINUTE_NS * max(1, -(-(now - self._due) // _MINUTE_NS))
            return None
        minute = Minute(self._began_ns, (now - self._began) / 1e9, len(self._tracks), dict(self._emotions))
        self._forget()
        return minute

    def _forget(self) -> None:
        self._tracks, self._emotions = set(), {}
