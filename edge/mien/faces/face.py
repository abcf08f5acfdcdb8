"""A detected face and the boxes' arithmetic."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

LANDMARKS = ("right eye", "left eye", "nose", "right mouth corner", "left mouth corner")
"""Order of the five landmarks. Right and left as the person has them: the right eye is left in the picture."""


@dataclass(frozen=True, slots=True)
class Face:
    """One detected face, in pixels of the frame it was found in.

    Attributes:
        box: left, top, right, bottom; may reach over the frame's edge.
        landmarks: five (x, y) points in the order of `LANDMARKS`.
        score: detector confidence, 0 to 1.
    """

    box: tuple[float, float, float, float]
    landmarks: tuple[tuple[float, float], ...]
    score: float

    @property
    def height(self) -> float:
        """Height of the box in pixels."""
        return self.box[3] - self.box[1]


def iou(boxes: NDArray[np.float32], others: NDArray[np.float32]) -> NDArray[np.float32]:
    """Intersection over union of every pair: (N, 4) × (M, 4) → (N, M).

    Args:
        boxes: float32 (N, 4), left, top, right, bottom in any unit.
        others: float32 (M, 4), in the same unit.

    Returns:
        float32 (N, M) in 0..1; 0 where both boxes are empty.
    """
    left, top, right, bottom = boxes.T[:, :, None]  # (N, 1) each
    other_left, other_top, other_right, other_bottom = others.T[:, None, :]  # (1, M) each
    width = np.maximum(np.minimum(right, other_right) - np.maximum(left, other_left), 0)  # (N, M)
    height = np.maximum(np.minimum(bottom, other_bottom) - np.maximum(top, other_top), 0)
    shared = width * height
    area = np.maximum(right - left, 0) * np.maximum(bottom - top, 0)
    other_area = np.maximum(other_right - other_left, 0) * np.maximum(other_bottom - other_top, 0)
    return np.asarray(shared / np.maximum(area + other_area - shared, 1e-9), dtype=np.float32)
