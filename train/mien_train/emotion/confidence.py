"""Making probabilities mean what they say: temperature scaling, and the threshold under which to abstain."""

from __future__ import annotations

import torch
import torch.nn.functional as F  # noqa: N812 - torch's own convention
from torch import Tensor

_HIGHEST = 90
"""Hundredths at which the search for the abstain threshold ends: above it, calibrated probabilities are too few on a
validation split to be told apart."""
_FEW_WRONG = 10
_WIDEST, _CANDIDATES = 1.2, 241
"""Temperatures are tried from exp(−1.2) = 0.30 to exp(1.2) = 3.32, one per cent apart."""


def temperature(logits: Tensor, labels: Tensor) -> float:
    """The temperature that minimises the cross-entropy of softmax(logits / T) (Guo et al. 2017).

    No lower than 1 where fewer than ten are read wrongly: from images that are all read rightly, ever more certainty
    would seem to follow.

    Args:
        logits: float32 (n, K), of the validation split.
        labels: int64 (n,).
    """
    candidates = torch.exp(torch.linspace(-_WIDEST, _WIDEST, _CANDIDATES))
    if (logits.argmax(dim=1) != labels).sum() < _FEW_WRONG:
        candidates = candidates.clamp(min=1.0)
    losses = torch.stack([F.cross_entropy(logits / t, labels) for t in candidates])
    return round(float(candidates[losses.argmin()]), 4)


def abstain_threshold(probabilities: Tensor, labels: Tensor, accuracy: float) -> float:
    """The lowest confidence at which the readings that remain are right with the wanted accuracy.

    Args:
        probabilities: float32 (n, K), calibrated, of the validation split.
        labels: int64 (n,).
        accuracy: wanted share of right readings among those at or above the threshold.

    Returns:
        A threshold from 1 / K to 0.9, in steps of 0.01.
    """
    confidence, predicted = probabilities.max(dim=1)
    right = (predicted == labels).float()
    lowest = -(-100 // probabilities.shape[1])
    for hundredths in range(lowest, _HIGHEST):
        kept = confidence >= hundredths / 100
        if kept.any() and right[kept].mean() >= accuracy:
            return hundredths / 100
    return _HIGHEST / 100


def expected_calibration_error(probabilities: Tensor, labels: Tensor, bins: int = 15) -> float:
    """Mean gap between confidence and accuracy over equally wide bins, weighted by their size (Guo et al. 2017)."""
    confidence, predicted = probabilities.max(dim=1)
    right = (predicted == labels).float()
    index = (confidence * bins).long().clamp(max=bins - 1)
    gap = torch.zeros(bins).index_add_(0, index, confidence - right)
    return float(gap.abs().sum() / len(labels))


ABSTAINED = 0.15
"""Share of the images that `errors_abstained` leaves out: a kiosk that says "uncertain" more often says little."""


def errors_abstained(probabilities: Tensor, labels: Tensor, share: float = ABSTAINED) -> float:
    """Share of all errors among the least confident readings; NaN where there is no error.

    Args:
        probabilities: float32 (n, K), calibrated.
        labels: int64 (n,).
        share: of the readings, rounded down, that are left out.
    """
    confidence, predicted = probabilities.max(dim=1)
    wrong = (predicted != labels).float()
    least = confidence.argsort(stable=True)[: int(share * len(labels))]
    return float(wrong[least].sum() / wrong.sum())
