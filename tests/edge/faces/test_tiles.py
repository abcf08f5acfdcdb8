from __future__ import annotations

import itertools

import cv2
import numpy as np
import pytest
from numpy.typing import NDArray

from mien.faces.decode import Detections
from mien.faces.tiles import LOOKS, OVERLAP, again, scan, whole, windows

TILE = (256, 320)


def _found(*boxes: list[float]) -> Detections:
    n = len(boxes)
    return Detections(
        np.array(boxes, np.float32).reshape(n, 4), np.zeros((n, 5, 2), np.float32), np.full(n, 0.9, np.float32)
    )


def _scored(*boxes_and_scores: list[float] | float) -> Detections:
    found = _found(*(one for one in boxes_and_scores if isinstance(one, list)))
    scores = [one for one in boxes_and_scores if isinstance(one, float)]
    return Detections(found.boxes, found.landmarks, np.array(scores, np.float32))


class Blocks:
    """Finds bright blocks, but none lower than 20 pixels once what it is given was fitted into its input."""

    def __init__(self) -> None:
        self.shapes: list[tuple[int, ...]] = []

    def __call__(self, luma: NDArray[np.uint8]) -> Detections:
        self.shapes.append(luma.shape)
        scale = min(TILE[0] / luma.shape[0], TILE[1] / luma.shape[1])
        _, _, stats, _ = cv2.connectedComponentsWithStats((luma > 128).astype(np.uint8))
        rows = [[x, y, x + w, y + h] for x, y, w, h, _ in stats[1:].tolist() if h * scale >= 20]
        found = _found(*rows)
        middles = (found.boxes[:, None, :2] + found.boxes[:, None, 2:]) / 2
        return Detections(found.boxes, np.repeat(middles, 5, axis=1), found.scores)


def test_640_by_480_takes_nine_tiles_magnified_by_what_they_need_not_share() -> None:
    found = windows((480, 640), TILE)
    assert len(found) == 9
    assert found[0] == (0, 0, 246, 197)  # (640 + 2 × 48) / 3 wide, and as high as the network's shape wants
    assert found[-1] == (394, 283, 640, 480)
    covered = np.zeros((480, 640), bool)
    for left, top, right, bottom in found:
        assert (right - left, bottom - top) == (246, 197)
        covered[top:bottom, left:right] = True
    assert covered.all()


def test_a_frame_that_fits_needs_no_tiles() -> None:
    assert windows((240, 320), TILE) == ()


@pytest.mark.parametrize(
    ("frame", "tile"),
    [
        ((480, 640), TILE),
        ((480, 640), (128, 160)),
        ((640, 480), (320, 256)),
        ((720, 1280), TILE),
        ((257, 320), TILE),
        ((200, 1000), TILE),
        ((1080, 1920), TILE),
    ],
)
def test_tiles_are_no_larger_than_the_network_and_share_enough(frame: tuple[int, int], tile: tuple[int, int]) -> None:
    found = windows(frame, tile)
    assert len(found) > 1
    assert all(right - left <= tile[1] and bottom - top <= tile[0] for left, top, right, bottom in found)
    for low, high, length in ((0, 2, frame[1]), (1, 3, frame[0])):
        spans = sorted({(w[low], w[high]) for w in found})
        assert (spans[0][0], spans[-1][1]) == (0, length)
        assert all(first[1] - second[0] >= OVERLAP for first, second in itertools.pairwise(spans))


def test_every_face_up_to_the_overlap_lies_whole_in_some_tile() -> None:
    found = windows((480, 640), TILE)
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


def test_a_scan_finds_small_faces_in_tiles_and_large_ones_whole_and_each_once() -> None:
    frame = np.zeros((480, 640), np.uint8)
    blocks = [
        [20, 20, 36, 36],  # 16 pixels: 8 in the whole frame's input, 20.8 in a tile's
        [200, 145, 240, 190],  # where four tiles meet, whole in all of them
        [300, 230, 500, 430],  # cut by every tile
    ]
    for left, top, right, bottom in blocks:
        frame[top:bottom, left:right] = 255
    look = Blocks()
    found = scan(frame, TILE, look, 400)
    assert sorted(found.boxes.tolist()) == blocks
    middles = [[(left + right) / 2, (top + bottom) / 2] for left, top, right, bottom in found.boxes.tolist()]
    assert found.landmarks[:, 0].tolist() == middles
    assert look.shapes == [(480, 640)] + [(197, 246)] * 9


def test_small_boxes_of_the_whole_frame_and_large_boxes_of_a_tile_are_not_believed() -> None:
    def look(luma: NDArray[np.uint8]) -> Detections:
        if luma.shape == (480, 640):
            return _found([100, 100, 130, 130], [300, 200, 340, 240])
        if luma[0, 0]:  # the first tile
            return _found([104, 104, 124, 124], [40, 40, 185, 150], [10, 10, 90, 90])
        return _found()

    frame = np.zeros((480, 640), np.uint8)
    frame[0, 0] = 1
    found = scan(frame, TILE, look, 400)
    # 145 pixels are 72.5 in the whole frame's input, which would have shown a face as large as that.
    assert sorted(found.boxes.tolist()) == [[10, 10, 90, 90], [104, 104, 124, 124], [300, 200, 340, 240]]


class Twice:
    """Sees 40 × 40 blocks of one grey each, with a score of its own in tiles, and another in a second look."""

    def __init__(self, scores: dict[int, tuple[float, float]]) -> None:
        self.shapes: list[tuple[int, ...]] = []
        self._scores = scores

    def __call__(self, luma: NDArray[np.uint8]) -> Detections:
        self.shapes.append(luma.shape)
        # A second look at 40 pixels shows 1.25 times the network's input.
        again = luma.shape == (320, 400)
        boxes, scores = [], []
        for grey, pair in self._scores.items() if luma.shape != (480, 640) else ():
            rows, columns = np.nonzero(luma == grey)
            if len(rows):
                boxes.append([float(v) for v in (columns.min(), rows.min(), columns.max() + 1, rows.max() + 1)])
                scores.append(pair[again])
        return _scored(*boxes, *scores)


def _blocks(*places: tuple[int, int, int]) -> NDArray[np.uint8]:
    frame = np.zeros((480, 640), np.uint8)
    for grey, left, top in places:
        frame[top : top + 40, left : left + 40] = grey
    return frame


def test_what_only_a_tile_shows_has_the_lower_score_of_two_looks() -> None:
    look = Twice({50: (0.9, 0.7), 60: (0.8, 0.85), 70: (0.9, 0.5), 80: (0.55, 0.9)})
    frame = _blocks((50, 20, 20), (60, 560, 20), (70, 20, 430), (80, 560, 430))
    found = scan(frame, TILE, look, 400, 0.5, 0.6)
    # 70 is not confirmed, and 80 was too doubtful from the beginning: three second looks.
    assert found.boxes.tolist() == [[560, 20, 600, 60], [20, 20, 60, 60]]
    assert found.scores.tolist() == pytest.approx([0.8, 0.7])
    assert look.shapes == [(480, 640)] + [(197, 246)] * 9 + [(320, 400)] * 3


def test_without_a_threshold_of_tiles_nothing_is_looked_at_again() -> None:
    look = Twice({50: (0.9, 0.1), 60: (0.4, 0.9)})
    found = scan(_blocks((50, 20, 20), (60, 560, 20)), TILE, look, 400, 0.5)
    assert found.scores.tolist() == pytest.approx([0.9])
    assert len(look.shapes) == 10


def test_only_the_least_certain_ones_are_looked_at_again() -> None:
    greys = range(50, 50 + LOOKS + 2)
    look = Twice({grey: (0.6 + grey / 1000, 0.1) for grey in greys})
    frame = _blocks(*((grey, 20 + 70 * (k % 8), 20 + 200 * (k // 8)) for k, grey in enumerate(greys)))
    found = scan(frame, TILE, look, 400, 0.5, 0.6)
    assert look.shapes.count((320, 400)) == LOOKS
    assert found.scores.tolist() == pytest.approx([0.657, 0.656])


def test_what_the_whole_frame_shows_needs_no_second_look() -> None:
    def look(luma: NDArray[np.uint8]) -> Detections:
        shapes.append(luma.shape)
        return _scored([300, 200, 340, 240], 0.5) if luma.shape == (480, 640) else _found()

    shapes: list[tuple[int, ...]] = []
    assert len(scan(np.zeros((480, 640), np.uint8), TILE, look, 400, 0.5, 0.9).boxes) == 1
    assert len(shapes) == 10
    assert len(scan(np.zeros((480, 640), np.uint8), TILE, look, 400, 0.51, 0.2).boxes) == 0
    # A frame that fits is looked at once, and has no tiles.
    fits = scan(np.zeros((240, 320), np.uint8), TILE, lambda luma: _scored([9, 9, 40, 40], 0.6), 400, 0.5, 0.9)
    assert fits.scores.tolist() == pytest.approx([0.6])


def test_a_second_look_shows_the_face_in_the_middle_and_at_the_frames_edge_as_it_can() -> None:
    shown = []

    def look(luma: NDArray[np.uint8]) -> Detections:
        shown.append((luma.shape, int(luma[0, 0])))
        return _scored([90, 70, 110, 90], 0.7, [0, 0, 20, 20], 0.6)

    frame = (np.arange(480)[:, None] // 4 + np.zeros(640, int)).astype(np.uint8)
    # 20 pixels high: a window of 160 × 200 around (370, 280).
    assert again(frame, np.array([360, 270, 380, 290], np.float32), TILE, look) == pytest.approx(0.7)
    assert again(frame, np.array([0, 0, 20, 20], np.float32), TILE, look) == pytest.approx(0.6)
    assert again(frame, np.array([620, 460, 640, 480], np.float32), TILE, look) == 0
    assert shown == [((160, 200), 200 // 4), ((160, 200), 0), ((160, 200), 320 // 4)]
    # What fills the frame is seen in all of it.
    again(frame, np.array([0, 0, 400, 480], np.float32), TILE, look)
    assert shown[-1][0] == (480, 640)


def test_a_frame_that_fits_is_looked_at_once_and_small_faces_stay() -> None:
    look = Blocks()
    frame = np.zeros((240, 300), np.uint8)
    frame[50:72, 60:82] = 255
    assert scan(frame, TILE, look, 400).boxes.tolist() == [[60, 50, 82, 72]]
    assert look.shapes == [(240, 300)]
