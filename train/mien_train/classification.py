"""Figures of a classifier from its predictions."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray


@dataclass(frozen=True, slots=True, eq=False)
class Scores:
    """Figures over n images and K classes; shares run from 0 to 1.

    Attributes:
        accuracy: share of right predictions.
        macro_f1: unweighted mean of the classes' F1 (a class without images and predictions counts 0).
        precision, recall, f1: float64 (K,), 0 where undefined.
        support: int64 (K,), images of each class.
        confusion: int64 (K, K), rows are true classes, columns predictions.
    """

    accuracy: float
    macro_f1: float
    precision: NDArray[np.float64]
    recall: NDArray[np.float64]
    f1: NDArray[np.float64]
    support: NDArray[np.int64]
    confusion: NDArray[np.int64]


def scores(predicted: NDArray[np.int64], labels: NDArray[np.int64], classes: int) -> Scores:
    """Count predictions int64 (n,) against labels int64 (n,)."""
    confusion = np.bincount(labels * classes + predicted, minlength=classes * classes).reshape(classes, classes)
    right, support, called = np.diag(confusion), confusion.sum(axis=1), confusion.sum(axis=0)
    precision, recall = right / np.maximum(called, 1), right / np.maximum(support, 1)
    f1 = 2 * right / np.maximum(called + support, 1)
    return Scores(
        accuracy=float(right.sum() / max(1, len(labels))),
        macro_f1=float(f1.mean()),
        precision=precision,
        recall=recall,
        f1=f1,
        support=support,
        confusion=confusion,
    )
