"""Durations as the figures that a result quotes."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

QUANTILES = {"p25": 25, "p50": 50, "p75": 75, "p90": 90, "p95": 95, "p99": 99}
"""Name of a figure to its percentile."""


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
