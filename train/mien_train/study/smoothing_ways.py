"""The ways to smooth that are compared: filters of probabilities, and rules for when another emotion is shown."""

from __future__ import annotations

import itertools
import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Generic, TypeVar

import numpy as np
from numpy.typing import NDArray

from mien.tracking import one_euro
from mien.tracking.settings import SmoothingSettings
from mien.tracking.smoother import logarithms, shares

Rows = NDArray[np.float32]
"""Probabilities of n clips over time, float32 (n, T, K)."""
Shown = NDArray[np.int64]
"""What is shown in each frame of n clips, int64 (n, T): index of a label, or K for "uncertain"."""
Filter = Callable[[Rows, float], Rows]
"""Smooths clips whose frames are so many seconds apart."""
Rule = Callable[[Rows, float, float], Shown]
"""Decides what is shown, given also the probability from which a label is."""

_DOUBTFUL = 60.0
"""Seconds for which the runtime remembers that something was shown that was not clearly ahead."""

T = TypeVar("T", Filter, Rule)


@dataclass(frozen=True, slots=True)
class Way(Generic[T]):
    """A filter or a rule, one of a family.

    Attributes:
        family: its name.
        numbers: its parameters by name.
        run: does it.
    """

    family: str
    numbers: Mapping[str, float]
    run: T


def verdicts(rows: Rows, sure: float) -> Shown:
    """What the classifier itself says of each row, (..., K) → (...)."""
    best = rows.argmax(axis=-1)
    return np.asarray(np.where(rows.max(axis=-1) >= sure, best, rows.shape[-1]), dtype=np.int64)


def exponential(seconds: float) -> Filter:
    """Exponential smoothing with this time constant."""

    def run(rows: Rows, apart: float) -> Rows:
        smoothed, weight = rows.copy(), np.float32(-math.expm1(-apart / seconds))
        for t in range(1, rows.shape[1]):
            smoothed[:, t] = smoothed[:, t - 1] + weight * (rows[:, t] - smoothed[:, t - 1])
        return smoothed

    return run


def euro(seconds: float, response: float, logs: bool) -> Filter:
    """The runtime's One-Euro filter, of probabilities or of their logarithms."""

    def run(rows: Rows, apart: float) -> Rows:
        values = logarithms(rows) if logs else rows
        smoothed, trace = values.copy(), one_euro.begun(values[:, 0])
        for t in range(1, rows.shape[1]):
            trace = one_euro.followed(trace, values[:, t], apart, seconds, response)
            smoothed[:, t] = trace.value
        return shares(smoothed) if logs else smoothed

    return run


def dwell(seconds: float) -> Rule:
    """A verdict is shown once it has been the same for so long."""

    def run(rows: Rows, apart: float, sure: float) -> Shown:
        said = verdicts(rows, sure)
        shown, wanted = said.copy(), math.ceil(seconds / apart - 1e-6)
        lasted = np.zeros(len(said), np.int64)
        for t in range(1, said.shape[1]):
            lasted = np.where(said[:, t] == said[:, t - 1], lasted + 1, 0)
            shown[:, t] = np.where(lasted >= wanted, said[:, t], shown[:, t - 1])
        return shown

    return run


def margin(ahead: float) -> Rule:
    """What is shown is judged as if it were more probable than it is."""
    return margin_or_dwell(ahead, math.inf)


def margin_or_dwell(ahead: float, seconds: float, growth: float = 1) -> Rule:
    """As `margin`, and what is not so far ahead is shown once it has been said for so long.

    Each time that something is shown for that alone, the next such time within a minute takes `growth` times as long;
    with 2 this is the runtime's rule.
    """

    def run(rows: Rows, apart: float, sure: float) -> Shown:
        clips, length, labels = rows.shape
        said = verdicts(rows, sure)
        shown, lasted = said.copy(), np.zeros(clips, np.int64)
        doubts, doubted = np.zeros(clips, np.int64), np.full(clips, -math.inf)
        for t in range(1, length):
            before, favoured = shown[:, t - 1], rows[:, t].copy()
            (held,) = np.nonzero(before < labels)
            favoured[held, before[held]] += np.float32(ahead)
            favoured[before == labels] -= np.float32(ahead)
            lasted = np.where(said[:, t] == said[:, t - 1], lasted + 1, 0)
            doubts = np.where(t * apart - doubted < _DOUBTFUL, doubts, 0)
            waited = lasted >= seconds * float(growth) ** doubts / apart - 1e-6
            clear = verdicts(favoured, sure)
            shown[:, t] = np.where(waited, said[:, t], clear)
            doubt = waited & (said[:, t] != clear) & (said[:, t] != before)
            doubts, doubted = doubts + doubt, np.where(doubt, t * apart, doubted)
        return shown

    return run


def _untouched(rows: Rows, apart: float) -> Rows:
    return rows


def _at_once(rows: Rows, apart: float, sure: float) -> Shown:
    return verdicts(rows, sure)


NONE: Way[Filter] = Way("none", {}, _untouched)
AT_ONCE: Way[Rule] = Way("at once", {}, _at_once)
BEFORE: Way[Filter] = Way("exponential", {"seconds": 0.4}, exponential(0.4))
"""What the runtime did before this was measured; it was shown at once."""

_LOGS = "One-Euro of logarithms"
_MARGIN = "margin"
_EITHER = "margin or dwell"
_DOUBLED = "margin or doubled dwell"


def now(settings: SmoothingSettings) -> tuple[Way[Filter], Way[Rule]]:
    """The runtime's filter and rule with these settings."""
    numbers = {"seconds": settings.seconds, "response": settings.response}
    filtered = Way(_LOGS, numbers, euro(settings.seconds, settings.response, logs=True))
    rule = margin_or_dwell(settings.margin, settings.patience, 2)
    return filtered, Way(_DOUBLED, {"ahead": settings.margin, "seconds": settings.patience}, rule)


def _euros(family: str, logs: bool, responses: Sequence[float]) -> list[Way[Filter]]:
    grid = itertools.product((0.4, 0.8, 1.6, 3.2), responses)
    return [Way(family, {"seconds": s, "response": r}, euro(s, r, logs)) for s, r in grid]


FILTERS: tuple[Way[Filter], ...] = (
    NONE,
    *(Way("exponential", {"seconds": s}, exponential(s)) for s in (0.1, 0.2, 0.3, 0.4, 0.8)),
    *_euros("One-Euro", logs=False, responses=(0.1, 0.2, 0.4)),
    *_euros(_LOGS, logs=True, responses=(0.01, 0.02, 0.05, 0.1)),
)
RULES: tuple[Way[Rule], ...] = (
    AT_ONCE,
    *(Way("dwell", {"seconds": s}, dwell(s)) for s in (0.2, 0.3, 0.4)),
    *(Way(_MARGIN, {"ahead": p}, margin(p)) for p in (0.05, 0.1, 0.15, 0.2, 0.25)),
    *(
        Way(_EITHER, {"ahead": p, "seconds": s}, margin_or_dwell(p, s))
        for p, s in itertools.product((0.1, 0.15, 0.2, 0.25), (0.4, 0.5, 0.6))
    ),
    *(
        Way(_DOUBLED, {"ahead": p, "seconds": s}, margin_or_dwell(p, s, 2))
        for p, s in itertools.product((0.15, 0.2, 0.25), (0.25, 0.3, 0.4, 0.5))
    ),
)
