"""Figures of a detector: average precision with ignored regions, as in the COCO and WIDER FACE protocols."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from mien.faces.face import iou


@dataclass(frozen=True, slots=True, eq=False)
class Truth:
    """The faces of one image, in pixels of the network's input.

    Attributes:
        boxes: float32 (n, 4).
        ignore: bool (n,): finding one is neither right nor wrong.
        landmarks: float32 (n, 5, 2), NaN where unknown.
    """

    boxes: NDArray[np.float32]
    ignore: NDArray[np.bool_]
    landmarks: NDArray[np.float32]


@dataclass(frozen=True, slots=True, eq=False)
class Matches:
    """Detections of one image against its truth.

    Attributes:
        scores: float32 (m,), best first.
        right: bool (m,), the detection found a face that counts.
        counted: bool (m,), false where it fell on something ignored.
        face: int64 (m,), the face found, −1 for none.
    """

    scores: NDArray[np.float32]
    right: NDArray[np.bool_]
    counted: NDArray[np.bool_]
    face: NDArray[np.int64]


def match(
    boxes: NDArray[np.float32], scores: NDArray[np.float32], truth: Truth, threshold: float, smallest: float = 0.0
) -> Matches:
    """Greedy matching, best score first; every face can be found once, ignored ones any number of times.

    Args:
        boxes: float32 (m, 4), same pixels as the truth.
        scores: float32 (m,).
        truth: the faces.
        threshold: least intersection over union.
        smallest: detections lower than this many pixels that match nothing are not counted.
    """
    order = np.argsort(-scores, kind="stable")
    overlap = iou(boxes[order], truth.boxes)
    right, counted = np.zeros(len(order), bool), np.ones(len(order), bool)
    face = np.full(len(order), -1, np.int64)
    free = ~truth.ignore
    for row in range(len(order)):
        open_faces = np.where(free, overlap[row], 0.0)
        if open_faces.size and open_faces.max() >= threshold:
            face[row] = int(open_faces.argmax())
            right[row], free[face[row]] = True, False
        else:
            ignored = np.any(overlap[row, truth.ignore] >= threshold) or _covered(boxes[order[row]], truth)
            counted[row] = not (ignored or boxes[order[row], 3] - boxes[order[row], 1] < smallest)
    return Matches(scores[order], right, counted, face)


def _covered(box: NDArray[np.float32], truth: Truth) -> bool:
    """Whether more than half of a box lies in one ignored region (crowds are ignored as one large box)."""
    regions = truth.boxes[truth.ignore]
    if not len(regions):
        return False
    shared = np.clip(np.minimum(box[2:], regions[:, 2:]) - np.maximum(box[:2], regions[:, :2]), 0, None).prod(axis=1)
    return bool(shared.max() > 0.5 * (box[2:] - box[:2]).prod())


def average_precision(matches: list[Matches], faces: int) -> float:
    """Area under the precision envelope over all recalls.

    Args:
        matches: of every image.
        faces: number of faces that count.
    """
    if not faces:
        return float("nan")
    scores = np.concatenate([m.scores[m.counted] for m in matches])
    right = np.concatenate([m.right[m.counted] for m in matches])[np.argsort(-scores, kind="stable")]
    found = np.cumsum(right)
    precision = found / np.arange(1, len(right) + 1)
    envelope = np.maximum.accumulate(precision[::-1])[::-1]
    return float(np.sum(envelope[right]) / faces)
