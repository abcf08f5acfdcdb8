"""A detected face, its box and landmarks, and the boxes' arithmetic."""

from __future__ import annotations

from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray


class Point(NamedTuple):
    """A place in a frame, pixels from its top left corner."""

    x: float
    y: float


class Box(NamedTuple):
    """A rectangle in a frame, pixels; it may reach over the frame's edge."""

    left: float
    top: float
    right: float
    bottom: float

    @property
    def width(self) -> float:
        """In pixels."""
        return self.right - self.left

    @property
    def height(self) -> float:
        """In pixels."""
        return self.bottom - self.top

    @property
    def centre(self) -> Point:
        """Its middle."""
        return Point((self.left + self.right) / 2, (self.top + self.bottom) / 2)

    def moved(self, x: float, y: float) -> Box:
        """The same box, shifted by so many pixels."""
        return Box(self.left + x, self.top + y, self.right + x, self.bottom + y)


class Landmarks(NamedTuple):
    """Five points of a face. Right and left as the person has them: the right eye is left in the picture."""

    right_eye: Point
    left_eye: Point
    nose: Point
    right_mouth_corner: Point
    left_mouth_corner: Point

    def moved(self, x: float, y: float) -> Landmarks:
        """The same points, shifted by so many pixels."""
        return Landmarks(*(Point(point.x + x, point.y + y) for point in self))


@dataclass(frozen=True, slots=True)
class Face:
    """One detected face, in pixels of the frame it was found in.

    Attributes:
        box: may reach over the frame's edge.
        landmarks: eyes, nose and corners of the mouth.
        score: detector confidence, 0 to 1.
    """

    box: Box
    landmarks: Landmarks
    score: float

    def moved(self, x: float, y: float) -> Face:
        """The same face, shifted by so many pixels."""
        return Face(self.box.moved(x, y), self.landmarks.moved(x, y), self.score)


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
