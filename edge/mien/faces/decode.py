"""What the detector's raw maps mean: sigmoid, boxes, landmarks, and suppression of duplicates.

A cell (row, column) of the map with stride s has its centre at ((column + ½) s, (row + ½) s). Its box is

    centre x = cell x + s·b₀,  centre y = cell y + s·b₁,  width = s·exp(b₂),  height = s·exp(b₃)

and landmark k is at (cell x + s·l₂ₖ, cell y + s·l₂ₖ₊₁), all in pixels of the network's input.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import cv2
import numpy as np
from numpy.typing import NDArray

from mien.models.contract import Output

_LARGEST_EXPONENT = 6.0
"""exp(6) × stride 32 is 13,000 pixels: no face is larger, and float32 stays finite."""


@dataclass(frozen=True, slots=True, eq=False)
class Detections:
    """Faces in pixels of the network's input, best first.

    Attributes:
        boxes: float32 (n, 4), left, top, right, bottom.
        landmarks: float32 (n, 5, 2), x and y.
        scores: float32 (n,), 0..1.
    """

    boxes: NDArray[np.float32]
    landmarks: NDArray[np.float32]
    scores: NDArray[np.float32]


class Decoder:
    """Turns the raw int8 outputs of a detector into detections.

    Args:
        outputs: of the bundle: score maps by stride, then box maps, then landmark maps.
        strides: pixels per cell, in the same order.
        score_threshold: lowest score of a face, 0 to 1, both exclusive.
        iou_threshold: of two faces that overlap more than this, the better one stays.
        most: largest number of candidates that suppression looks at.
    """

    def __init__(
        self,
        outputs: tuple[Output, ...],
        strides: tuple[int, ...],
        score_threshold: float,
        iou_threshold: float,
        most: int = 400,
    ) -> None:
        levels = len(strides)
        self._strides = strides
        self._scores, self._boxes, self._landmarks = (
            outputs[:levels],
            outputs[levels : 2 * levels],
            outputs[2 * levels :],
        )
        self._iou_threshold = iou_threshold
        self._most = most
        # The threshold is applied to the raw int8 values; only what passes is ever turned into floats.
        self._cells = [cell_centres(o.shape[1], o.shape[2], s) for o, s in zip(self._scores, strides, strict=True)]
        logit = math.log(score_threshold / (1 - score_threshold))
        self._least = [math.ceil(logit / o.quantization.scale + o.quantization.zero_point) for o in self._scores]

    def __call__(self, raw: tuple[NDArray[np.int8], ...]) -> Detections:
        """Raw int8 maps (1, h, w, 1 | 4 | 10), in the bundle's order → detections."""
        boxes, landmarks, scores = [], [], []
        for level, stride in enumerate(self._strides):
            score = raw[level].reshape(-1)
            cells = np.flatnonzero(score >= self._least[level])
            if not cells.size:
                continue
            box = raw[len(self._strides) + level].reshape(-1, 4)[cells]
            points = raw[2 * len(self._strides) + level].reshape(-1, 10)[cells]
            decoded = decode_cells(
                self._cells[level][cells],
                stride,
                self._boxes[level].quantization.dequantize(box),
                self._landmarks[level].quantization.dequantize(points),
            )
            boxes.append(decoded[0])
            landmarks.append(decoded[1])
            scores.append(sigmoid(self._scores[level].quantization.dequantize(score[cells])))
        if not boxes:
            return Detections(np.empty((0, 4), np.float32), np.empty((0, 5, 2), np.float32), np.empty(0, np.float32))
        return suppress(
            Detections(np.concatenate(boxes), np.concatenate(landmarks), np.concatenate(scores)),
            self._iou_threshold,
            self._most,
        )


def cell_centres(rows: int, columns: int, stride: int) -> NDArray[np.float32]:
    """Centres of a map's cells, row by row: float32 (rows × columns, 2), x and y in input pixels."""
    y, x = np.divmod(np.arange(rows * columns), columns)
    return (np.stack([x, y], axis=1).astype(np.float32) + 0.5) * np.float32(stride)


def decode_cells(
    centres: NDArray[np.float32], stride: int, box: NDArray[np.float32], points: NDArray[np.float32]
) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
    """Boxes and landmarks of chosen cells of one map.

    Args:
        centres: float32 (n, 2) of the cells, input pixels.
        stride: pixels per cell.
        box: float32 (n, 4), raw.
        points: float32 (n, 10), raw.

    Returns:
        float32 (n, 4) left, top, right, bottom, and float32 (n, 5, 2), in input pixels.
    """
    step = np.float32(stride)
    middle = centres + step * box[:, :2]
    half = np.exp(np.minimum(box[:, 2:], _LARGEST_EXPONENT)) * (step / 2)
    corners = np.concatenate([middle - half, middle + half], axis=1)
    return corners, centres[:, None] + step * points.reshape(-1, 5, 2)


def sigmoid(logits: NDArray[np.float32]) -> NDArray[np.float32]:
    """1 / (1 + exp(−x)) of float32 of any shape, without overflow."""
    return np.asarray(0.5 * (1 + np.tanh(0.5 * logits)), dtype=np.float32)


def suppress(found: Detections, iou_threshold: float, most: int) -> Detections:
    """Greedy non-maximum suppression of the `most` best candidates; the result is sorted, best first."""
    boxes = found.boxes.copy()
    boxes[:, 2:] -= boxes[:, :2]  # OpenCV's rectangles have a width and a height
    kept = np.asarray(cv2.dnn.NMSBoxes(boxes, found.scores, 0.0, iou_threshold, top_k=most), dtype=np.intp)  # type: ignore[arg-type]
    return Detections(found.boxes[kept], found.landmarks[kept], found.scores[kept])
