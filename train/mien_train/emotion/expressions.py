"""How a classifier of two heads is read: each head by itself and both mixed, chosen on validation images.

Where classes are as rare as contempt and disgust, who always says what is likeliest never names them. What maximises
(1 − balance) · accuracy + balance · mean of class recalls is the posterior times (1 − balance) + balance / (K · share
of the class) (Elkan 2001, "The foundations of cost-sensitive learning"); `balance` runs from 0 to 1. The logarithms of
these factors are an expression's offsets.

- perceived: the first head as it is.
- intended: the second head. It is trained to give each class the same weight (`EmotionTask.loss`), so its posterior is
  the output times the classes' shares. The balance has the highest accuracy + mean of recalls.
- mixed: over the first head's labels, log p of the calibrated first head + weight · log p of the second + offsets.
  Weight and balance have the highest mean of class recalls under both label sets taken together, among those that lose
  no more than `ALLOWED_LOSS` of the first head's accuracy.

The model's own choice is the one of the three that has this highest mean at no greater loss.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray

from mien.emotions.mixture import Mixture
from mien.models.expression import INTENDED, MIXED, PERCEIVED, Expression, Opinion
from mien_train.data.fer import Split
from mien_train.emotion import confidence
from mien_train.emotion.classification import Scores, scores
from mien_train.emotion.heads import Heads

ALLOWED_LOSS = 0.015
"""Of strict accuracy, which the model's own choice may give away for rare classes."""

WEIGHTS = tuple(n / 20 for n in range(21))
"""Of the second head's log-probabilities in the mix, beside 1 of the calibrated first head's."""

BALANCES = tuple(n / 20 for n in range(21))

_LEAST_SHARE = 1e-4
"""Of a class: one without training images gets no boundless offset."""


@dataclass(frozen=True, slots=True, eq=False)
class Heard:
    """Images with labels under one label set, and what both heads say of them.

    Attributes:
        outputs: logits of both heads, float32 (n, K) and (n, K of the second).
        labels: int64 (n,), index into `names`.
        names: of the label set.
    """

    outputs: tuple[NDArray[np.float32], ...]
    labels: NDArray[np.int64]
    names: tuple[str, ...]

    @classmethod
    def of(cls, split: Split, outputs: tuple[NDArray[np.float32], ...]) -> Heard:
        """The images of a split."""
        return cls(outputs, split.labels, split.names)


@dataclass(frozen=True, slots=True, eq=False)
class Validation:
    """What choices are made on.

    Attributes:
        strict: FER+'s labels, of faces on which most annotators agree.
        contested: FER+'s labels, of the contested faces too.
        searched: FER2013's own labels.
    """

    strict: Heard
    contested: Heard
    searched: Heard


def choose(
    heads: Heads,
    found: Validation,
    shares: tuple[NDArray[np.float32], NDArray[np.float32]],
    wanted_accuracy: float,
) -> tuple[Expression, ...]:
    """The three expressions, the model's own choice first.

    Args:
        heads: names and labels of both.
        found: on validation images.
        shares: of the classes among the training images, of each head, float32 (K,).
        wanted_accuracy: share of right readings among those that are not abstained from; see
            `confidence.abstain_threshold`.
    """
    first, second = ((name, labels) for name, labels in heads.items())
    likely = [np.maximum(share, _LEAST_SHARE) / np.maximum(share, _LEAST_SHARE).sum() for share in shares]

    def calibrated(one: Expression, hard: Heard, soft: Heard) -> Expression:
        def said(by: Expression, of: Heard) -> torch.Tensor:
            return torch.from_numpy(Mixture(by, list(heads.values())).logits(of.outputs))

        degrees = confidence.temperature(said(one, hard), torch.from_numpy(hard.labels))
        sure = (said(one, soft) / degrees).softmax(dim=1)
        below = confidence.abstain_threshold(sure, torch.from_numpy(soft.labels), wanted_accuracy)
        return dataclasses.replace(one, temperature=degrees, abstain_below=below)

    perceived = calibrated(_plain(PERCEIVED, first[1], 0), found.strict, found.contested)

    def posed(balance: float) -> tuple[float, ...]:
        return _offsets((1 - balance) * likely[1] + balance / len(second[1]))

    def sought(balance: float) -> float:
        told = found.searched.outputs[1] + np.asarray(posed(balance), np.float32)
        given = _scored(told, second[1], found.searched)
        return given.accuracy + _mean([given])

    intended = dataclasses.replace(_plain(INTENDED, second[1], 1), offsets=posed(max(BALANCES, key=sought)))
    intended = calibrated(intended, found.searched, found.searched)

    say = round(1 / perceived.temperature, 4)
    sets = (found.strict, found.searched)
    # Of both label sets, what each head says of the first head's labels; every candidate is a sum of these.
    parts = [
        [Mixture(_plain(MIXED, first[1], head), list(heads.values())).logits(of.outputs) for head in (0, 1)]
        for of in sets
    ]
    least = _judged(perceived, heads, found.strict).accuracy - ALLOWED_LOSS

    def even(balance: float) -> tuple[float, ...]:
        return _offsets((1 - balance) + balance / (len(first[1]) * likely[0]))

    def worth(candidate: tuple[float, float]) -> tuple[float, float]:
        weight, balance = candidate
        shift = np.asarray(even(balance), np.float32)
        given = []
        for (one, other), of in zip(parts, sets, strict=True):
            given.append(_scored(np.float32(say) * one + np.float32(weight) * other + shift, first[1], of))
            if given[0].accuracy < least:
                return -1.0, given[0].accuracy
        return _mean(given), given[0].accuracy

    weight, balance = max(((weight, balance) for weight in WEIGHTS for balance in BALANCES), key=worth)
    opinions = (Opinion(0, say), *([Opinion(1, weight)] if weight else []))
    mixed = Expression(MIXED, first[1], opinions, even(balance), 1.0, 0.5)
    mixed = calibrated(mixed, found.strict, found.contested)

    def merit(one: Expression) -> float:
        loss_allowed = _judged(one, heads, found.strict).accuracy >= least
        return _mean([_judged(one, heads, of) for of in sets]) if loss_allowed else -1.0

    others = [perceived, intended, mixed]  # of equals the simplest comes first
    best = max(others, key=merit)
    others.remove(best)
    return best, *others


def table(among: tuple[Expression, ...], heads: Heads, strict: Heard, searched: Heard) -> dict[str, dict[str, Any]]:
    """The choices class by class: what each expression finds under both label sets, as JSON.

    Args:
        among: expressions.
        heads: names and labels of the outputs.
        strict, searched: FER+'s and FER2013's own labels.

    Returns:
        Name of each expression to `mean_recall` (of all classes of both label sets), and under `strict` and `fer2013`
        accuracy, mean recall, calibration error, and the recall of each class (None without images).
    """
    return {
        one.name: {
            "mean_recall": round(_mean([_judged(one, heads, of) for of in (strict, searched)]), 4),
            "strict": _figures(one, heads, strict),
            "fer2013": _figures(one, heads, searched),
        }
        for one in among
    }


def _figures(one: Expression, heads: Heads, of: Heard) -> dict[str, Any]:
    found = _judged(one, heads, of)
    known = torch.from_numpy(_columns(Mixture(one, list(heads.values())).logits(of.outputs), one.labels, of.names))
    probabilities = (known / one.temperature).softmax(dim=1)
    return {
        "n": len(of.labels),
        "accuracy": round(found.accuracy, 4),
        "mean_recall": round(_mean([found]), 4),
        "ece": round(confidence.expected_calibration_error(probabilities, torch.from_numpy(of.labels)), 4),
        "recall": {
            name: round(float(recall), 4) if images else None
            for name, recall, images in zip(of.names, found.recall, found.support, strict=True)
        },
    }


def _judged(one: Expression, heads: Heads, of: Heard) -> Scores:
    return _scored(Mixture(one, list(heads.values())).logits(of.outputs), one.labels, of)


def _scored(said: NDArray[np.float32], labels: tuple[str, ...], of: Heard) -> Scores:
    """Judge logits float32 (n, K of `labels`)."""
    return scores(_columns(said, labels, of.names).argmax(axis=1), of.labels, len(of.names))


def _columns(said: NDArray[np.float32], labels: tuple[str, ...], names: tuple[str, ...]) -> NDArray[np.float32]:
    """Logits for the names of a label set, float32 (n, K of `names`); −∞ for a name that is not among the labels."""
    wide = np.pad(said, ((0, 0), (0, 1)), constant_values=-np.inf)
    return wide[:, [labels.index(name) if name in labels else len(labels) for name in names]]


def _mean(found: Sequence[Scores]) -> float:
    """Mean of the recalls of all classes, of all label sets."""
    return float(np.concatenate([each.recall[each.support > 0] for each in found]).mean())


def _plain(name: str, labels: tuple[str, ...], output: int) -> Expression:
    return Expression(name, labels, (Opinion(output, 1.0),), (0.0,) * len(labels), 1.0, 0.5)


def _offsets(factors: NDArray[np.floating[Any]]) -> tuple[float, ...]:
    """Logarithms of factors, the largest 0."""
    logs = np.log(factors)
    return tuple(round(float(value), 4) for value in logs - logs.max())
