"""Probabilities over time, and the emotion to show: an expression lasts longer than a frame's noise."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from mien.reading import UNCERTAIN
from mien.roles import Classifier, Verdict
from mien.tracking.one_euro import Trace, begun, followed
from mien.tracking.settings import SmoothingSettings

_LEAST = np.float32(1e-4)
"""Probabilities below count as this much: how improbable the improbable is, is noise."""

_DOUBTFUL_NS = 60 * 10**9
"""How long it is remembered that something was shown of a track that was not clearly ahead."""
_MOST_DOUBTS = 20

_DEFAULT = SmoothingSettings()


class _State(NamedTuple):
    """A track's: when it was read last in nanoseconds, and its row in the smoothed logarithms of that frame."""

    at: int
    frame: Trace
    row: int


class _Shown(NamedTuple):
    """A track's.

    Attributes:
        emotion: what is shown.
        said, since: what the classifier itself said last, and since when it has, nanoseconds.
        doubts: how often, one within a minute of the other, something was shown by patience alone.
        doubted: when it was last, nanoseconds.
    """

    emotion: str
    said: str
    since: int
    doubts: int = 0
    doubted: int = 0


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
        self._shown: dict[int, _Shown] = {}

    def update(self, track: int, probabilities: NDArray[np.float32], at: int) -> NDArray[np.float32]:
        """Blend a new reading of one track, float32 (K,), into those before it; see `update_all`."""
        smoothed: NDArray[np.float32] = self.update_all([track], probabilities[None], at)[0]
        return smoothed

    def update_all(self, tracks: Sequence[int], probabilities: NDArray[np.float32], at: int) -> NDArray[np.float32]:
        """Blend the new readings of a frame into their tracks'.

        Args:
            tracks: numbers of n tracks, each once; the first reading of one is taken as it is.
            probabilities: float32 (n, K), each row sums to 1.
            at: nanoseconds, on any one clock; where it stands still or runs back, no time has gone by.

        Returns:
            float32 (n, K), each row sums to 1.
        """
        new = logarithms(probabilities)
        read_at: dict[int, list[int]] = {}
        for row, track in enumerate(tracks):
            known = self._states.get(track)
            if known is None or self._settings.seconds <= 0:
                self._states[track] = _State(at, begun(new), row)
            else:
                read_at.setdefault(known.at, []).append(row)
        # Nearly always all were read in the frame before: then all take as many calls of numpy as one of them.
        smoothed = probabilities
        for before, rows in read_at.items():
            old = _gathered([self._states[tracks[row]] for row in rows])
            every = len(rows) == len(tracks)
            elapsed = (at - before) / 1e9
            trace = followed(old, new if every else new[rows], elapsed, self._settings.seconds, self._settings.response)
            for index, row in enumerate(rows):
                self._states[tracks[row]] = _State(at, trace, index)
            if every:
                return shares(trace.value)
            if smoothed is probabilities:
                smoothed = probabilities.copy()
            smoothed[rows] = shares(trace.value)
        return smoothed

    def decide(self, track: int, probabilities: NDArray[np.float32], classifier: Classifier) -> Verdict:
        """What to show of a track, once `update` has smoothed its reading.

        What was shown before, "uncertain" too, is judged as if it were more probable by the margin than it is, until
        the classifier has said the same other thing for as long as the settings are patient. Each time that something
        is shown for that alone, the next such time, if it comes within a minute, takes twice as long: a face between
        two emotions comes to rest, and a clear change is seen at once all the same.

        Args:
            track: number of the track; what is shown first is the classifier's own verdict.
            probabilities: float32 (K,), what `update` returned.
            classifier: whose probabilities they are.

        Returns:
            The verdict; its `top` is the most probable label also where another one is still shown.
        """
        verdict, known, at = classifier.verdict(probabilities), self._shown.get(track), self._states[track].at
        said = verdict.emotion
        if known is None:
            self._shown[track] = _Shown(said, said, at)
            return verdict
        # A clock that ran back: what was ahead of it counts as now.
        since = min(known.since, at) if known.said == said else at
        doubts = known.doubts if 0 <= at - known.doubted < _DOUBTFUL_NS else 0
        if known.emotion != said and self._settings.margin > 0:
            favoured = probabilities.copy()
            if known.emotion == UNCERTAIN:
                favoured -= np.float32(self._settings.margin)
            else:
                favoured[classifier.labels.index(known.emotion)] += np.float32(self._settings.margin)
            held = classifier.verdict(favoured)
            if (at - since) / 1e9 < self._settings.patience * 2**doubts:
                verdict = Verdict(held.emotion, verdict.top, held.reason)
            elif held.emotion != said:
                self._shown[track] = _Shown(said, said, since, min(doubts + 1, _MOST_DOUBTS), at)
                return verdict
        self._shown[track] = _Shown(verdict.emotion, said, since, doubts, known.doubted)
        return verdict

    def forget(self, track: int) -> None:
        """Let a track's next reading be taken as it is."""
        self._states.pop(track, None)
        self._shown.pop(track, None)

    def keep(self, tracks: Collection[int]) -> None:
        """Forget every track but these."""
        for track in self._states.keys() - set(tracks):
            self.forget(track)


def _gathered(states: Sequence[_State]) -> Trace:
    """What is known of n tracks that were read at one time, float32 (n, K)."""
    frame = states[0].frame
    if len(states) == len(frame.value) and all(one.frame is frame and one.row == n for n, one in enumerate(states)):
        return frame  # the faces of the frame before in their order, which is so for seconds: nothing is copied
    return Trace(
        np.array([one.frame.value[one.row] for one in states]), np.array([one.frame.slope[one.row] for one in states])
    )


def logarithms(probabilities: NDArray[np.float32]) -> NDArray[np.float32]:
    """Natural logarithms of probabilities, float32 (..., K), none below that of 0.0001."""
    return np.asarray(np.log(np.maximum(probabilities, _LEAST)))


def shares(values: NDArray[np.float32]) -> NDArray[np.float32]:
    """Probabilities of logarithms, float32 (..., K), 0 or less; they sum to 1."""
    raised = np.exp(values)
    return np.asarray(raised / raised.sum(axis=-1, keepdims=True))
