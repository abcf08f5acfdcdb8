"""The emotion classifier: aligned crops in, calibrated probabilities out."""

from __future__ import annotations

from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from mien.models import bundle
from mien.models.engine import open_engine
from mien.reading import UNCERTAIN


class EmotionClassifier:
    """Reads the expression of aligned faces.

    Args:
        model: name of a bundled model, or path of a sidecar.
        engine: "litert", "onnx" or "tflite".
        threads: of the engine.

    Attributes:
        labels: emotions in the order of the probabilities.
        template: float32 (5, 2), where `mien.emotions.align.crop` lays the landmarks, in crop pixels.
        abstain_below: best probability under which a reading is `UNCERTAIN`.

    Raises:
        MienError: the model or the engine cannot be used.
    """

    def __init__(self, model: str | Path = "emotion-base", engine: str = "litert", threads: int = 1) -> None:
        self.bundle = bundle.load(model)
        decision, alignment = self.bundle.decision, self.bundle.alignment
        self.labels = self.bundle.labels
        self.template = np.asarray(alignment.template, dtype=np.float32)
        self.abstain_below = decision.abstain_below
        self._temperature = np.float32(decision.temperature)
        self._quantization = self.bundle.outputs[0].quantization
        self._engine = open_engine(self.bundle, engine, threads)

    def probabilities(self, crops: NDArray[np.uint8]) -> NDArray[np.float32]:
        """Classify aligned faces.

        Args:
            crops: uint8 (n, 48, 48), luma.

        Returns:
            float32 (n, K), calibrated; each row sums to 1.
        """
        raw = np.empty((len(crops), len(self.labels)), dtype=np.int8)
        for crop, row in zip(crops, raw, strict=True):
            row[:] = self._engine.run(crop)[0][0]
        return softmax(self._quantization.dequantize(raw) / self._temperature)

    def emotion(self, probabilities: NDArray[np.float32]) -> str:
        """The label of one row of probabilities (K,), or `UNCERTAIN`."""
        best = int(np.argmax(probabilities))
        return self.labels[best] if probabilities[best] >= self.abstain_below else UNCERTAIN


def softmax(logits: NDArray[np.float32]) -> NDArray[np.float32]:
    """Row-wise softmax, float32 (n, K) → float32 (n, K)."""
    shifted = np.exp(logits - logits.max(axis=1, keepdims=True))
    return np.asarray(shifted / shifted.sum(axis=1, keepdims=True), dtype=np.float32)
