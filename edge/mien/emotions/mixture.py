"""From the logits of a classifier's outputs to the probabilities of one expression."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from mien.models.expression import Expression, Opinion


class Mixture:
    """Computes an expression; `mien.models.expression.Expression` says what.

    Args:
        expression: to be computed.
        outputs: labels of each of the model's outputs, in order.
    """

    def __init__(self, expression: Expression, outputs: Sequence[tuple[str, ...]]) -> None:
        self._offsets = np.asarray(expression.offsets, dtype=np.float32)
        self._temperature = np.float32(expression.temperature)
        self._voices = [_Voice(one, expression.labels, outputs[one.output]) for one in expression.opinions]
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
        total: NDArray[np.float32] = self._offsets  # (K,), and (n, K) from the first voice on
        for voice in self._voices:
            total = total + voice.weight * voice.says(outputs[voice.output])
        return total

    def probabilities(self, outputs: Sequence[NDArray[np.float32]]) -> NDArray[np.float32]:
        """Calibrated probabilities, float32 (n, K), of `logits`' argument; each row sums to 1."""
        return softmax(self.logits(outputs) / self._temperature)


class _Voice:
    """An opinion and what it needs in each frame, looked up once: that spares 20 µs.

    Attributes:
        output: its number among the model's outputs.
        weight: of its log-probabilities.
    """

    def __init__(self, opinion: Opinion, labels: tuple[str, ...], known: tuple[str, ...]) -> None:
        self.output, self.weight = opinion.output, np.float32(opinion.weight)
        columns = _columns(labels, known)
        share = np.count_nonzero(columns >= 0) / len(labels)
        self._share, self._even = np.log(share), np.log(1 / len(labels))
        # A stranger's place is one behind the output's own labels.
        self._places = np.where(columns >= 0, columns, len(known))
        self._as_it_is = labels == known

    def says(self, logits: NDArray[np.float32]) -> NDArray[np.float32]:
        """Logarithms of its probabilities of the expression's labels, (n, K), of its output's logits (n, K₀)."""
        logs = log_softmax(logits)
        if self._as_it_is:
            return logs
        said = np.empty((len(logs), logs.shape[1] + 1), dtype=np.float32)
        np.add(logs, self._share, out=said[:, :-1])
        said[:, -1] = self._even
        return said.take(self._places, axis=1)


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
