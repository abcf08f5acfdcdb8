"""Detectors behind one call: a letterboxed canvas in, detections down to low scores out."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Protocol

import cv2
import numpy as np
import onnxruntime
import torch
from numpy.typing import NDArray

from mien.errors import MienError
from mien.faces.decode import Decoder, Detections, calibrated, suppress
from mien.models import bundle
from mien.models.engine import open_engine
from mien.quiet import native_stderr_closed
from mien_train.emotion.task import to_input
from mien_train.face import threshold
from mien_train.face.assign import cells
from mien_train.face.loss import decode
from mien_train.face.task import IOU_THRESHOLD, LOWEST, detections
from mien_train.model_file import task_of
from mien_train.networks.face import STRIDES
from mien_train.training import checkpoint


class Detector(Protocol):
    """Anything that finds faces."""

    def __call__(self, canvas: NDArray[np.uint8]) -> Detections:
        """One canvas, uint8 (H, W) → detections in its pixels."""
        ...


class TorchDetector:
    """The float network of a checkpoint."""

    def __init__(self, path: Path) -> None:
        stored = checkpoint.finished(path)
        if stored.task != "face":
            raise MienError(f"{path}: is a checkpoint for {stored.task!r}, not a face detector")
        self.height, self.width = int(stored.recipe["height"]), int(stored.recipe["width"])
        settings = stored.metrics["decode"]
        self.score_threshold = float(settings["score_threshold"])
        self.tile_threshold: float | None = None  # an export chooses it, and calibrates its scores
        self.by_halves, self.allowed_share = threshold.by_halves(settings), threshold.allowed(settings)
        self._network = stored.build()
        self._grid = cells(self.height, self.width, STRIDES)

    def __call__(self, canvas: NDArray[np.uint8]) -> Detections:
        """See `Detector`."""
        with torch.inference_mode():
            found = decode(self._network(to_input(torch.from_numpy(canvas)[None, None].float())), self._grid)
        return detections(found.logits[0], found.boxes[0], found.landmarks[0])


class RuntimeDetector:
    """An exported model in the runtime's own engine and decoder."""

    def __init__(self, path: Path, engine: str) -> None:
        contract = bundle.load(path)
        self.height, self.width = contract.height, contract.width
        self._engine = open_engine(contract, engine)
        settings = contract.decode
        self.score_threshold, self.tile_threshold = settings.score_threshold, settings.tile_threshold
        chosen = contract.sidecar.document["decode"]
        self.by_halves, self.allowed_share = threshold.by_halves(chosen), threshold.allowed(chosen)
        slope, shift = settings.score_slope, settings.score_shift
        # The same cells are looked at, whatever their scores are called.
        lowest = calibrated(LOWEST, slope, shift)
        self._decode = Decoder(
            contract.outputs, settings.strides, lowest, settings.iou_threshold, slope=slope, shift=shift
        )

    def __call__(self, canvas: NDArray[np.uint8]) -> Detections:
        """See `Detector`."""
        return self._decode(self._engine.run(canvas))


class YuNet:
    """YuNet_n in OpenCV, on three equal channels (Wu, Peng and Yu 2023).

    Args:
        path: of the ONNX file.
        height, width: of the canvas, pixels.
        score_threshold, iou_threshold: of OpenCV's suppression.
    """

    FILE = "yunet_n_dynamic.onnx"

    def __init__(
        self,
        path: Path,
        height: int,
        width: int,
        score_threshold: float = LOWEST,
        iou_threshold: float = IOU_THRESHOLD,
    ) -> None:
        size = (width, height)
        with native_stderr_closed():  # OpenCV 5 remarks on its own defaults
            self._network = cv2.FaceDetectorYN.create(str(path), "", size, score_threshold, iou_threshold, 5000)

    def network(self, picture: NDArray[np.uint8]) -> NDArray[np.float32] | None:
        """uint8 (H, W, 3) → rows of box, landmarks and score (n, 15), None without a face; no more than OpenCV does."""
        rows = self._network.detect(picture)[1]
        return None if rows is None else np.asarray(rows, np.float32)

    def __call__(self, canvas: NDArray[np.uint8]) -> Detections:
        """See `Detector`."""
        rows = self.network(np.asarray(cv2.cvtColor(canvas, cv2.COLOR_GRAY2BGR), np.uint8))
        found = np.empty((0, 15), np.float32) if rows is None else rows
        corners = np.concatenate([found[:, :2], found[:, :2] + found[:, 2:4]], axis=1)
        return Detections(corners, found[:, 4:14].reshape(-1, 5, 2), found[:, 14])


class RFB:
    """Ultra-Light-Fast RFB-320 in ONNX Runtime, on three equal channels (Linzaer).

    Its input is fixed at 240×320: the canvas is resized to that, and the boxes back. Boxes come as offsets from prior
    boxes (Liu et al. 2016, "SSD"), with its own variances of 0.1 and 0.2.

    Args:
        path: of the ONNX file.
        height, width: of the canvas, pixels.
        threads: of ONNX Runtime; 0 is one a core.
    """

    FILE = "rfb_320.onnx"
    MEAN, RANGE = 127, 128
    """Input = (luma − MEAN) / RANGE."""

    _HEIGHT, _WIDTH = 240, 320
    _SIDES = ((8, (10, 16, 24)), (16, (32, 48)), (32, (64, 96)), (64, (128, 192, 256)))

    def __init__(self, path: Path, height: int, width: int, threads: int = 0) -> None:
        options = onnxruntime.SessionOptions()
        options.intra_op_num_threads = options.inter_op_num_threads = threads
        options.log_severity_level = 3
        self._session = onnxruntime.InferenceSession(str(path), options, providers=["CPUExecutionProvider"])
        self._size = np.array([width, height, width, height], np.float32)
        self._priors = np.array(
            [
                [
                    (column + 0.5) * stride / self._WIDTH,
                    (row + 0.5) * stride / self._HEIGHT,
                    s / self._WIDTH,
                    s / self._HEIGHT,
                ]
                for stride, sides in self._SIDES
                for row in range(-(-self._HEIGHT // stride))
                for column in range(-(-self._WIDTH // stride))
                for s in sides
            ],
            np.float32,
        ).clip(0, 1)  # centre x and y, width, height, as shares of the picture

    def network(self, pixels: NDArray[np.float32]) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
        """float32 (1, 3, 240, 320) → scores (1, n, 2), no face and face, and offsets from the prior boxes (1, n, 4)."""
        scores, boxes = self._session.run(["scores", "boxes"], {"input": pixels})
        return scores, boxes

    def __call__(self, canvas: NDArray[np.uint8]) -> Detections:
        """See `Detector`; it gives no landmarks, so they are NaN."""
        resized = cv2.resize(canvas, (self._WIDTH, self._HEIGHT), interpolation=cv2.INTER_AREA)
        values = (resized.astype(np.float32) - self.MEAN) / self.RANGE
        scores, boxes = self.network(np.ascontiguousarray(np.broadcast_to(values, (1, 3, self._HEIGHT, self._WIDTH))))
        chosen = scores[0, :, 1] > LOWEST
        offsets, priors = boxes[0, chosen], self._priors[chosen]
        centre = priors[:, :2] + 0.1 * offsets[:, :2] * priors[:, 2:]
        half = np.exp(0.2 * offsets[:, 2:]) * priors[:, 2:] / 2
        found = np.concatenate([centre - half, centre + half], axis=1) * self._size
        points = np.full((len(found), 5, 2), np.nan, np.float32)
        return suppress(Detections(found, points, scores[0, chosen, 1]), IOU_THRESHOLD, 400)


def opened(model: Path) -> TorchDetector | RuntimeDetector:
    """The detector of a .pt, .onnx or .tflite file.

    Raises:
        MienError: it is no model of mien, or of another task.
    """
    if (task := task_of(model)) != "face":
        raise MienError(f"{model}: is a model for {task!r}, not a face detector")
    if model.suffix == ".pt":
        return TorchDetector(model)
    return RuntimeDetector(model, "litert" if model.suffix == ".tflite" else "onnx")


def peers_folder() -> Path:
    """Where other people's models are looked for: $MIEN_PEERS, else ../shared/peers; they are no part of mien."""
    return Path(os.environ.get("MIEN_PEERS") or "../shared/peers")


def peers(height: int, width: int) -> tuple[dict[str, Detector], str]:
    """Other people's detectors for one input size, by name; and why there are none, if there are none.

    They are looked for in $MIEN_PEERS, else in ../shared/peers; they are no part of mien.
    """
    folder = peers_folder()
    found: dict[str, Detector] = {}
    if (path := folder / YuNet.FILE).is_file():
        found["yunet_n"] = YuNet(path, height, width)
    if (path := folder / RFB.FILE).is_file():
        found["rfb_320"] = RFB(path, height, width)
    return found, "" if found else f"not compared: no peer models in {folder}"
