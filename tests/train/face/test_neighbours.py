from __future__ import annotations

import numpy as np

from mien.faces.decode import Detections, suppress
from mien.faces.face import iou
from mien_train.data.faces import Photo
from mien_train.face import neighbours
from mien_train.face.compose import Picture
from mien_train.face.scraps import Scraps
from mien_train.face.task import IOU_THRESHOLD

NONE = np.zeros((0, 64, 64), np.uint8)


def _head() -> Photo:
    """A bright head of 80×100 with white eyes, on black."""
    luma = np.zeros((300, 300), np.uint8)
    luma[40:260, 60:240] = 200
    points = np.array([[130, 130], [170, 130], [150, 150], [135, 170], [165, 170]], np.float32)
    for x, y in points.astype(int):
        luma[y - 4 : y + 5, x - 4 : x + 5] = 255
    box = np.array([[110, 100, 190, 200]], np.float32)
    unknown = np.full((1, 4), np.nan, np.float32)
    return Photo("portraits/a", luma, box, points[None], np.array([False]), unknown, np.array([0.85], np.float32))


def _picture(box: list[float] | None = None) -> Picture:
    luma = np.full((256, 320), 50, np.uint8)
    boxes = np.array([box or [140, 90, 188, 150]], np.float32)
    return Picture(luma, boxes, np.full((1, 5, 2), 1.0, np.float32), np.array([False]), np.ones(1, np.float32))


def _joined(picture: Picture, count: int = 60) -> list[Picture]:
    scraps = Scraps(NONE, NONE, NONE, ((_head(), 0),))
    found = [neighbours.join(picture, scraps, np.random.default_rng(seed)) for seed in range(count)]
    made = [other for other in found if len(other.boxes) == 2]
    assert len(made) > 25
    return made


def test_a_neighbour_lies_beside_the_face_with_its_labels_on_its_eyes() -> None:
    picture = _picture()
    seen = 0
    for other in _joined(picture):
        assert other.luma.dtype == np.uint8
        assert np.array_equal(other.boxes[0], picture.boxes[0])
        assert 0.65 * 60 - 1 <= other.boxes[1, 3] - other.boxes[1, 1] <= 1.5 * 60 + 1
        assert other.landmarks[1, 0, 0] < other.landmarks[1, 1, 0]  # the right eye stays left of the left one
        for x, y in other.landmarks[1]:
            if not (132 <= x <= 196 and 74 <= y <= 160):  # not behind the face
                assert other.luma[int(y), int(x)] > 215
                seen += 1
        assert other.certainty.tolist() == [1.0, np.float32(0.85)]
    assert seen > 100
    assert (picture.luma == 50).all()


def test_touching_faces_overlap_and_suppression_keeps_them_both() -> None:
    overlaps = []
    for other in _joined(_picture()):
        overlaps.append(float(iou(other.boxes[:1], other.boxes[1:])[0, 0]))
        both = Detections(other.boxes, other.landmarks, np.array([0.9, 0.8], np.float32))
        assert len(suppress(both, IOU_THRESHOLD, 10).scores) == 2
    assert max(overlaps) > 0.2
    assert max(overlaps) <= neighbours.MOST_OVERLAP


def test_in_front_it_hides_the_face_and_behind_it_does_not() -> None:
    hidden = []
    for other in _joined(_picture()):
        middle = other.luma[100:140, 148:180]
        hidden.append(float((middle != 50).mean()))
    assert min(hidden) == 0
    assert max(hidden) > 0.2


def test_a_face_that_is_mostly_hidden_is_no_longer_asked_for() -> None:
    picture = _picture()
    for other in _joined(picture, 200):
        left, top, right, bottom = other.boxes[0].astype(int)
        share = float((np.abs(other.luma[top:bottom, left:right].astype(int) - 50) > 75).mean())
        assert bool(other.ignore[0]) == (share > 0.5) or abs(share - 0.5) < 0.05


def test_nothing_is_laid_where_there_is_no_room_or_no_face_or_no_head() -> None:
    scraps = Scraps(NONE, NONE, NONE, ((_head(), 0),))
    filling, tiny = _picture([10, 2, 300, 254]), _picture([100, 100, 108, 110])
    for seed in range(20):
        rng = np.random.default_rng(seed)
        assert neighbours.join(filling, scraps, rng) is filling
        assert neighbours.join(tiny, scraps, rng) is tiny
        assert neighbours.join(_picture(), Scraps(NONE, NONE, NONE, ()), rng).boxes.shape == (1, 4)
