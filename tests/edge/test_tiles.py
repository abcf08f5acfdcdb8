from __future__ import annotations

import itertools

import numpy as np

from mien.decode import Detections
from mien.tiles import OVERLAP, whole, windows


def _found(*boxes: list[float]) -> Detections:
    n = len(boxes)
    return Detections(np.array(boxes, np.float32), np.zeros((n, 5, 2), np.float32), np.full(n, 0.9, np.float32))


def test_tiles_of_640_by_480_cover_it_and_share_enough() -> None:
    found = windows((480, 640), (256, 320))
    assert len(found) == 9
    assert found[0] == (0, 0, 320, 256)
    assert found[-1] == (320, 224, 640, 480)
    covered = np.zeros((480, 640), bool)
    for left, top, right, bottom in found:
        assert (right - left, bottom - top) == (320, 256)
        covered[top:bottom, left:right] = True
    assert covered.all()
    lefts, tops = sorted({w[0] for w in found}), sorted({w[1] for w in found})
    assert all(a + 320 - b >= OVERLAP for a, b in itertools.pairwise(lefts))
    assert all(a + 256 - b >= OVERLAP for a, b in itertools.pairwise(tops))


def test_a_frame_that_fits_needs_no_tiles() -> None:
    assert windows((240, 320), (256, 320)) == ()


def test_every_face_up_to_the_overlap_lies_whole_in_some_tile() -> None:
    found = windows((480, 640), (256, 320))
    for x in range(0, 640 - OVERLAP, 7):
        for y in range(0, 480 - OVERLAP, 7):
            assert any(w[0] <= x and w[1] <= y and x + OVERLAP <= w[2] and y + OVERLAP <= w[3] for w in found)


def test_boxes_cut_by_a_tiles_edge_are_dropped_and_the_others_moved() -> None:
    found = _found([100, 100, 140, 140], [0, 50, 30, 90], [290, 50, 320, 90])
    kept = whole(found, (160, 0, 480, 256), (480, 640))
    assert kept.boxes.tolist() == [[260, 100, 300, 140]]
    # At the frame's own edge nothing is cut that another tile would show.
    kept = whole(_found([0, 50, 30, 90]), (0, 0, 320, 256), (480, 640))
    assert kept.boxes.tolist() == [[0, 50, 30, 90]]
