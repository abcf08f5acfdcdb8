"""Probabilities over time, and the emotion to show: an expression lasts longer than a frame's noise."""

from __future__ import annotations

from collections.abc import Collection
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from mien.reading import UNCERTAIN
from mien.roles import Classifier, Verdict
from mien.tracking.one_euro import Trace, begun, followed
from mien.tracking.settings import SmoothingSettings

_LEAST = np.float32(1e-4)
"""Probabilities below count as this much: how improbable the improbable is, is noise."""

_DEFAULT = SmoothingSettings()


class _State(NamedTuple):
    """A track's: when it was read last in nanoseconds, its smoothed logarithms, and the emotion shown, if one was."""

    at: int
    trace: Trace
    shown: str | None


class Smoother:
    """Smooths each track's probabilities, and holds what is shown until something else is clearly ahead.

    By time and not by frames: a slow device smooths as a fast one does. The logarithms of the probabilities go through
    a One-Euro filter, so that the result is a weighted geometric mean of readings.

    Args:
        settings: how much.
    """

    def __init__(self, settings: SmoothingSettings = _DEFAULT) -> None:
        self._settings = settings
        self._states: dict[int, _State] = {}

    def update(self, track: int, probabilities: NDArray[np.float32], at: int) -> NDArray[np.float32]:
        """Blend a new reading into its track's.

        Args:
            track: number of the track; its first reading is taken as it is.
            probabilities: float32 (K,), sums to 1.
            at: nanoseconds, on any one clock; where it stands still or runs back, no time has gone by.

        Returns:
            float32 (K,), sums to 1.
        """
        known, new = self._states.get(track), logarithms(probabilities)
        if known is None or self._settings.seconds <= 0:
            self._states[track] = _State(at, begun(new), None if known is None else known.shown)
            return probabilities
        elapsed = (at - known.at) / 1e9
        trace = followed(known.trace, new, elapsed, self._settings.seconds, self._settings.response)
        self._states[track] = _State(at, trace, known.shown)
        return shares(trace.value)

    def decide(self, track: int, probabilities: NDArray[np.float32], classifier: Classifier) -> Verdict:
        """What to show of a track, once `update` has smoothed its reading.

        What was shown before, "uncertain" too, is judged as if it were more probable by the margin than it is.

        Args:
            track: number of the track; what is shown first is the classifier's own verdict.
            probabilities: float32 (K,), what `update` returned.
            classifier: whose probabilities they are.

        Returns:
            The verdict; its `top` is the most probable label also where another one is still shown.
        """
        known, verdict = self._states[track], classifier.verdict(probabilities)
        if known.shown not in (None, verdict.emotion) and self._settings.margin > 0:
            favoured = probabilities.copy()
            if known.shown == UNCERTAIN:
                favoured -= np.float32(self._settings.margin)
            else:
                favoured[classifier.labels.index(known.shown)] += np.float32(self._settings.margin)
            held = classifier.verdict(favoured)
            verdict = Verdict(held.emotion, verdict.top, held.reason)
        self._states[track] = known._replace(shown=verdict.emotion)
        return verdict

    def forget(self, track: int) -> None:
        """Let a track's next reading be taken as it is."""
        self._states.pop(track, None)

    def keep(self, tracks: Collection[int]) -> None:
        """Forget every track but these."""
        for track in self._states.keys() - set(tracks):
            del self._states[track]


def logarithms(probabilities: NDArray[np.float32]) -> NDArray[np.float32]:
    """Natural logarithms of probabilities, float32 (..., K), none below that of 0.0001."""
    return np.asarray(np.log(np.maximum(probabilities, _LEAST)))


def shares(values: NDArray[np.float32]) -> NDArray[np.float32]:
    """Probabilities of logarithms, float32 (..., K), 0 or less; they sum to 1."""
    raised = np.exp(values)
    return np.asarray(raised / raised.sum(axis=-1, keepdims=True))
