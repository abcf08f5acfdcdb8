"""The one crop: five landmarks onto a template, for training on detector crops and for the kiosk alike."""

from __future__ import annotations

import math
from collections.abc import Sequence
from functools import lru_cache

import cv2
import numpy as np
from numpy.typing import NDArray

from mien.errors import MienError
from mien.faces.face import Face
from mien.frame import checked_luma

SIZE = 48
"""Side of a crop in pixels: FER2013's own size."""

_CORNERS = np.array([[0, 0], [SIZE, 0], [0, SIZE], [SIZE, SIZE]], dtype=np.float32)
_SMALLEST = 1e-6
"""Crop pixels per frame pixel: landmarks that mean less, such as five in one place, mean none."""
_TOO_LONG = 32767
"""Pixels a side from which OpenCV's warpAffine refuses a picture: it counts in 16 bits."""
_FARTHEST = 1e6
"""Pixels: no face of any frame has a landmark further out, and the arithmetic in float32 stays finite."""


def landmarks_of(faces: Sequence[Face]) -> NDArray[np.float32]:
    """Landmarks of n faces as float32 (n, 5, 2), in frame pixels."""
    # numpy takes a flat list in a quarter to half of the time that it needs to look into nested ones.
    flat = [number for face in faces for point in face.landmarks for number in point]
    return np.array(flat, dtype=np.float32).reshape(-1, 5, 2)


def similarity(landmarks: NDArray[np.float32], template: NDArray[np.float32]) -> NDArray[np.float32]:
    """The rotation, scale and shift that best lays landmarks onto a template (least squares, Umeyama 1991, without
    reflection).

    Args:
        landmarks: float32 (n, 5, 2), frame pixels.
        template: float32 (5, 2), crop pixels.

    Returns:
        float32 (n, 2, 3), each the affine matrix from frame to crop.
    """
    return _matrices(landmarks.tolist(), template)


def _matrices(faces: Sequence[Sequence[Sequence[float]]], template: NDArray[np.float32]) -> NDArray[np.float32]:
    """`similarity` of each face's five points."""
    middle_x, middle_y, targets = _target(np.ascontiguousarray(template, dtype=np.float32).tobytes())
    # In plain numbers: what numpy needs for each of a dozen operations on five points is more than all of this takes.
    matrices = []
    for points in faces:
        mean_x, mean_y = sum(x for x, _ in points) / 5, sum(y for _, y in points) / 5
        along = across = spread = 0.0
        for (x, y), (to_x, to_y) in zip(points, targets, strict=True):
            x, y = x - mean_x, y - mean_y
            along += x * to_x + y * to_y
            across += x * to_y - y * to_x
            spread += x * x + y * y
        cosine, sine = along / max(spread, 1e-6), across / max(spread, 1e-6)
        if math.hypot(cosine, sine) < _SMALLEST:
            cosine = sine = 0.0  # a matrix whose inverse is finite, or none at all
        shift_x = middle_x - cosine * mean_x + sine * mean_y
        shift_y = middle_y - sine * mean_x - cosine * mean_y
        matrices.append(((cosine, -sine, shift_x), (sine, cosine, shift_y)))
    return np.array(matrices, dtype=np.float32).reshape(-1, 2, 3)


@lru_cache(maxsize=4)
def _target(template: bytes) -> tuple[float, float, tuple[tuple[float, float], ...]]:
    """Mean of a template's points and where each lies from it: the same for each frame of a run."""
    points = np.frombuffer(template, dtype=np.float32).astype(np.float64).reshape(5, 2)
    mean = points.mean(axis=0)
    return float(mean[0]), float(mean[1]), tuple((x, y) for x, y in (points - mean).tolist())


def crop(luma: NDArray[np.uint8], landmarks: NDArray[np.float32], template: NDArray[np.float32]) -> NDArray[np.uint8]:
    """Cut aligned faces out of a frame.

    Args:
        luma: uint8 (H, W).
        landmarks: float32 (n, 5, 2), frame pixels, −1e6 to 1e6.
        template: float32 (5, 2), where the landmarks go in the crop, in crop pixels.

    Returns:
        uint8 (n, 48, 48); beyond the frame's edge its last pixels are repeated.

    Raises:
        MienError: not such a frame or landmarks.
    """
    luma = checked_luma(luma)
    if landmarks.shape[1:] != (5, 2):
        raise MienError(f"landmarks must be numbers (n, 5, 2), not {landmarks.shape}; see landmarks_of")
    faces = landmarks.tolist()
    if not all(-_FARTHEST <= number <= _FARTHEST for points in faces for point in points for number in point):
        raise MienError(f"a landmark is not within {_FARTHEST:g} pixels; give finite frame pixels, see landmarks_of")
    crops = np.empty((len(landmarks), SIZE, SIZE), dtype=np.uint8)
    for matrix, out in zip(_matrices(faces, template), crops, strict=True):
        _warp(luma, matrix, out)
    return crops


def _warp(luma: NDArray[np.uint8], matrix: NDArray[np.float32], out: NDArray[np.uint8]) -> None:
    shrink = 1 / max(math.hypot(matrix[0, 0], matrix[1, 0]), _SMALLEST)  # frame pixels per crop pixel
    # warpAffine treats INTER_AREA as bilinear and would skip pixels of a large face: first shrink the face's
    # surroundings by averaging, to between one and a half and two and a half times the crop, then warp that.
    factor = round(shrink / 2)
    if factor >= 2 or max(luma.shape) >= _TOO_LONG:
        luma, matrix = _shrunk(luma, matrix, max(factor, 1))
    cv2.warpAffine(luma, matrix, (SIZE, SIZE), dst=out, flags=cv2.INTER_LINEAR, borderMode=cv2.BORDER_REPLICATE)


def _shrunk(
    luma: NDArray[np.uint8], matrix: NDArray[np.float32], factor: int
) -> tuple[NDArray[np.uint8], NDArray[np.float32]]:
    """The part of a frame that a crop shows, a whole number of times smaller, and the matrix from there to the crop."""
    inverse = cv2.invertAffineTransform(matrix)
    # Four corners in plain numbers: numpy's `clip`, `floor` and `min` would take 20 µs a face more.
    across, down = zip(*(_CORNERS @ inverse[:, :2].T + inverse[:, 2]).tolist(), strict=True)
    height, width = luma.shape
    left = min(max(math.floor(min(across)) - factor, 0), width - 1)
    top = min(max(math.floor(min(down)) - factor, 0), height - 1)
    right = min(max(math.ceil(max(across)) + factor, left + 1), width)
    bottom = min(max(math.ceil(max(down)) + factor, top + 1), height)
    size = (max(1, (right - left) // factor), max(1, (bottom - top) // factor))
    part = cv2.resize(luma[top:bottom, left:right], size, interpolation=cv2.INTER_AREA)
    scale = np.array([(right - left) / size[0], (bottom - top) / size[1]], np.float32)
    # Part pixel p has its centre at (p + ½)·scale − ½ + corner in the frame.
    offset = 0.5 * scale - 0.5 + np.array([left, top], np.float32)
    moved = np.empty((2, 3), dtype=np.float32)
    np.multiply(matrix[:, :2], scale, out=moved[:, :2])
    np.add(matrix[:, :2] @ offset, matrix[:, 2], out=moved[:, 2])
    return np.asarray(part, dtype=np.uint8), moved
