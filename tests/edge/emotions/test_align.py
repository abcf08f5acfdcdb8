from __future__ import annotations

import cv2
import numpy as np
import pytest

from mien.emotions import align

TEMPLATE = np.array([[15, 18], [33, 18], [24, 28], [17, 37], [31, 37]], np.float32)


def _turned(points: np.ndarray, degrees: float, scale: float, shift: tuple[float, float]) -> np.ndarray:
    angle = np.radians(degrees)
    turn = scale * np.array([[np.cos(angle), -np.sin(angle)], [np.sin(angle), np.cos(angle)]], np.float32)
    return (points @ turn.T + shift).astype(np.float32)


@pytest.mark.parametrize(("degrees", "scale"), [(0, 1), (30, 2.5), (-75, 0.4), (180, 5)])
def test_similarity_undoes_any_turn_scale_and_shift(degrees: float, scale: float) -> None:
    landmarks = _turned(TEMPLATE, degrees, scale, (100, 60))
    (matrix,) = align.similarity(landmarks[None], TEMPLATE)
    assert landmarks @ matrix[:, :2].T + matrix[:, 2] == pytest.approx(TEMPLATE, abs=1e-3)


@pytest.mark.parametrize("scale", [1.0, 1.7, 3.0, 4.5, 9.0, 14.0])
def test_marks_at_the_landmarks_land_on_the_template_at_every_size(scale: float) -> None:
    frame = np.zeros((900, 900), np.uint8)
    landmarks = _turned(TEMPLATE, 12, scale, (180, 60))
    for x, y in landmarks:
        cv2.circle(frame, (round(float(x)), round(float(y))), max(1, round(1.2 * scale)), 255, -1)
    (crop,) = align.crop(frame, landmarks[None], TEMPLATE)
    assert crop.shape == (48, 48)
    for x, y in TEMPLATE.astype(int):
        patch = crop[y - 4 : y + 5, x - 4 : x + 5].astype(float)
        rows, columns = np.indices(patch.shape)
        assert patch.sum() > 0
        centre = (rows * patch).sum() / patch.sum(), (columns * patch).sum() / patch.sum()
        assert centre == pytest.approx((4, 4), abs=0.75)


def test_a_large_face_is_averaged_not_sampled() -> None:
    checkers = (np.indices((960, 960)).sum(axis=0) % 2 * 255).astype(np.uint8)
    (crop,) = align.crop(checkers, (TEMPLATE * 20)[None], TEMPLATE)
    assert np.abs(crop.astype(int) - 128).max() <= 3


def test_a_face_beyond_the_edge_repeats_the_edge() -> None:
    frame = np.full((100, 100), 77, np.uint8)
    (crop,) = align.crop(frame, (TEMPLATE * 3 - 60)[None], TEMPLATE)
    assert (crop == 77).all()


def test_no_faces_give_no_crops() -> None:
    assert align.crop(np.zeros((9, 9), np.uint8), align.landmarks_of([]), TEMPLATE).shape == (0, 48, 48)
