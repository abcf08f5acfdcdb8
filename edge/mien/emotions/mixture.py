"""From the logits of a classifier's outputs to the probabilities of one expression."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from mien.models.expression import Expression

_MOST = np.float32(80)
"""Exponentials of larger numbers do not add up in float32."""
_LEAST = np.float32(1e-30)


class Mixture:
    """Computes an expression; `mien.models.expression.Expression` says what.

    With the logits z of all outputs in one row, it is A·z − B·log(C·exp(z)) + c: A gives every label its logits by
    their weights, C sums up the exponentials of each output, B takes their logarithm off the labels that the output
    knows, and c holds the offsets and the logarithms of the shares. It is exact where each output's largest logit is
    from −65 to 80, far more than any network gives. That is half of the calls of numpy, and so of the time, that one
    softmax for each opinion takes.

    Args:
        expression: to be computed.
        outputs: labels of each of the model's outputs, in order.
    """

    def __init__(self, expression: Expression, outputs: Sequence[tuple[str, ...]]) -> None:
        labels, opinions = expression.labels, expression.opinions
        self._offsets = np.asarray(expression.offsets, dtype=np.float32)
        self._temperature = np.float32(expression.temperature)
        # Softmax does not see what is added to a whole row: a sole output needs no logarithm, and stays as it is.
        sole = len(opinions) == 1 and opinions[0].weight == 1 and outputs[opinions[0].output] == labels
        self._plain = opinions[0].output if sole else None
        self._heard = [opinion.output for opinion in opinions]
        weights, summed, known = [], np.zeros((sum(len(outputs[n]) for n in self._heard), len(opinions))), []
        constants = np.asarray(expression.offsets, dtype=np.float64)
        first = 0
        for number, opinion in enumerate(opinions):
            own = outputs[opinion.output]
            match = np.array([[theirs == label for label in labels] for theirs in own], dtype=np.float64)
            knows = match.any(axis=0)
            weights.append(opinion.weight * match)
            known.append(opinion.weight * knows)
            summed[first : first + len(own), number] = 1
            constants = constants + opinion.weight * np.log(np.where(knows, knows.mean(), 1 / len(labels)))
            first += len(own)
        self._weights, self._known = np.concatenate(weights).astype(np.float32), np.array(known, np.float32)
        self._summed, self._constants = summed.astype(np.float32), constants.astype(np.float32)

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
        said = np.concatenate([outputs[number] for number in self._heard], axis=1)
        masses = np.exp(np.minimum(said, _MOST)).dot(self._summed)
        total: NDArray[np.float32] = said.dot(self._weights) - np.log(masses + _LEAST).dot(self._known)
        return total + self._constants

    def probabilities(self, outputs: Sequence[NDArray[np.float32]]) -> NDArray[np.float32]:
        """Calibrated probabilities, float32 (n, K), of `logits`' argument; each row sums to 1."""
        return softmax(self.logits(outputs) / self._temperature)


def softmax(logits: NDArray[np.float32]) -> NDArray[np.float32]:
    """Row-wise softmax, float32 (n, K) → float32 (n, K)."""
    raised = np.exp(logits - logits.max(axis=1, keepdims=True))
    return np.asarray(raised / raised.sum(axis=1, keepdims=True), dtype=np.float32)
