"""From the logits of a classifier's outputs to the probabilities of one expression."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from mien.models.expression import Expression


class Mixture:
    """Computes an expression; `mien.models.expression.Expression` says what.

    Args:
        expression: to be computed.
        outputs: labels of each of the model's outputs, in order.
    """

    def __init__(self, expression: Expression, outputs: Sequence[tuple[str, ...]]) -> None:
        self._expression = expression
        self._offsets = np.asarray(expression.offsets, dtype=np.float32)
        self._columns = [_columns(expression.labels, outputs[opinion.output]) for opinion in expression.opinions]
        (first, *others), labels = expression.opinions, expression.labels
        # Softmax does not see what is added to a whole row: a sole output needs no logarithm, and stays as it is.
        self._plain = first.output if not others and first.weight == 1 and outputs[first.output] == labels else None

    def logits(self, outputs: Sequence[NDArray[np.float32]]) -> NDArray[np.float32]:
        """Σ weight · log p + offset, before the temperature; up to a number a row that softmax does not see.

        Args:
            outputs: logits of each output of the model, float32 (n, K of that output).

        Returns:
            float32 (n, K).
        """
        if self._plain is not None:
            plain: NDArray[np.float32] = outputs[self._plain] + self._offsets
            return plain
        count = len(self._expression.labels)
        total = np.tile(self._offsets, (len(outputs[self._expression.opinions[0].output]), 1))
        for opinion, columns in zip(self._expression.opinions, self._columns, strict=True):
            known = columns >= 0
            says = np.full_like(total, np.log(1 / count))
            says[:, known] = log_softmax(outputs[opinion.output])[:, columns[known]] + np.log(known.mean())
            total += np.float32(opinion.weight) * says
        return total

    def probabilities(self, outputs: Sequence[NDArray[np.float32]]) -> NDArray[np.float32]:
        """Calibrated probabilities, float32 (n, K), of `logits`' argument; each row sums to 1."""
        return softmax(self.logits(outputs) / np.float32(self._expression.temperature))


def softmax(logits: NDArray[np.float32]) -> NDArray[np.float32]:
    """Row-wise softmax, float32 (n, K) → float32 (n, K)."""
    shifted = np.exp(logits - logits.max(axis=1, keepdims=True))
    return np.asarray(shifted / shifted.sum(axis=1, keepdims=True), dtype=np.float32)


def log_softmax(logits: NDArray[np.float32]) -> NDArray[np.float32]:
    """Row-wise logarithm of softmax, float32 (n, K) → float32 (n, K)."""
    shifted = logits - logits.max(axis=1, keepdims=True)
    return np.asarray(shifted - np.log(np.exp(shifted).sum(axis=1, keepdims=True)), dtype=np.float32)


def _columns(labels: tuple[str, ...], known: tuple[str, ...]) -> NDArray[np.int64]:
    """Where each label stands among those of an output, int64 (K,); −1 where it does not."""
    return np.array([known.index(label) if label in known else -1 for label in labels], dtype=np.int64)
