"""The face detector: a luma frame in, faces in frame pixels out."""

from __future__ import annotations

import threading
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from mien.closing import Closing
from mien.errors import MienError
from mien.faces.decode import Decoder, Detections
from mien.faces.face import Box, Face, Landmarks, Point
from mien.faces.letterbox import Letterbox
from mien.faces.tiles import scan
from mien.frame import checked_luma
from mien.laps import Laps
from mien.models import bundle
from mien.models.bundle import Bundle
from mien.models.engine import open_engine

_MOST = 400
"""Candidates of one view that suppression looks at, best first."""
_MOST_TILED = 2000
"""Faces of all views of a frame: their overlaps are looked at pair by pair, in a hundred megabytes at this number."""


class FaceDetector(Closing):
    """Finds faces and their five landmarks.

    A frame higher than wide is given to the model's portrait counterpart (NAME-portrait, the same weights), if there
    is one. Calls from several threads take turns. A context manager; closed, it holds no interpreter any more.

    Args:
        model: name of a bundled model, or path of a sidecar.
        engine: "litert", "onnx" or "tflite".
        threads: of the engine.
        score_threshold: lowest score of a face, in tiles too; the sidecar's values if None.
        tiles: also scan overlapping tiles, magnified, for small faces; costs one inference a tile (nine for 640×480),
            and up to six for second looks at what only a tile shows, if the sidecar has a threshold for these.

    Of one view, a frame or a tile, the 400 best candidates are looked at, of a frame with its tiles the 2,000 best.

    Attributes:
        bundle: the model's, for frames that are not portrait.

    Raises:
        MienError: the model or the engine cannot be used, or the counterpart is of another training run.
    """

    def __init__(
        self,
        model: str | Path = "face-base",
        engine: str = "litert",
        threads: int = 1,
        score_threshold: float | None = None,
        tiles: bool = False,
    ) -> None:
        self.bundle = bundle.load(model)
        if score_threshold is not None and not 0 < score_threshold < 1:
            raise MienError(f"score threshold is {score_threshold}; it must lie between 0 and 1")
        self._options = (engine, threads, score_threshold, tiles)
        self._tiles = tiles
        self._counterpart = bundle.portrait(self.bundle)
        self._turn = threading.Lock()
        self._landscape: _Scanner | None = _Scanner(self.bundle, *self._options)
        self._portrait: _Scanner | None = None

    def detect(
        self, luma: NDArray[np.uint8], laps: Laps | None = None, small: NDArray[np.uint8] | None = None
    ) -> tuple[Face, ...]:
        """Find the faces of a frame.

        Args:
            luma: uint8 (H, W), full range, any size.
            laps: books the stages "resize", "detect" and "decode" if given.
            small: uint8 (h, w), the same view, smaller, which is looked at in place of the frame, tiles excepted.

        Returns:
            Faces in frame pixels, best score first.

        Raises:
            MienError: not such a frame, or the detector is closed.
        """
        luma = checked_luma(luma)
        with self._turn:
            scanner = self._scanner(luma)

            def look(part: NDArray[np.uint8]) -> Detections:
                return scanner.scan(part, laps)

            if self._tiles:
                found = scan(luma, scanner.size, look, *scanner.limits)
            else:
                found = look(luma) if small is None else _grown(look(checked_luma(small)), small.shape, luma.shape)
            faces = _faces(found)
        if laps:
            laps.lap("decode")
        return faces

    def _scanner(self, luma: NDArray[np.uint8]) -> _Scanner:
        if self._landscape is None:
            raise MienError("the face detector is closed; open a new one")
        if self._counterpart is None or luma.shape[0] <= luma.shape[1]:
            return self._landscape
        if self._portrait is None:  # loaded when the first portrait frame comes: most cameras never send one
            self._portrait = _Scanner(self._counterpart, *self._options)
        return self._portrait

    def close(self) -> None:
        """Let go of the interpreters; safe to call twice."""
        with self._turn:
            self._landscape = self._portrait = None


class _Scanner:
    """One model with what belongs to its input size."""

    def __init__(self, model: Bundle, engine: str, threads: int, score_threshold: float | None, tiles: bool) -> None:
        settings = model.decode
        threshold = settings.score_threshold if score_threshold is None else score_threshold
        self.size = (model.height, model.width)
        # A score that the caller names holds for the second look as well.
        again = settings.tile_threshold if score_threshold is None else settings.tile_threshold and threshold
        self.limits = _MOST_TILED, threshold, again
        lowest = min(threshold, again) if tiles and again else threshold
        self._engine = open_engine(model, engine, threads)
        self._letterbox = Letterbox(model.height, model.width)
        self._decode = Decoder(
            model.outputs,
            settings.strides,
            lowest,
            settings.iou_threshold,
            _MOST,
            settings.score_slope,
            settings.score_shift,
        )

    def scan(self, luma: NDArray[np.uint8], laps: Laps | None) -> Detections:
        """Detections in pixels of `luma`, uint8 (H, W)."""
        canvas, fit = self._letterbox(luma)
        if laps:
            laps.lap("resize")
        raw = self._engine.run(canvas)
        if laps:
            laps.lap("detect")
        found = self._decode(raw)
        # One factor for both axes: the letterbox keeps the shape.
        grow = np.float32(1 / fit.scale)
        found = Detections(found.boxes * grow, found.landmarks * grow, found.scores)
        if laps:
            laps.lap("decode")
        return found


def _grown(found: Detections, small: tuple[int, ...], frame: tuple[int, ...]) -> Detections:
    """Detections in pixels of a (H, W) picture, in those of a larger one of the same view."""
    grow = np.array([frame[1] / small[1], frame[0] / small[0]], np.float32)
    return Detections(found.boxes * np.tile(grow, 2), found.landmarks * grow, found.scores)


def _faces(found: Detections) -> tuple[Face, ...]:
    return tuple(
        Face(Box(*box), Landmarks(*(Point(x, y) for x, y in points)), score)
        for box, points, score in zip(
            found.boxes.tolist(), found.landmarks.tolist(), found.scores.tolist(), strict=True
        )
    )
