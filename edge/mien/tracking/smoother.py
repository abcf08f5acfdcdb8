"""Probabilities over time: an expression lasts longer than a frame's noise."""

from __future__ import annotations

import math
from collections.abc import Collection

import numpy as np
from numpy.typing import NDArray


class Smoother:
    """Exponential smoothing per track, by time and not by frames: a slow device smooths as a fast one does.

    Args:
        time_constant: seconds after which an old reading weighs 1/e; 0 turns smoothing off.
    """

    def __init__(self, time_constant: float = 0.4) -> None:
        self._time_constant = time_constant * 1e9
        self._states: dict[int, tuple[int, NDArray[np.float32]]] = {}

    def update(self, track: int, probabilities: NDArray[np.float32], at: int) -> NDArray[np.float32]:
        """Blend a new reading into its track's.

        Args:
            track: number of the track; its first reading is taken as it is.
            probabilities: float32 (K,), sums to 1.
            at: nanoseconds, on any one clock; where it stands still or runs back, no time has gone by.

        Returns:
            float32 (K,), sums to 1.
        """
        if track not in self._states or self._time_constant <= 0:
            smoothed = probabilities
        else:
            before, old = self._states[track]
            weight = np.float32(1 - math.exp(-max(0, at - before) / self._time_constant))
            smoothed = np.asarray(old + weight * (probabilities - old), dtype=np.float32)
        self._states[track] = (at, smoothed)
        return smoothed

    def forget(self, track: int) -> None:
        """Let a track's next reading be taken as it is."""
        self._states.pop(track, None)

    def keep(self, tracks: Collection[int]) -> None:
        """Forget every track but these."""
        for track in self._states.keys() - set(tracks):
            del self._states[track]
