"""What the detector's raw maps mean: sigmoid, boxes, landmarks, and suppression of duplicates.

A stride s has one map of fifteen channels, score, b₀ to b₃ and l₀ to l₉, or one for each of the three, as detectors of
earlier versions have. A cell (row, column) has its centre at ((column + ½) s, (row + ½) s). Its box is

    centre x = cell x + s·b₀,  centre y = cell y + s·b₁,  width = s·exp(b₂),  height = s·exp(b₃)

and landmark k is at (cell x + s·l₂ₖ, cell y + s·l₂ₖ₊₁), all in pixels of the network's input.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import cv2
import numpy as np
from numpy.typing import NDArray

from mien.faces.face import iou
from mien.models.contract import Output

AGREE = 0.65
"""Intersection over union from which a candidate has a say in where a face is."""
_FEW = 100
"""Products of faces and candidates up to which plain numbers are quicker than arrays."""

_LARGEST_EXPONENT = 6.0
"""exp(6) × stride 32 is 13,000 pixels: no face is larger, and float32 stays finite."""

# Sums of two of a row's four columns as one product of matrices: exact, since every other number, which is finite, is
# multiplied by 0; and a fifth of the time that numpy takes to add slices.
_CORNERS = np.array([[1, 0, 1, 0], [0, 1, 0, 1], [-1, 0, 1, 0], [0, -1, 0, 1]], dtype=np.float32)
"""From centre and half of width and height to left, top, right, bottom."""
_RECTANGLES = np.array([[1, 0, -1, 0], [0, 1, 0, -1], [0, 0, 1, 0], [0, 0, 0, 1]], dtype=np.float32)
"""From left, top, right, bottom to left, top, width, height."""


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
        outputs: of the bundle: one map a stride, or score maps by stride, then box maps, then landmark maps.
        strides: pixels per cell, in the same order.
        score_threshold: lowest score of a face, 0 to 1, both exclusive.
        iou_threshold: of two candidates that overlap more than this, the better one is the face.
        most: largest number of candidates that suppression looks at.
        slope, shift: a score is the sigmoid of slope × logit + shift; the slope is positive.
    """

    def __init__(
        self,
        outputs: tuple[Output, ...],
        strides: tuple[int, ...],
        score_threshold: float,
        iou_threshold: float,
        most: int = 400,
        slope: float = 1.0,
        shift: float = 0.0,
    ) -> None:
        self._levels = len(strides)
        self._maps = [
            _Maps(outputs[level :: self._levels], stride, score_threshold, slope, shift)
            for level, stride in enumerate(strides)
        ]
        self._iou_threshold = iou_threshold
        self._most = most

    def __call__(self, raw: tuple[NDArray[np.int8], ...]) -> Detections:
        """Raw int8 maps (1, h, w, 15), or (1, h, w, 1 | 4 | 10), in the bundle's order → detections."""
        parts = []
        for level, maps in enumerate(self._maps):
            if (part := maps.found(raw[level :: self._levels])) is not None:
                parts.append(part)
        if not parts:
            return Detections(np.empty((0, 4), np.float32), np.empty((0, 5, 2), np.float32), np.empty(0, np.float32))
        # A face alone is seen by the cells of one level, or of two.
        if len(parts) == 1:
            ((found, weights),) = parts
        else:
            found, weights = joined([part for part, _ in parts]), np.concatenate([each for _, each in parts])
        return merged(found, weights, self._iou_threshold, self._most)


class _Maps:
    """The map of one stride, or its three maps.

    An int8 output has one of 256 values: what each of them stands for is worked out once, exponentials and all, and
    looked up in a frame, which takes half of the time.

    Args:
        outputs: all in one, or score, box and landmarks.
        stride, score_threshold, slope, shift: see `Decoder`.
    """

    def __init__(
        self, outputs: tuple[Output, ...], stride: int, score_threshold: float, slope: float, shift: float
    ) -> None:
        score, box, points = outputs if len(outputs) > 1 else outputs * 3
        quantization = score.quantization
        logit = (math.log(score_threshold / (1 - score_threshold)) - shift) / slope
        self._centres = cell_centres(score.shape[1], score.shape[2], stride)
        # The threshold is applied to the raw int8 values; 128 is more than any of them. As an array of one number:
        # numpy would work out anew in each frame how a number of Python's compares with int8.
        least = math.ceil(logit / quantization.scale + quantization.zero_point)
        self._least: NDArray[np.int8 | np.int16] = np.array(
            min(max(least, -128), 128), dtype=np.int16 if least > 127 else np.int8
        )
        logits = quantization.table()
        self._scores, self._say = sigmoid(np.float32(slope) * logits + np.float32(shift)), say(logits)
        self._shifts, self._halves = _box_tables(box.quantization.table(), stride)
        self._points = _point_table(points.quantization.table(), stride)

    def found(self, raw: Sequence[NDArray[np.int8]]) -> tuple[Detections, NDArray[np.float32]] | None:
        """The cells of raw maps that reach the threshold, with their `say`; None if there is none."""
        maps = [part.reshape(-1, part.shape[3]) for part in raw]
        (cells,) = (maps[0][:, 0] >= self._least).nonzero()
        if not cells.size:
            return None
        # `take` costs half of what indexing with an array does
        chosen = [part.take(cells, axis=0).view(np.uint8) for part in maps]
        bits = chosen[0] if len(chosen) == 1 else np.concatenate(chosen, axis=1)
        centres = self._centres.take(cells, axis=0)
        middle, half = centres + self._shifts.take(bits[:, 1:3]), self._halves.take(bits[:, 3:5])
        corners = np.concatenate((middle, half), axis=1).dot(_CORNERS)
        away = self._points.take(bits[:, 5:]).reshape(-1, 5, 2)
        scored = bits[:, 0]
        return Detections(corners, centres[:, None] + away, self._scores.take(scored)), self._say.take(scored)


def _box_tables(values: NDArray[np.float32], stride: int) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
    """How far each value of a box's output shifts a centre, and half of the side that it means: pixels, (n,) each."""
    nothing, empty = np.zeros_like(values), np.full_like(values, -np.inf)  # exp(−∞) is no side at all
    origin, points = np.zeros((len(values), 2), np.float32), np.zeros((len(values), 10), np.float32)
    shifted, _ = decode_cells(origin, stride, np.stack([values, values, empty, empty], axis=1), points)
    sized, _ = decode_cells(origin, stride, np.stack([nothing, nothing, values, values], axis=1), points)
    return shifted[:, 0].copy(), sized[:, 2].copy()


def _point_table(values: NDArray[np.float32], stride: int) -> NDArray[np.float32]:
    """How far each value of a landmark's output lies from the centre: pixels, (n,)."""
    origin, boxes = np.zeros((len(values), 2), np.float32), np.zeros((len(values), 4), np.float32)
    _, points = decode_cells(origin, stride, boxes, np.repeat(values[:, None], 10, axis=1))
    return points[:, 0, 0].copy()


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


def say(logits: NDArray[np.float32]) -> NDArray[np.float32]:
    """How much a cell counts where its face's cells differ about its place, by its score before calibration.

    That score tells good places from better ones, while calibrated ones are all near 1. Its cube lies between its
    square, which suits `face-base` best on validation photographs, and its fourth power, which suits `face-small`; the
    table is in docs/training.md.

    Args:
        logits: float32, of any shape, as the network gives them.

    Returns:
        float32 of the same shape, 1e-18..1: above 0, so that what is the mean of anything stays finite.
    """
    score = np.maximum(sigmoid(logits), np.float32(1e-6))
    return score * score * score


def calibrated(score: float, slope: float, shift: float) -> float:
    """What the sigmoid of slope × logit + shift makes of a score above 0 and below 1."""
    return 1 / (1 + math.exp(-slope * math.log(score / (1 - score)) - shift))


def confident(found: Detections, score_threshold: float) -> Detections:
    """The detections of at least this score."""
    good = found.scores >= np.float32(score_threshold)
    return Detections(found.boxes[good], found.landmarks[good], found.scores[good])


def suppress(found: Detections, iou_threshold: float, most: int) -> Detections:
    """Greedy non-maximum suppression of the `most` best candidates; the result is sorted, best first."""
    return _taken(found, _kept(_rectangles(found), found.scores.tolist(), iou_threshold, most))


def merged(found: Detections, weights: NDArray[np.float32], iou_threshold: float, most: int) -> Detections:
    """`suppress`, and each face is where its candidates say on average.

    A face is seen by several cells, each of which is off by a little: the mean of the best one and of all that agree
    with it more than with any other face is off by less (box voting, Gidaris and Komodakis 2015). Landmarks likewise.
    The means of two faces may overlap more than their best candidates do.

    Args:
        found: the candidates.
        weights: float32 (n,), positive: see `say`.
        iou_threshold, most: see `suppress`.
    """
    rectangles, scores = _rectangles(found), found.scores.tolist()
    kept = _kept(rectangles, scores, iou_threshold, most)
    if not len(kept) or len(kept) == len(scores):
        return _taken(found, kept)
    few = len(kept) * len(scores) <= _FEW
    faces = _few_voters(rectangles, kept.tolist()) if few else _many_voters(found.boxes, kept)
    totals, numbers = [0.0] * len(kept), weights.tolist()
    for face, weight in zip(faces, numbers, strict=True):
        if face >= 0:
            totals[face] += weight
    shares = np.zeros((len(kept), len(scores)), dtype=np.float32)
    for candidate, (face, weight) in enumerate(zip(faces, numbers, strict=True)):
        if face >= 0:
            shares[face, candidate] = weight / totals[face]
    landmarks = shares.dot(found.landmarks.reshape(-1, 10)).reshape(-1, 5, 2)
    return Detections(shares.dot(found.boxes), landmarks, found.scores.take(kept))


def _rectangles(found: Detections) -> list[list[float]]:
    """Boxes as OpenCV has them: left, top, width, height; it would take an array apart row by row, 0.5 µs a box."""
    rectangles: list[list[float]] = found.boxes.dot(_RECTANGLES).tolist()
    return rectangles


def _kept(rectangles: list[list[float]], scores: list[float], iou_threshold: float, most: int) -> NDArray[np.intp]:
    return np.asarray(cv2.dnn.NMSBoxes(rectangles, scores, 0.0, iou_threshold, top_k=most), dtype=np.intp)


def _taken(found: Detections, kept: NDArray[np.intp]) -> Detections:
    return Detections(found.boxes.take(kept, axis=0), found.landmarks.take(kept, axis=0), found.scores.take(kept))


def _few_voters(rectangles: list[list[float]], kept: list[int]) -> list[int]:
    """Number of the face that each candidate has a say in, −1 for none; a kept one counts for itself alone.

    In plain numbers: of one face's dozen candidates numpy would know no sooner.
    """
    faces = [-1] * len(rectangles)
    for face, best in enumerate(kept):
        faces[best] = face
    for index, (left, top, width, height) in enumerate(rectangles):
        if faces[index] >= 0:
            continue
        least = AGREE
        for face, best in enumerate(kept):
            other, above, wide, high = rectangles[best]
            across = min(left + width, other + wide) - max(left, other)
            down = min(top + height, above + high) - max(top, above)
            if across > 0 and down > 0:
                overlap = across * down / (width * height + wide * high - across * down)
                if overlap >= least and (overlap > least or faces[index] < 0):
                    faces[index], least = face, overlap
    return faces


def _many_voters(boxes: NDArray[np.float32], kept: NDArray[np.intp]) -> list[int]:
    """The same of more, as arrays."""
    overlaps = iou(boxes.take(kept, axis=0), boxes)
    faces = np.where(overlaps.max(axis=0) >= AGREE, overlaps.argmax(axis=0), -1)
    faces[kept] = np.arange(len(kept))
    numbers: list[int] = faces.tolist()
    return numbers


def joined(parts: Sequence[Detections]) -> Detections:
    """The detections of one or more parts, in their order."""
    return Detections(
        np.concatenate([part.boxes for part in parts]),
        np.concatenate([part.landmarks for part in parts]),
        np.concatenate([part.scores for part in parts]),
    )
