"""Where the frames of a recording stand in it, and which are missing between them."""

from __future__ import annotations

import math

_MOST_FRAMES = 1_000_000_000
_MOST_GAP = 100_000
"""Frames between two time stamps, where the container does not state how many there are: more is a damaged stamp."""


class Timeline:
    """Numbers and times of a recording's frames, as they are decoded one by one.

    A frame that is missing leaves a gap in the numbers. The time stamps say how large it is; where a decoder skipped
    frames without a word they are the only ones that do, as long as the frames before were evenly spaced.

    Args:
        period: nanoseconds between two frames.
        stated: frames that the container says it holds, which may be an estimate; anything else than 1 to a milliard is
            taken for unknown.

    Attributes:
        missing: frames so far that should have been there.
    """

    def __init__(self, period: int, stated: float) -> None:
        self._period = period
        self._stated = int(stated) if 0 < stated < _MOST_FRAMES else 0
        self._read = self._next = self._at = 0
        self._origin: int | None = None
        self._even = True
        self.missing = 0

    def place(self, stamp_ms: float, failures: int) -> tuple[int, int]:
        """Number and time of the frame that was decoded now.

        Args:
            stamp_ms: its time stamp as OpenCV gives it, milliseconds; may be nonsense.
            failures: reads that failed since the frame before.

        Returns:
            Its number from 0, and nanoseconds since the beginning of the recording.
        """
        stamp = _nanoseconds(stamp_ms)
        if self._origin is None:
            # The first frame is the beginning, whatever its stamp, unless others before it are damaged.
            self._origin = 0 if failures else stamp
            self._at = -self._period
        step = stamp - self._origin - self._at
        lost = round(step / self._period) - 1
        if step <= 0 or lost > (max(1, self._stated - self._next) if self._stated else _MOST_GAP):
            step, lost = (failures + 1) * self._period, failures
        elif not failures:
            # Time stamps of some containers are whole milliseconds.
            self._even = self._even and abs(step - (lost + 1) * self._period) <= self._period / 8 + 1_000_000
            lost = lost if self._even else 0
        lost = max(0, lost)
        self.missing += lost
        number, self._at = self._next + lost, self._at + step
        self._next = number + 1
        self._read += 1
        return number, self._at

    def end(self) -> None:
        """Nothing comes any more: what the container states settles what is missing."""
        if not self._stated:
            return
        tail = self._stated - self._next
        # An estimate from duration and rate may be a frame or some hundredths off.
        if tail > max(1, self._stated // 50):
            self.missing += tail
        self.missing = min(self.missing, max(0, self._stated - self._read))


def _nanoseconds(stamp_ms: float) -> int:
    if not math.isfinite(stamp_ms):
        return -1
    whole = math.floor(stamp_ms)  # of a huge offset the rest is all that a float still tells apart
    return whole * 1_000_000 + round((stamp_ms - whole) * 1e6)
