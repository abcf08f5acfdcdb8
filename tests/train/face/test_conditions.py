from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest

from mien.faces.decode import Detections
from mien_train.data.faces import Photo, Photos
from mien_train.face import conditions


def _photo() -> Photo:
    luma = np.full((200, 160), 50, np.uint8)
    luma[60:140, 50:110] = 220
    points = np.array([[[65, 85], [95, 85], [80, 100], [68, 120], [92, 120]]], np.float32)
    box = np.array([[50, 60, 110, 140]], np.float32)
    return Photo(
        "portraits/a.webp",
        luma,
        box,
        points,
        np.array([False]),
        np.full((1, 4), np.nan, np.float32),
        np.ones(1, np.float32),
    )


class BrightBlock:
    """Finds the bright block, if it is bright enough."""

    height, width, score_threshold = 256, 320, 0.5

    def __call__(self, canvas: np.ndarray) -> Detections:
        rows, columns = np.nonzero(canvas > 180)
        if not len(rows):
            return Detections(np.empty((0, 4), np.float32), np.empty((0, 5, 2), np.float32), np.empty(0, np.float32))
        box = np.array([[columns.min(), rows.min(), columns.max() + 1, rows.max() + 1]], np.float32)
        everything = np.array([[0, 0, 320, 256]], np.float32)  # below the threshold, so no find
        scores = np.array([0.9, 0.4], np.float32)
        return Detections(np.concatenate([box, everything]), np.zeros((2, 5, 2), np.float32), scores)


def test_each_condition_stages_the_face_as_it_says(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(conditions, "opened", lambda model: BrightBlock())
    monkeypatch.setattr(conditions, "peers", lambda height, width: ({}, "none"))
    found, sheet = conditions.measure(Path("any"), Photos((_photo(),), ""), 10)
    recall = {row["condition"]: row["recall"]["mien"] for row in found["conditions"]}
    assert {name for name, value in recall.items() if value == 0} == {"dark", "backlit", "overexposed", "turned away"}
    assert recall["height 5%"] == recall["height 100%"] == recall["roll +20°"] == 1
    assert sheet.shape == (len(found["conditions"]) * 256, 8 * 320, 3)
    json.dumps(found)
