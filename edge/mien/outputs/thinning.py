"""Fewer readings than frames: one a face and so many seconds, or only those that tell of a change."""

from __future__ import annotations

import threading
import time
from dataclasses import dataclass, fields, replace

from mien.reading import FrameResult, Reading

GONE_SECONDS = 2.0
"""A face that was not seen for so long has gone, for whoever counts appearances."""


@dataclass(frozen=True, slots=True)
class LastReading(Reading):
    """The last reading of a face that has gone, `GONE_SECONDS` after it was taken."""


@dataclass(slots=True)
class _Seen:
    reading: Reading
    at: int
    kept: int


class Thinning:
    """Picks readings by time or by change; pictures of a folder and the like always count as new.

    Seconds are those of `FrameResult.time`: a recording's own, however fast it is read.

    Args:
        interval: at most one reading a track in so many seconds; 0 for every one.
        on_change: only where a track appears, its shown emotion changes, or it has gone: then a `LastReading`.
            `interval` is not looked at.
    """

    def __init__(self, interval: float, on_change: bool = False) -> None:
        self._interval, self._on_change = round(interval * 1e9), on_change
        self._seen: dict[int, _Seen] = {}
        self._name = ""
        self._last: FrameResult | None = None
        self._turn = threading.Lock()

    def __call__(self, result: FrameResult) -> FrameResult | None:
        """A result with the readings that are picked; None if there are none."""
        with self._turn:
            self._last = result
            return self._thinned(result)

    def gone(self) -> FrameResult | None:
        """What a camera's frame of now without a face would give, while none comes: in a pause, or without the camera.

        From another thread, too.
        """
        with self._turn:
            if not self._seen or self._last is None or self._last.media_time is not None:
                return None
            now = time.monotonic_ns()
            return self._thinned(replace(self._last, captured_at=now, read_at=now, readings=()))

    def _thinned(self, result: FrameResult) -> FrameResult | None:
        if result.name != self._name:
            self._name, self._seen = result.name, {}
        kept = tuple(reading for reading in result.readings if self._picked(result, reading))
        for track in [t for t, seen in self._seen.items() if result.time - seen.at > GONE_SECONDS * 1e9]:
            last = self._seen.pop(track).reading
            if self._on_change:
                kept += (LastReading(**{field.name: getattr(last, field.name) for field in fields(Reading)}),)
        if not kept:
            return None
        return result if kept == result.readings else replace(result, readings=kept)

    def _picked(self, result: FrameResult, reading: Reading) -> bool:
        now, before = result.time, self._seen.get(reading.track)
        if before is None:
            picked = True
        elif self._on_change:
            picked = before.reading.emotion != reading.emotion
        else:
            # Half a millisecond less: time stamps of a camera jitter, and one frame late each time is a slower rate.
            picked = now - before.kept >= self._interval - 500_000
        self._seen[reading.track] = _Seen(reading, now, now if picked or not before else before.kept)
        return picked
