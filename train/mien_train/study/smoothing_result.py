"""What `smoothing` found, as JSON types and as text."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from mien_train.study.smoothing_clips import RATE
from mien_train.study.smoothing_figures import LATEST, Figures, interval, percentile
from mien_train.study.smoothing_ways import Filter, Rule, Way

Pair = tuple[Way[Filter], Way[Rule]]


@dataclass(frozen=True, slots=True, eq=False)
class Measured:
    """A filter and a rule with their figures by rate."""

    pair: Pair
    at: Mapping[int, Figures]


def named(pair: Pair) -> dict[str, object]:
    """Families and parameters."""
    filtered, rule = pair
    return {
        "filter": filtered.family,
        "filter_numbers": dict(filtered.numbers),
        "rule": rule.family,
        "rule_numbers": dict(rule.numbers),
    }


def row(found: Measured, seed: int) -> dict[str, object]:
    """Figures at each rate, with 95 % bootstrap intervals over faces whose resamples a seed draws."""
    return {**named(found.pair), "rates": {str(rate): _at(figures, seed) for rate, figures in found.at.items()}}


def _at(figures: Figures, seed: int) -> dict[str, object]:
    return {
        "still": _often(figures.still, seed),
        "swaying": _often(figures.swaying, seed),
        "cut": _late(figures.cut),
        "faded": _late(figures.faded),
        "uncertain": round(float(figures.uncertain.mean()), 4),
        "wrong": round(float(figures.wrong.mean()), 4),
    }


def _often(values: NDArray[np.float64], seed: int) -> dict[str, object]:
    low, high = interval(values, np.random.default_rng(seed))
    return {
        "mean": round(float(values.mean()), 3),
        "interval": [round(low, 3), round(high, 3)],
        "faces_above_1": round(float((values > 1).mean()), 3),
    }


def _late(values: NDArray[np.float64]) -> dict[str, object]:
    def finite(share: float) -> int | None:
        at = percentile(values, share)
        return round(at) if math.isfinite(at) else None

    return {
        "changes": len(values),
        "never": int(np.isinf(values).sum()),
        "median": finite(50),
        "p90": finite(90),
        "in_time": round(float((values <= LATEST).mean()), 4) if len(values) else None,
    }


def text(found: Mapping[str, Any]) -> str:
    """A few aligned lines for a terminal, from the document of `smoothing.study`."""
    lines = [f"{'':<42}{'changes a minute, 15 / 30 a second':>36}{'delay at 15, median / p90 / never':>36}"]
    named_rows = [*((_name(row), row) for row in found["rows"]), ("earlier: exponential 0.4 s", found["earlier"])]
    for name, row in [*named_rows, ("mien's settings", found["default"])]:
        slow, fast = row["rates"][str(RATE // 2)], row["rates"][str(RATE)]
        late = slow["faded"]
        often = f"{slow['still']['mean']:.2f} / {fast['still']['mean']:.2f}"
        delay = f"{late['median']} / {late['p90']} / {late['never']}"
        lines.append(f"{name:<42}{often:>36}{delay:>36}")
    return "\n".join(lines)


def _name(row: Mapping[str, Any]) -> str:
    numbers = [f"{value:g}" for value in (*row["filter_numbers"].values(), *row["rule_numbers"].values())]
    return f"{row['filter']}, {row['rule']} {' '.join(numbers)}".strip()
