"""How well a face can be read, from what is at hand for nothing: its size, landmarks and score, and the crop's pixels.

A network's confidence is calibrated on pictures like those it learned from; on dark, blurred or covered ones it says
more than it should. What a crop lacks makes the probabilities flatter, and so readings uncertain, and says why.
"""

from __future__ import annotations

import math
from collections.abc import Sequence

import cv2
import numpy as np
from numpy.typing import NDArray

from mien.faces.face import Face
from mien.models.crop_quality import MEASURES, CropQuality
from mien.reading import AMBIGUOUS, BLURRED, COVERED, DARK, SMALL, TURNED

REASONS = (BLURRED, DARK, SMALL, TURNED, COVERED)
"""What can keep a face from being read."""

NOTICEABLE = 0.15
"""Share of flattening, as `Quality.pulls` gives it, from which a reason is named; less is in many clear faces."""

_OF = {
    "height": SMALL,
    "sharpness": BLURRED,
    "light": DARK,
    "contrast": BLURRED,
    "yaw": TURNED,
    "roll": TURNED,
    "score": COVERED,
    "rows": COVERED,
    "columns": COVERED,
}
"""Measure to the reason that a lack of it is."""

_GRID = 4
"""Rows and columns of cells into which a crop is divided to see where it is empty."""
_RIM = 4
"""Pixels of a crop's edge that do not count: hair and background."""


def measured(face: Face, crop: NDArray[np.uint8]) -> tuple[float, ...]:
    """`mien.models.crop_quality.MEASURES` of a face; less is worse in each case.

    Args:
        face: as the detector gave it, frame pixels.
        crop: its aligned crop, uint8 (48, 48).

    Returns:
        height: of the box in frame pixels, log2. sharpness: mean absolute Laplacian over the standard deviation of the
        luma, log2. light: mean luma, log2. contrast: standard deviation over mean of the luma, log2. yaw: distance of
        the nose from the middle of the eyes along their line, in eye distances, negative. roll: angle of the eyes' line
        in radians, negative. score: log-odds of the detector's score. rows, columns: mean absolute Laplacian of the
        emptiest quarter of the crop's rows (from the eyes down) and columns, over that of the whole, log2.
    """
    (right_x, right_y), (left_x, left_y), (nose_x, nose_y), _, _ = face.landmarks
    across_x, across_y = left_x - right_x, left_y - right_y
    apart = max(across_x * across_x + across_y * across_y, 1e-6)
    off = (nose_x - (right_x + left_x) / 2) * across_x + (nose_y - (right_y + left_y) / 2) * across_y
    score = min(max(face.score, 1e-4), 1 - 1e-4)

    means, deviations = cv2.meanStdDev(crop)
    mean, deviation = means.item(), deviations.item()
    edges = cv2.convertScaleAbs(cv2.Laplacian(crop, cv2.CV_16S))[_RIM:-_RIM, _RIM:-_RIM]
    cells = cv2.resize(edges.astype(np.float32), (_GRID, _GRID), interpolation=cv2.INTER_AREA).tolist()
    rows, columns = [sum(row) / _GRID for row in cells], [sum(column) / _GRID for column in zip(*cells, strict=True)]
    detail = sum(rows) / _GRID
    # The small addends keep black and empty crops finite; they are far below what any face has.
    return (
        math.log2(max(face.box.height, 1.0)),
        math.log2((detail + 0.25) / (deviation + 1)),
        math.log2(mean + 4),
        math.log2((deviation + 1) / (mean + 8)),
        -abs(off) / apart,
        -abs(math.atan2(across_y, across_x)),
        math.log(score / (1 - score)),
        math.log2((min(rows[1:]) + 0.25) / (detail + 0.25)),
        math.log2((min(columns) + 0.25) / (detail + 0.25)),
    )


class Quality:
    """Judges crops.

    Args:
        settings: of a model's sidecar.
    """

    def __init__(self, settings: CropQuality) -> None:
        self._terms = tuple(
            (measure.usual, measure.weight / measure.spread, REASONS.index(_OF[name]))
            for name, measure in zip(MEASURES, settings.measures, strict=True)
        )

    def pulls(self, faces: Sequence[Face], crops: NDArray[np.uint8]) -> NDArray[np.float32]:
        """How much each of `REASONS` flattens the probabilities.

        Args:
            faces: n of them, frame pixels.
            crops: of the same faces, uint8 (n, 48, 48).

        Returns:
            float32 (n, R), 0 or more; 0 where the crop lacks nothing.
        """
        found = np.zeros((len(faces), len(REASONS)), dtype=np.float32)
        for row, face, crop in zip(found, faces, crops, strict=True):
            # Nine products: plain numbers have them before numpy has made arrays of the measures.
            pulls = [0.0] * len(REASONS)
            for value, (usual, weight, index) in zip(measured(face, crop), self._terms, strict=True):
                if value < usual:
                    pulls[index] += (usual - value) * weight
            row[:] = pulls
        return found


def flattened(probabilities: NDArray[np.float32], pulls: NDArray[np.float32]) -> NDArray[np.float32]:
    """Probabilities at a temperature of 1 + the sum of the pulls: what a crop that lacks something really says.

    Args:
        probabilities: float32 (n, K), each row sums to 1.
        pulls: float32 (n, R), of `Quality.pulls`.

    Returns:
        float32 (n, K), each row sums to 1, and the labels in the same order of probability.
    """
    temperature = 1 + pulls.sum(axis=1, keepdims=True)
    raised = np.maximum(probabilities, np.float32(1e-7)) ** (1 / temperature)
    return np.asarray(raised / raised.sum(axis=1, keepdims=True), dtype=np.float32)


def reason(pulls: NDArray[np.float32]) -> str:
    """Why a reading is uncertain: the strongest of one face's pulls, float32 (R,), or `AMBIGUOUS` if all are weak."""
    best = int(np.argmax(pulls))
    return REASONS[best] if pulls[best] >= NOTICEABLE else AMBIGUOUS
