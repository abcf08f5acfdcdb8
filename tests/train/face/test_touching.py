"""Two faces that touch: both have cells of their own in training, and suppression keeps both."""

from __future__ import annotations

import os
from pathlib import Path

import numpy as np
import pytest
import torch

from mien.faces.decode import Detections, suppress
from mien.faces.letterbox import fit
from mien_train.data import faces
from mien_train.face.assign import assign, cells
from mien_train.face.detection import Truth
from mien_train.face.task import IOU_THRESHOLD, SMALLEST, truth_of
from mien_train.face.touching import pairs, touching
from mien_train.networks.face import STRIDES

DATA = Path(os.environ.get("MIEN_DATA") or "../shared/data")
SIZE = (256, 320)
ENOUGH = 15


def _truth(boxes: list[list[float]], ignore: list[bool]) -> Truth:
    return Truth(np.array(boxes, np.float32), np.array(ignore), np.full((len(boxes), 5, 2), np.nan, np.float32))


def _detections(boxes: np.ndarray, scores: list[float]) -> Detections:
    return Detections(
        np.asarray(boxes, np.float32), np.zeros((len(boxes), 5, 2), np.float32), np.array(scores, np.float32)
    )


# Overlaps: 0 and 1 by 10 × 40 of 2,800 (.14); 2 and 0 not; 3, ignored, 0 fully.
FOUR = _truth([[0, 0, 40, 40], [30, 0, 70, 40], [200, 0, 240, 40], [0, 0, 40, 40]], [False, False, False, True])


def test_pairs_are_faces_that_count_and_overlap_a_little() -> None:
    assert pairs(FOUR) == [(0, 1)]
    assert pairs(_truth([[0, 0, 40, 40], [4, 0, 44, 40]], [False, False])) == []  # IoU .82: one face drawn twice
    assert pairs(_truth([[0, 0, 40, 40], [39, 0, 79, 40]], [False, False])) == []  # IoU .01


def test_a_pair_counts_where_both_are_found_at_the_threshold() -> None:
    both, one = _detections(FOUR.boxes[:2], [0.9, 0.6]), _detections(FOUR.boxes[:2], [0.9, 0.4])
    found = touching([both, one, one], [FOUR, FOUR, _truth([[0, 0, 40, 40]], [False])], 0.5)
    assert (found.pairs, found.both) == (2, 1)
    assert found.document() == {"pairs": 2, "both": 1, "share": 0.5}
    assert touching([], [], 0.5).document() == {"pairs": 0, "both": 0, "share": None}


def _real() -> list[Truth]:
    """Validation photographs with such pairs, their faces in pixels of the network's input."""
    if not (DATA / "faces" / "faces.json").is_file():
        pytest.skip("needs the photographs of ../shared/data")
    found = []
    for row in faces._listed(DATA / "faces" / "faces.json", "val"):  # the labels alone: pixels would take seconds
        photo = faces._photo(row, np.zeros((row.height, row.width), np.uint8))
        truth = truth_of(photo, fit((row.height, row.width), SIZE).scale, SMALLEST)
        if pairs(truth):
            found.append(truth)
    return found


def test_both_faces_of_real_pairs_have_cells_and_survive_suppression() -> None:
    truths = _real()
    assert len(truths) >= ENOUGH
    grid = cells(*SIZE, STRIDES)
    seen = 0
    for truth in truths:
        real = np.flatnonzero(~truth.ignore)
        boxes = torch.from_numpy(truth.boxes)
        # Every cell predicts the face whose middle is nearest, as a network does that has learnt its task; or a box of
        # its own stride's size around itself, as one does that has learnt nothing.
        middles = (boxes[real, :2] + boxes[real, 2:]) / 2
        nearest = torch.cdist(grid.centres, middles).argmin(dim=1)
        half = 2 * grid.strides[:, None]
        untaught = torch.cat([grid.centres - half, grid.centres + half], dim=1)
        for predicted, score in ((boxes[real][nearest], 0.9), (untaught, 0.01)):
            found = assign(
                torch.full((1, len(grid.strides)), score),
                predicted[None],
                boxes,
                torch.zeros(len(boxes), dtype=torch.int64),
                torch.from_numpy(truth.ignore),
                grid,
            )
            for a, b in pairs(truth):
                mine, theirs = (set(found.cell[face][found.kept[face]].tolist()) for face in (a, b))
                assert mine
                assert theirs
                assert mine.isdisjoint(theirs)
        kept = suppress(_detections(truth.boxes[real], [0.9] * len(real)), IOU_THRESHOLD, 400)
        left = {tuple(box) for box in kept.boxes.tolist()}
        for a, b in pairs(truth):
            assert tuple(truth.boxes[a].tolist()) in left
            assert tuple(truth.boxes[b].tolist()) in left
            seen += 1
    assert seen >= ENOUGH
