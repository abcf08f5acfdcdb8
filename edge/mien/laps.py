"""Where the time goes: laps of one frame's way, booked once a frame, and the figures that results quote."""

from __future__ import annotations

import time
from collections import defaultdict
from collections.abc import Mapping, Sequence
from typing import Any, overload

import numpy as np
from numpy.typing import NDArray

QUANTILES = {"p25": 25, "p50": 50, "p75": 75, "p90": 90, "p95": 95, "p99": 99}
"""Name of a figure to its percentile."""

_KEPT = 20_000
"""Frames whose laps are kept: a kiosk runs for months, and they must not fill its memory."""


class Durations(Sequence[int]):
    """The last durations that were booked, oldest first, in memory that is taken once.

    8 bytes each: as Python integers in a list they would take 40, bit by bit, and a kiosk's first quarter of an hour
    would look like a leak.

    Args:
        room: how many are kept, 1 or more.
    """

    def __init__(self, room: int = _KEPT) -> None:
        self._values = np.zeros(room, dtype=np.int64)
        self._room = room
        self._booked = 0

    def append(self, nanoseconds: int) -> None:
        """Keep a duration, in place of the oldest where there is no room any more."""
        self._values[self._booked % self._room] = nanoseconds
        self._booked += 1

    def __array__(self, dtype: Any = None, copy: bool | None = None) -> NDArray[np.int64]:
        """A copy, int64 (n,), oldest first; numpy asks for it."""
        oldest = self._booked % self._room if self._booked > self._room else 0
        values = np.concatenate([self._values[oldest : len(self)], self._values[:oldest]])
        return values if dtype is None else values.astype(dtype, copy=False)

    def __len__(self) -> int:
        return min(self._booked, self._room)

    @overload
    def __getitem__(self, index: int) -> int: ...

    @overload
    def __getitem__(self, index: slice) -> list[int]: ...

    def __getitem__(self, index: int | slice) -> int | list[int]:
        if isinstance(index, slice):
            part: list[int] = np.asarray(self)[index].tolist()
            return part
        count = len(self)
        if not -count <= index < count:
            raise IndexError(f"there are {count} durations, and none of number {index}")
        # Counted from the first that was ever booked.
        number = self._booked + index if index < 0 else self._booked - count + index
        return int(self._values[number % self._room])


class Laps:
    """A stopwatch that books the time since its last lap on a stage.

    What a frame spends on a stage, in however many laps, is booked as one duration when the frame is finished: a
    detector that scans ten tiles books one "detect".
    """

    def __init__(self) -> None:
        self._stages: defaultdict[str, Durations] = defaultdict(Durations)
        self._open: dict[str, int] = {}
        self._last = time.perf_counter_ns()

    @property
    def stages(self) -> Mapping[str, Sequence[int]]:
        """Stage name to durations in nanoseconds, one a frame, of the last 20,000 frames."""
        return self._stages

    def start(self) -> None:
        """Begin a frame and its first lap; what passed since the last one is booked nowhere."""
        self._open.clear()
        self.skip()

    def lap(self, stage: str) -> None:
        """Add the time since the last call to the frame's `stage`, and begin the next lap."""
        now = time.perf_counter_ns()
        self._open[stage] = self._open.get(stage, 0) + now - self._last
        self._last = now

    def skip(self) -> None:
        """Begin the next lap; what passed since the last one is booked nowhere."""
        self._last = time.perf_counter_ns()

    def add(self, stage: str, nanoseconds: int) -> None:
        """Add a duration that was taken otherwise to the frame's `stage`."""
        self._open[stage] = self._open.get(stage, 0) + nanoseconds

    def finish(self) -> None:
        """Book the frame's stages."""
        for stage, duration in self._open.items():
            self._stages[stage].append(duration)
        self._open.clear()

    def clear(self) -> None:
        """Forget all that was booked."""
        self._stages.clear()
        self._open.clear()


def summary(nanoseconds: Sequence[int]) -> dict[str, float]:
    """Percentiles and maximum of at least one duration.

    Args:
        nanoseconds: durations, in any order.

    Returns:
        `QUANTILES` and "max", in milliseconds.
    """
    values = np.asarray(nanoseconds, dtype=np.float64) / 1e6
    found = np.percentile(values, list(QUANTILES.values())).tolist()
    return {**dict(zip(QUANTILES, found, strict=True)), "max": float(values.max())}
