"""Where the time goes: laps of one frame's way, booked once a frame, and the figures that results quote."""

from __future__ import annotations

import time
from collections import defaultdict, deque
from collections.abc import Mapping, Sequence

import numpy as np

QUANTILES = {"p25": 25, "p50": 50, "p75": 75, "p90": 90, "p95": 95, "p99": 99}
"""Name of a figure to its percentile."""

_KEPT = 20_000
"""Frames whose laps are kept: a kiosk runs for months, and they must not fill its memory."""


class Laps:
    """A stopwatch that books the time since its last lap on a stage.

    What a frame spends on a stage, in however many laps, is booked as one duration when the frame is finished: a
    detector that scans ten tiles books one "detect".
    """

    def __init__(self) -> None:
        self._stages: defaultdict[str, deque[int]] = defaultdict(lambda: deque(maxlen=_KEPT))
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
        self.add(stage, now - self._last)
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
