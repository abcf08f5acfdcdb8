"""The one crop: five landmarks onto a template, for training on detector crops and for the kiosk alike."""

from __future__ import annotations

from collections.abc import Sequence

import cv2
import numpy as np
from numpy.typing import NDArray

from mien.errors import MienError
from mien.faces.face import Face
from mien.frame import checked_luma

SIZE = 48
"""Side of a crop in pixels: FER2013's own size."""

_FIFTH = np.full(5, 0.2, dtype=np.complex64)
_FARTHEST = 1e6
"""Pixels: no face of any frame has a landmark further out, and the arithmetic in float32 stays finite."""


def landmarks_of(faces: Sequence[Face]) -> NDArray[np.float32]:
    """Landmarks of n faces as float32 (n, 5, 2), in frame pixels."""
    return np.asarray([face.landmarks for face in faces], dtype=np.float32).reshape(-1, 5, 2)


def similarity(landmarks: NDArray[np.float32], template: NDArray[np.float32]) -> NDArray[np.float32]:
    """The rotation, scale and shift that best lays landmarks onto a template (least squares).

    With points as complex numbers this is the regression z' = a·z + b (Umeyama 1991, without reflection).

    Args:
        landmarks: float32 (n, 5, 2), frame pixels.
        template: float32 (5, 2), crop pixels.

    Returns:
        float32 (n, 2, 3), each the affine matrix from frame to crop.
    """
    # float32 pairs (x, y) are complex64 numbers as they lie in memory.
    source = np.ascontiguousarray(landmarks, dtype=np.float32).view(np.complex64)[..., 0]  # (n, 5)
    target = np.ascontiguousarray(template, dtype=np.float32).view(np.complex64)[..., 0]  # (5,)
    source_mean, target_mean = source @ _FIFTH, target @ _FIFTH
    apart = source - source_mean[:, None]
    spread = np.square(apart.view(np.float32)).sum(axis=1)
    turn = (apart.conj() @ (target - target_mean)) / np.maximum(spread, 1e-6)
    shift = target_mean - turn * source_mean
    matrices = np.empty((len(landmarks), 2, 3), dtype=np.float32)
    matrices[:, 0, 0] = matrices[:, 1, 1] = turn.real
    matrices[:, 1, 0] = turn.imag
    matrices[:, 0, 1] = -turn.imag
    matrices[:, 0, 2], matrices[:, 1, 2] = shift.real, shift.imag
    return matrices


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
    if not (np.abs(landmarks) <= _FARTHEST).all():  # nor is a NaN
        raise MienError(f"a landmark is not within {_FARTHEST:g} pixels; give finite frame pixels, see landmarks_of")
    crops = np.empty((len(landmarks), SIZE, SIZE), dtype=np.uint8)
    for matrix, out in zip(similarity(landmarks, template), crops, strict=True):
        _warp(luma, matrix, out)
    return crops


def _warp(luma: NDArray[np.uint8], matrix: NDArray[np.float32], out: NDArray[np.uint8]) -> None:
    shrink = 1 / max(float(np.hypot(matrix[0, 0], matrix[1, 0])), 1e-6)  # frame pixels per crop pixel
    # warpAffine treats INTER_AREA as bilinear and would skip pixels of a large face: first shrink the face's
    # surroundings by averaging, to between one and a half and two and a half times the crop, then warp that.
    factor = round(shrink / 2)
    if factor >= 2:
        inverse = cv2.invertAffineTransform(matrix)
        corners = np.array([[0, 0], [SIZE, 0], [0, SIZE], [SIZE, SIZE]], np.float32) @ inverse[:, :2].T + inverse[:, 2]
        height, width = luma.shape
        left, top = np.clip(np.floor(corners.min(axis=0)).astype(int) - factor, 0, [width - 1, height - 1])
        right, bottom = np.clip(np.ceil(corners.max(axis=0)).astype(int) + factor, [left + 1, top + 1], [width, height])
        size = (max(1, (right - left) // factor), max(1, (bottom - top) // factor))
        part = cv2.resize(luma[top:bottom, left:right], size, interpolation=cv2.INTER_AREA)
        scale = np.array([(right - left) / size[0], (bottom - top) / size[1]], np.float32)
        # Part pixel p has its centre at (p + ½)·scale − ½ + corner in the frame.
        offset = 0.5 * scale - 0.5 + np.array([left, top], np.float32)
        matrix = np.concatenate([matrix[:, :2] * scale, (matrix[:, :2] @ offset + matrix[:, 2])[:, None]], axis=1)
        luma = np.asarray(part, dtype=np.uint8)
    cv2.warpAffine(luma, matrix, (SIZE, SIZE), dst=out, flags=cv2.INTER_LINEAR, borderMode=cv2.BORDER_REPLICATE)
