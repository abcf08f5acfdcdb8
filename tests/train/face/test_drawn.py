from __future__ import annotations

import numpy as np
import pytest

from mien.faces.decode import Detections
from mien_train.face.drawn import Mapping, fit


def test_the_mapping_between_two_conventions_is_found_in_spite_of_strays() -> None:
    rng = np.random.default_rng(0)
    found, drawn = [], []
    for _ in range(30):
        left, top = rng.uniform(0, 200, 2)
        side = rng.uniform(20, 60)
        box = np.array([left, top, left + side, top + 1.25 * side], np.float32)
        stray = box + 300
        found.append(
            Detections(np.stack([box, stray]), np.zeros((2, 5, 2), np.float32), np.array([0.9, 0.8], np.float32))
        )
        drawn.append(np.stack([Mapping(0.02, 0.1, 1.05, 0.85)(box[None])[0], np.full(4, np.nan, np.float32)]))
    mapping = fit(found, drawn)
    assert [mapping.shift_x, mapping.shift_y, mapping.width, mapping.height] == pytest.approx(
        [0.02, 0.1, 1.05, 0.85], abs=1e-3
    )


def test_nothing_to_fit_on_leaves_boxes_as_they_are() -> None:
    boxes = np.array([[1, 2, 30, 40]], np.float32)
    assert fit([], [])(boxes).tolist() == boxes.tolist()
