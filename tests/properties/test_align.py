"""The aligned crop: any frame and any finite landmarks give a crop, degenerate ones too; others are refused."""

from __future__ import annotations

import cv2
import numpy as np
from edge_fakes import TEMPLATE
from hypothesis import example, given
from hypothesis import strategies as st
from strategies import refused

from mien.emotions import align

LARGEST = float(np.finfo(np.float32).max)
pixels = st.floats(-50, 400, width=32)
anywhere = pixels | st.floats(-1e6, 1e6, width=32)


def _points(coordinates: st.SearchStrategy[float]) -> st.SearchStrategy[list[list[float]]]:
    free = st.lists(st.tuples(coordinates, coordinates).map(list), min_size=5, max_size=5)
    one_place = st.tuples(coordinates, coordinates).map(lambda point: [list(point)] * 5)
    on_a_line = st.tuples(coordinates, coordinates, coordinates, coordinates).map(
        lambda ends: [[ends[0] + k / 4 * (ends[2] / 4 - ends[0] / 4), ends[1] / 2 + k / 8 * ends[3]] for k in range(5)]
    )
    return free | one_place | on_a_line


frames = st.tuples(st.integers(1, 90), st.integers(1, 90), st.integers(0, 99)).map(
    lambda size: np.random.default_rng(size[2]).integers(0, 256, size[:2], dtype=np.uint8)
)


@given(frames, st.lists(_points(anywhere), max_size=3))
@example(np.zeros((40, 40), np.uint8), [[[7.0, 7.0]] * 5])
@example(np.zeros((40, 40), np.uint8), [[[1e6, 1e6], [-1e6, 0], [0, 0], [1, 1], [2, 2]]])
@example(np.full((1, 1), 95, np.uint8), [[[0.0, k * 3.87885029231229e-29] for k in range(5)]])
@example(np.zeros((1, 1), np.uint8), [[[1e6, 0], [-1e6, 0], [0, 1e6], [0, 0], [2, 2]]])
def test_any_landmarks_within_a_million_pixels_give_a_crop_out_of_the_frame(
    luma: np.ndarray, landmarks: list[list[list[float]]]
) -> None:
    points = np.array(landmarks, np.float32).reshape(-1, 5, 2)
    crops = align.crop(luma, points, TEMPLATE)
    assert (crops.shape, crops.dtype) == ((len(landmarks), 48, 48), np.uint8)
    if crops.size:  # nothing is made up: every pixel is one of the frame's, or between them
        assert crops.min() >= luma.min()
        assert crops.max() <= luma.max()


@given(_points(pixels), st.sampled_from([np.nan, np.inf, -np.inf, LARGEST, -1e20, 1.1e6]), st.integers(0, 9))
@example([[0.0, 0.0]] * 5, LARGEST, 3)
def test_a_landmark_that_is_no_number_or_that_no_frame_can_hold_is_refused(
    landmarks: list[list[float]], odd: float, place: int
) -> None:
    points = np.array([landmarks], np.float32)
    points.reshape(-1)[place] = odd
    refused(lambda: align.crop(np.zeros((9, 9), np.uint8), points, TEMPLATE))


@given(st.floats(0.3, 6), st.floats(-np.pi, np.pi), st.floats(-100, 100), st.floats(-100, 100))
def test_the_similarity_undoes_any_turn_scale_and_shift(scale: float, angle: float, x: float, y: float) -> None:
    turn = scale * np.array([[np.cos(angle), -np.sin(angle)], [np.sin(angle), np.cos(angle)]])
    moved = (TEMPLATE @ turn.T + [x, y]).astype(np.float32)
    (matrix,) = align.similarity(moved[None], TEMPLATE)
    back = moved @ matrix[:, :2].T + matrix[:, 2]
    assert np.abs(back - TEMPLATE).max() < 0.01


@given(_points(pixels))
def test_the_similarity_of_degenerate_landmarks_is_finite_and_no_reflection(landmarks: list[list[float]]) -> None:
    (matrix,) = align.similarity(np.array([landmarks], np.float32), TEMPLATE)
    assert np.isfinite(matrix).all()
    assert np.linalg.det(matrix[:, :2].astype(np.float64)) >= -1e-6
    cv2.invertAffineTransform(matrix)
