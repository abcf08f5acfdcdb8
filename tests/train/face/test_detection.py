from __future__ import annotations

import numpy as np
import pytest

from mien_train.face.detection import Truth, average_precision, match

NO_POINTS = np.full((0, 5, 2), np.nan, np.float32)


def _truth(boxes: list[list[float]], ignore: list[bool]) -> Truth:
    return Truth(np.array(boxes, np.float32), np.array(ignore), np.full((len(boxes), 5, 2), np.nan, np.float32))


def _boxes(*rows: list[float]) -> np.ndarray:
    return np.array(rows, np.float32)


def test_average_precision_by_hand() -> None:
    # Two faces; detections by score: right, wrong, right → precision 1, 1/2, 2/3; area 1·½ + ⅔·½ = 5/6.
    truth = _truth([[0, 0, 10, 10], [20, 20, 30, 30]], [False, False])
    found = _boxes([0, 0, 10, 10], [50, 50, 60, 60], [20, 20, 30, 30])
    matches = match(found, np.array([0.9, 0.8, 0.7], np.float32), truth, 0.5)
    assert matches.right.tolist() == [True, False, True]
    assert average_precision([matches], 2) == pytest.approx(5 / 6)


def test_a_second_detection_of_the_same_face_is_wrong() -> None:
    truth = _truth([[0, 0, 10, 10]], [False])
    matches = match(_boxes([0, 0, 10, 10], [0, 0, 10, 9]), np.array([0.9, 0.8], np.float32), truth, 0.5)
    assert matches.right.tolist() == [True, False]
    assert matches.counted.tolist() == [True, True]


def test_an_ignored_face_makes_a_detection_neither_right_nor_wrong() -> None:
    truth = _truth([[0, 0, 10, 10], [20, 20, 90, 90]], [False, True])
    found = _boxes([0, 0, 10, 10], [30, 30, 40, 40])  # the second lies inside a large ignored region
    matches = match(found, np.array([0.5, 0.9], np.float32), truth, 0.5)
    assert matches.scores.tolist() == pytest.approx([0.9, 0.5])
    assert matches.counted.tolist() == [False, True]
    assert average_precision([matches], 1) == 1.0


def test_small_strays_do_not_count_where_only_large_faces_do() -> None:
    truth = _truth([[0, 0, 30, 30]], [False])
    matches = match(_boxes([50, 50, 60, 60], [70, 0, 95, 25]), np.array([0.9, 0.8], np.float32), truth, 0.5, 20)
    assert matches.counted.tolist() == [False, True]


def test_no_detections_give_zero_and_no_faces_give_nan() -> None:
    nothing = match(np.empty((0, 4), np.float32), np.empty(0, np.float32), _truth([[0, 0, 9, 9]], [False]), 0.5)
    assert average_precision([nothing], 1) == 0.0
    assert np.isnan(average_precision([nothing], 0))
