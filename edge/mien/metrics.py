"""Where the time goes: laps of one frame's way, and their percentiles."""

from __future__ import annotations

import time
from collections import defaultdict
from collections.abc import Iterable

import numpy as np


class Laps:
    """A stopwatch that books the time since its last lap on a stage."""

    def __init__(self) -> None:
        self.stages: dict[str, list[int]] = defaultdict(list)
        """Stage name to durations in nanoseconds, in the order they were taken."""
        self._last = time.perf_counter_ns()

    def start(self) -> None:
        """Begin a lap; what passed since the last one is booked nowhere."""
        self._last = time.perf_counter_ns()

    def lap(self, stage: str) -> None:
        """Book the time since the last call on `stage`, and begin the next lap."""
        now = time.perf_counter_ns()
        self.stages[stage].append(now - self._last)
        self._last = now


def percentiles(nanoseconds: Iterable[int]) -> dict[str, float]:
    """Median, 90th and 99th percentile and maximum, in milliseconds, of at least one duration."""
    values = np.fromiter(nanoseconds, dtype=np.float64) / 1e6
    p50, p90, p95, p99 = np.percentile(values, [50, 90, 95, 99])
    return {"p50": float(p50), "p90": float(p90), "p95": float(p95), "p99": float(p99), "max": float(values.max())}
