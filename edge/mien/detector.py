"""The face detector: a luma frame in, faces in frame pixels out."""

from __future__ import annotations

from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from mien import bundle
from mien.decode import Decoder
from mien.engine import open_engine
from mien.errors import MienError
from mien.face import Face
from mien.letterbox import Letterbox
from mien.metrics import Laps


class FaceDetector:
    """Finds faces and their five landmarks.

    Args:
        model: name of a bundled model, or path of a sidecar.
        engine: "litert" or "onnx".
        threads: of the engine.
        score_threshold: lowest score of a face; the sidecar's value if None.

    Raises:
        MienError: the model or the engine cannot be used.
    """

    def __init__(
        self,
        model: str | Path = "face-base",
        engine: str = "litert",
        threads: int = 1,
        score_threshold: float | None = None,
    ) -> None:
        self.bundle = bundle.load(model)
        if self.bundle.task != "face":
            raise MienError(f"{self.bundle.path}: is a model for {self.bundle.task!r}, not a face detector")
        settings = self.bundle.sidecar["decode"]
        threshold = settings["score_threshold"] if score_threshold is None else score_threshold
        if not 0 < threshold < 1:
            raise MienError(f"score threshold is {threshold}; it must lie between 0 and 1")
        self._engine = open_engine(self.bundle, engine, threads)
        self._letterbox = Letterbox(self.bundle.height, self.bundle.width)
        self._decode = Decoder(self.bundle.outputs, tuple(settings["strides"]), threshold, settings["iou_threshold"])

    def detect(self, luma: NDArray[np.uint8], laps: Laps | None = None) -> tuple[Face, ...]:
        """Find the faces of a frame.

        Args:
            luma: uint8 (H, W), full range, any size.
            laps: books the stages "resize", "detect" and "decode" if given.

        Returns:
            Faces in frame pixels, best score first.
        """
        canvas, fit = self._letterbox(luma)
        if laps:
            laps.lap("resize")
        raw = self._engine.run(canvas)
        if laps:
            laps.lap("detect")
        found = self._decode(raw)
        # One multiplication for both axes: the letterbox keeps the shape.
        boxes = (found.boxes / fit.scale).tolist()
        landmarks = (found.landmarks / fit.scale).tolist()
        faces = tuple(
            Face((box[0], box[1], box[2], box[3]), tuple((x, y) for x, y in points), score)
            for box, points, score in zip(boxes, landmarks, found.scores.tolist(), strict=True)
        )
        if laps:
            laps.lap("decode")
        return faces
