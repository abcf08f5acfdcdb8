from __future__ import annotations

import json

import numpy as np
import pytest

from mien.errors import MienError
from mien.faces.decode import Detections
from mien_train.data.faces import Photo
from mien_train.face import score_calibration
from mien_train.face.detection import Truth
from mien_train.face.score_calibration import Judged, error, fit, judge, judged, reliability

UNDRAWN = np.full((2, 4), np.nan, np.float32)


def _found(*rows: tuple[list[float], float]) -> Detections:
    n = len(rows)
    return Detections(
        np.array([box for box, _ in rows], np.float32).reshape(n, 4),
        np.zeros((n, 5, 2), np.float32),
        np.array([score for _, score in rows], np.float32),
    )


def _truth(*boxes: list[float], ignore: tuple[bool, ...]) -> Truth:
    n = len(boxes)
    return Truth(np.array(boxes, np.float32), np.array(ignore), np.full((n, 5, 2), np.nan, np.float32))


def _judged(slope: float, shift: float, n: int) -> Judged:
    """Detections whose share of right ones is the sigmoid of a line through their logits."""
    rng = np.random.default_rng(0)
    scores = rng.uniform(0.06, 0.95, n)
    right = rng.random(n) < 1 / (1 + np.exp(-slope * np.log(scores / (1 - scores)) - shift))
    return Judged(scores, right, np.arange(n) % 2 == 0)


def test_a_detection_is_right_once_and_wrong_beside_a_face_and_nothing_on_an_ignored_one() -> None:
    truth = _truth([0, 0, 40, 40], [100, 100, 140, 140], ignore=(False, True))
    found = _found(
        ([0, 0, 40, 24], 0.5),  # IoU 0.6, but the face is found by the better one
        ([0, 0, 40, 40], 0.9),
        ([100, 100, 140, 140], 0.8),
        ([200, 0, 240, 40], 0.7),
        ([200, 100, 210, 110], 0.6),  # lower than 12 pixels
    )
    scores, right = judged(found, truth, UNDRAWN)
    assert scores.tolist() == pytest.approx([0.9, 0.7, 0.5])
    assert right.tolist() == [True, False, False]


def test_a_persons_box_makes_a_detection_right_as_the_label_does() -> None:
    truth = _truth([0, 0, 40, 40], [100, 100, 140, 140], ignore=(False, True))
    drawn = np.array([[0, 20, 40, 60], [100, 120, 140, 160]], np.float32)
    found = _found(
        ([0, 24, 40, 64], 0.9), ([100, 124, 140, 164], 0.8)
    )  # IoU of the label's box 0.25, of the drawn 0.82
    scores, right = judged(found, truth, drawn)
    assert (scores.tolist(), right.tolist()) == (pytest.approx([0.9]), [True])
    assert judged(found, truth, UNDRAWN)[1].tolist() == [False, False]
    again = _found(([0, 0, 40, 40], 0.9), ([0, 24, 40, 64], 0.8))  # the same face a second time
    assert judged(again, truth, drawn)[1].tolist() == [True, False]


def test_the_line_that_made_the_shares_is_found_again_and_reported_on_the_other_half() -> None:
    found = fit(_judged(1.5, 1.2, 20_000))
    assert found is not None
    assert (found.slope, found.shift) == (pytest.approx(1.5, abs=0.1), pytest.approx(1.2, abs=0.1))
    assert (found.fitted_on, found.reported_on) == (10_000, 10_000)
    assert found.error_before > 0.1
    assert found.error_after < 0.02
    (high,) = [part for part in found.after if part.low == 0.8]
    assert high.right == pytest.approx(high.score, abs=0.03)
    json.dumps(found.document(), allow_nan=False)
    assert {"slope", "shift"}.isdisjoint(found.document())


def test_the_half_that_reports_has_no_say() -> None:
    some = _judged(1.5, 1.2, 4_000)
    turned = Judged(some.scores, np.where(some.fitting, some.right, ~some.right), some.fitting)
    one, other = fit(some), fit(turned)
    assert one is not None
    assert other is not None
    assert (one.slope, one.shift) == (other.slope, other.shift)
    assert other.error_after > 0.2


def test_too_few_detections_give_none_and_a_falling_line_is_refused() -> None:
    some = _judged(1.0, 0.0, 300)
    assert fit(some) is None
    with pytest.raises(MienError, match="cannot be calibrated: slope -"):
        fit(_judged(-1.0, 0.0, 4_000))
    with pytest.raises(MienError, match="not above 0 and below 1"):
        fit(Judged(np.array([1.0]), np.array([True]), np.array([True])))


def test_bins_and_error_by_hand() -> None:
    scores = np.array([0.81, 0.85, 0.12, 1.0])
    right = np.array([True, False, False, True])
    low, high, top = reliability(scores, right)
    assert (low.low, low.n, low.score, low.right) == (0.1, 1, 0.12, 0)
    assert (high.low, high.n, high.score, high.right) == (0.8, 2, pytest.approx(0.83), 0.5)
    assert (top.low, top.n, top.right) == (0.9, 1, 1)
    assert error(scores, right) == pytest.approx((0.12 + 2 * 0.33 + 0) / 4)
    assert error(np.empty(0), np.empty(0, bool)) == 0


def test_photographs_are_divided_by_their_names_and_each_is_letterboxed() -> None:
    sizes = []

    def detector(canvas: np.ndarray) -> Detections:
        sizes.append(canvas.shape)
        return _found(([10, 10, 50, 50], 0.9))

    def photo(name: str) -> Photo:
        box = np.array([[20, 20, 100, 100]], np.float32)  # half as large in the network's input
        return Photo(
            name,
            np.zeros((128, 128), np.uint8),
            box,
            np.full((1, 5, 2), np.nan, np.float32),
            np.array([False]),
            np.full((1, 4), np.nan, np.float32),
            np.ones(1, np.float32),
        )

    found = judge(detector, (64, 96), [photo(f"rooms/{k}.webp") for k in range(6)])
    assert sizes == [(64, 96)] * 6
    assert found.right.all()
    assert np.flatnonzero(~found.fitting).tolist() == [2, 4, 5]
    empty = judge(detector, (64, 96), [])
    assert (len(empty.scores), fit(empty)) == (0, None)
    assert score_calibration.RECORD == "calibration"
