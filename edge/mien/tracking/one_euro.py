"""The One-Euro filter: slow where a signal rests, so that noise averages out, and quick where it changes."""

from __future__ import annotations

import math
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

_SLOPE_HZ = 1.0
"""Cut-off frequency of the slope's own smoothing: the paper's."""


class Trace(NamedTuple):
    """What is known of one signal of K parts, or of n of them.

    Attributes:
        value: float32 (K,) or (n, K), smoothed.
        slope: likewise, its smoothed change a second.
    """

    value: NDArray[np.float32]
    slope: NDArray[np.float32]


def begun(values: NDArray[np.float32]) -> Trace:
    """What is known after first values, float32 (K,) or (n, K): they are taken as they are, and at rest."""
    return Trace(values, np.zeros_like(values))


def followed(trace: Trace, values: NDArray[np.float32], elapsed: float, time_constant: float, response: float) -> Trace:
    """What is known after the next values.

    After Casiez, Roussel and Vogel (CHI 2012), with two differences: the K parts are smoothed alike, by their common
    speed, so that weighted means stay what they are; and the weights are exponentials of the time gone by, so that
    few frames a second smooth as many do.

    Args:
        trace: before.
        values: float32, of its shape.
        elapsed: seconds since the values before; at 0 or less nothing changes.
        time_constant: seconds after which old values weigh 1/e while the signal rests, above 0.
        response: cycles a second by which the cut-off frequency rises for each unit of speed, which is half the sum of
            the absolute slopes; 0 or more.
    """
    if not elapsed > 0:  # nor where it is no number
        return trace
    away = values - trace.value
    turn = -math.expm1(-2 * math.pi * _SLOPE_HZ * elapsed)
    slope = np.float32(1 - turn) * trace.slope + np.float32(turn / elapsed) * away
    speeds = np.abs(slope).sum(axis=-1, keepdims=True)  # twice the speed
    rates = np.float32(-elapsed / time_constant) - np.float32(math.pi * response * elapsed) * speeds
    return Trace(trace.value - np.expm1(rates) * away, slope)
