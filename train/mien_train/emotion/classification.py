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
        weighted_precision, weighted_recall, weighted_f1: means of the classes' figures, each class weighing as many
            as it has images (scikit-learn's `average="weighted"`); the weighted recall is the accuracy.
        precision, recall, f1: float64 (K,), 0 where undefined.
        support: int64 (K,), images of each class.
        confusion: int64 (K, K), rows are true classes, columns predictions.
    """

    accuracy: float
    macro_f1: float
    weighted_precision: float
    weighted_recall: float
    weighted_f1: float
    precision: NDArray[np.float64]
    recall: NDArray[np.float64]
    f1: NDArray[np.float64]
    support: NDArray[np.int64]
    confusion: NDArray[np.int64]


def scores(predicted: NDArray[np.int64], labels: NDArray[np.int64], classes: int) -> Scores:
    """Count predictions int64 (n,) against labels int64 (n,)."""
    confusion = np.bincount(labels * classes + predicted, minlength=classes * classes).reshape(classes, classes)
    return of_confusion(confusion)


def of_confusion(confusion: NDArray[np.int64]) -> Scores:
    """The figures in a confusion matrix int64 (K, K), rows true classes; all 0 if it counts no image."""
    right, support, called = np.diag(confusion), confusion.sum(axis=1), confusion.sum(axis=0)
    precision, recall = right / np.maximum(called, 1), right / np.maximum(support, 1)
    f1 = 2 * right / np.maximum(called + support, 1)
    weight = support / max(1, support.sum())
    return Scores(
        accuracy=float(right.sum() / max(1, support.sum())),
        macro_f1=float(f1.mean()),
        weighted_precision=float(weight @ precision),
        weighted_recall=float(weight @ recall),
        weighted_f1=float(weight @ f1),
        precision=precision,
        recall=recall,
        f1=f1,
        support=support,
        confusion=confusion,
    )
