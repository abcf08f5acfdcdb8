"""The emotion classifier: aligned crops in, calibrated probabilities out."""

from __future__ import annotations

import threading
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from mien.closing import Closing
from mien.emotions.align import SIZE
from mien.emotions.mixture import Mixture
from mien.emotions.quality import Quality
from mien.errors import MienError
from mien.models import bundle
from mien.models.engine import Engine, open_engine
from mien.reading import AMBIGUOUS, UNCERTAIN
from mien.roles import Verdict


class EmotionClassifier(Closing):
    """Reads the expression of aligned faces.

    Calls from several threads take turns. A context manager; closed, it holds no interpreter any more.

    Args:
        model: name of a bundled model, or path of a sidecar.
        engine: "litert", "onnx" or "tflite".
        threads: of the engine.
        expression: how the model's outputs are read, such as "perceived", "intended" or "mixed"; None for the model's
            own choice.

    Attributes:
        expression: its name.
        labels: emotions in the order of the probabilities.
        template: float32 (5, 2), where `mien.emotions.align.crop` lays the landmarks, in crop pixels.
        abstain_below: best probability under which a reading is `UNCERTAIN`.
        quality: judges crops; None where the model has no such settings.

    Raises:
        MienError: the model or the engine cannot be used, or the model has no such expression.
    """

    def __init__(
        self,
        model: str | Path = "emotion-base",
        engine: str = "litert",
        threads: int = 1,
        expression: str | None = None,
    ) -> None:
        self.bundle = bundle.load(model)
        chosen = self.bundle.expression(expression)
        self.expression = chosen.name
        self.labels = chosen.labels
        self.template = np.asarray(self.bundle.alignment.template, dtype=np.float32)
        self.abstain_below = chosen.abstain_below
        settings = self.bundle.sidecar.quality
        self.quality = None if settings is None else Quality(settings)
        self._tables = [output.quantization.table() for output in self.bundle.outputs]
        self._mixture = Mixture(chosen, [output.labels for output in self.bundle.outputs])
        self._turn = threading.Lock()
        self._engine: Engine | None = open_engine(self.bundle, engine, threads)
        if (self.bundle.height, self.bundle.width) != (SIZE, SIZE):
            raise MienError(
                f"{self.bundle.name}: reads pictures of {self.bundle.height}×{self.bundle.width} pixels, and faces are "
                f"cut out at {SIZE}×{SIZE}; train and export it for these"
            )

    def probabilities(self, crops: NDArray[np.uint8]) -> NDArray[np.float32]:
        """Classify aligned faces.

        Args:
            crops: uint8 (n, 48, 48), luma; n may be 0.

        Returns:
            float32 (n, K), calibrated; each row sums to 1.

        Raises:
            MienError: not such crops, or the classifier is closed.
        """
        wanted = (self.bundle.height, self.bundle.width)
        if not isinstance(crops, np.ndarray) or crops.dtype != np.uint8 or crops.shape[1:] != wanted:
            got = f"{crops.dtype} {crops.shape}" if isinstance(crops, np.ndarray) else type(crops).__name__
            one = "; give a single crop as crop[None]" if getattr(crops, "shape", None) == wanted else ""
            raise MienError(f"crops must be luma, uint8 (n, {wanted[0]}, {wanted[1]}), not {got}{one}")
        with self._turn:
            if self._engine is None:
                raise MienError("the emotion classifier is closed; open a new one")
            raw = [self._engine.run(crop) for crop in crops]
        if not raw:
            return np.empty((0, len(self.labels)), dtype=np.float32)
        # A frame's only face needs no joining.
        rows = raw[0] if len(raw) == 1 else [np.concatenate(parts) for parts in zip(*raw, strict=True)]
        return self._mixture.probabilities(
            [table.take(part.view(np.uint8)) for table, part in zip(self._tables, rows, strict=True)]
        )

    def verdict(self, probabilities: NDArray[np.float32]) -> Verdict:
        """What one row of probabilities, float32 (K,), amounts to."""
        best = int(probabilities.argmax())
        if probabilities[best] >= self.abstain_below:
            return Verdict(self.labels[best], self.labels[best], None)
        return Verdict(UNCERTAIN, self.labels[best], AMBIGUOUS)

    def close(self) -> None:
        """Let go of the interpreter; safe to call twice."""
        with self._turn:
            self._engine = None
