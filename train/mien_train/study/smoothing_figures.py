"""The figures of a way to smooth: changes a minute of what is shown, and how late a change of expression is shown."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
from numpy.random import Generator
from numpy.typing import NDArray

from mien_train.study.smoothing_clips import BEFORE, RATE
from mien_train.study.smoothing_ways import Filter, Rows, Rule, Shown, verdicts

MOST_CHANGES = 1.0
"""A minute, of what is shown of a face at rest: the limit."""
LATEST = 700.0
"""Milliseconds in which a change of expression is to be shown at 15 frames a second: the limit."""
MOST_LATE = 0.05
"""Share of the changes of expression that may be shown later."""

_RESAMPLED = 1000


@dataclass(frozen=True, slots=True, eq=False)
class Clips:
    """Probabilities of clips at some rate.

    Attributes:
        still, swaying: float32 (n, T, K) each, of the same faces.
        label: int64 (n,), of these faces.
        cut, faded: float32 (m, T, K) each, of the same changes from one face to another.
        old, new: int64 (m,), labels of both faces.
        sure: probability from which a label is shown.
        apart: seconds between two frames.
    """

    still: Rows
    swaying: Rows
    label: NDArray[np.int64]
    cut: Rows
    faded: Rows
    old: NDArray[np.int64]
    new: NDArray[np.int64]
    sure: float
    apart: float

    def every(self, step: int) -> Clips:
        """The same clips at a rate so many times lower."""
        parts = (self.still, self.swaying, self.cut, self.faded)
        still, swaying, cut, faded = (part[:, ::step] for part in parts)
        return Clips(still, swaying, self.label, cut, faded, self.old, self.new, self.sure, self.apart * step)


@dataclass(frozen=True, slots=True, eq=False)
class Figures:
    """What was measured at one rate.

    Attributes:
        still, swaying: float64 (n,), changes a minute of each face.
        uncertain, wrong: float64 (n,), shares of the time of a still face in which "uncertain" or a label that is not
            the face's is shown.
        cut, faded: float64 each, milliseconds from a change's beginning until the new label is shown, infinite
            where it never is; of the changes that `readable` counts.
    """

    still: NDArray[np.float64]
    swaying: NDArray[np.float64]
    uncertain: NDArray[np.float64]
    wrong: NDArray[np.float64]
    cut: NDArray[np.float64]
    faded: NDArray[np.float64]

    @property
    def late(self) -> float:
        """Share of all changes that is not shown within `LATEST`; 1 if there are none."""
        all_of_them = np.concatenate([self.cut, self.faded])
        return float((all_of_them > LATEST).mean()) if len(all_of_them) else 1.0


class Filtered:
    """Clips after a filter.

    Args:
        filtered: the filter.
        clips: before it.
    """

    def __init__(self, filtered: Filter, clips: Clips) -> None:
        self._clips = clips
        self._rows = [filtered(rows, clips.apart) for rows in (clips.still, clips.swaying, clips.cut, clips.faded)]

    def figures(self, rule: Rule) -> Figures:
        """What the filter gives with a rule."""
        clips = self._clips
        still, swaying, cut, faded = (rule(rows, clips.apart, clips.sure) for rows in self._rows)
        uncertain = still == clips.still.shape[-1]
        return Figures(
            still=changes(still, clips.apart),
            swaying=changes(swaying, clips.apart),
            uncertain=uncertain.mean(axis=1),
            wrong=(~uncertain & (still != clips.label[:, None])).mean(axis=1),
            cut=delays(cut, clips.new, clips.apart)[readable(clips.cut, clips)],
            faded=delays(faded, clips.new, clips.apart)[readable(clips.faded, clips)],
        )


def changes(shown: Shown, apart: float) -> NDArray[np.float64]:
    """Changes a minute of each clip, (n, T) → float64 (n,)."""
    found = (shown[:, 1:] != shown[:, :-1]).sum(axis=1) / (shown.shape[1] * apart / 60)
    return np.asarray(found, dtype=np.float64)


def delays(shown: Shown, new: NDArray[np.int64], apart: float) -> NDArray[np.float64]:
    """Milliseconds from `BEFORE` until the new label is shown, (m, T) → float64 (m,); infinite if it never is."""
    right = shown[:, round(BEFORE / apart) :] == new[:, None]
    return np.where(right.any(axis=1), right.argmax(axis=1) * apart * 1000, math.inf)


def readable(rows: Rows, clips: Clips) -> NDArray[np.bool_]:
    """Which changes the classifier itself reads, bool (m,).

    In more than half of the frames of the last second before the change its verdict is the first face's label, and in
    those of the clip's last second the second's. Whether the others are shown does not depend on smoothing.
    """
    said, second, begun = verdicts(rows, clips.sure), round(1 / clips.apart), round(BEFORE / clips.apart)
    old = (said[:, begun - second : begun] == clips.old[:, None]).mean(axis=1) > 0.5
    new = (said[:, -second:] == clips.new[:, None]).mean(axis=1) > 0.5
    return np.asarray(old & new)


def cost(at: Mapping[int, Figures]) -> float:
    """What parameters are chosen by, less is better: both figures as shares of their limits, added.

    Changes are the mean of still and swaying faces and of the rates; the share of late ones is that at 15 frames a
    second.
    """
    often = float(np.mean([figures.mean() for f in at.values() for figures in (f.still, f.swaying)]))
    return often / MOST_CHANGES + at[RATE // 2].late / MOST_LATE


def percentile(values: NDArray[np.float64], share: float) -> float:
    """The least value that at least so many per cent of them do not exceed; infinite if there are none."""
    if not len(values):
        return math.inf
    return float(np.sort(values)[max(0, math.ceil(share / 100 * len(values)) - 1)])


def interval(values: NDArray[np.float64], rng: Generator) -> tuple[float, float]:
    """95 % bootstrap interval of the mean over faces, of 1000 resamples (Efron 1979)."""
    means = values[rng.integers(0, len(values), (_RESAMPLED, len(values)))].mean(axis=1)
    low, high = np.percentile(means, [2.5, 97.5])
    return float(low), float(high)
