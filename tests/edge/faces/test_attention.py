from __future__ import annotations

import numpy as np
import pytest
from numpy.typing import NDArray

from mien.errors import MienError
from mien.faces.attention import AttentiveDetector, detected, window
from mien.faces.face import Box, Face, Landmarks, Point
from mien.laps import Laps


def _face(left: float, top: float, side: float = 40) -> Face:
    return Face(Box(left, top, left + side, top + side), Landmarks(*[Point(left + 1, top + 2)] * 5), 0.9)


class Scripted:
    """Answers with the faces it was told to see, and remembers the sizes of the frames it got."""

    def __init__(self, answers: list[tuple[Face, ...]]) -> None:
        self._answers = iter(answers)
        self.sizes: list[tuple[int, ...]] = []

    def detect(self, luma: NDArray[np.uint8], laps: Laps | None = None) -> tuple[Face, ...]:
        self.sizes.append(luma.shape)
        return next(self._answers)

    def close(self) -> None:
        pass


class Willing(Scripted):
    """One that takes a smaller picture, and remembers its size in place of the frame's."""

    def detect(
        self, luma: NDArray[np.uint8], laps: Laps | None = None, small: NDArray[np.uint8] | None = None
    ) -> tuple[Face, ...]:
        return super().detect(luma if small is None else small, laps)


FRAME = np.zeros((480, 640), np.uint8)
SMALL = np.zeros((240, 320), np.uint8)


def test_between_full_scans_only_the_window_around_known_faces_is_looked_at() -> None:
    scan, look = Scripted([(_face(100, 100),)] * 2), Scripted([(_face(30, 30),)] * 2)
    detector = AttentiveDetector(scan, look, every=3)
    boxes = [detector.detect(FRAME)[0].box for _ in range(4)]
    assert scan.sizes == [(480, 640)] * 2  # frames 1 and 4
    assert look.sizes == [(101, 101)] * 2  # 40 pixels of face, 30 of room on each side
    # Found at (30, 30) of the window at (70, 70); then at (30, 30) of the window at (70, 70) again.
    assert boxes == [(100, 100, 140, 140)] * 4


def test_landmarks_move_with_the_box() -> None:
    detector = AttentiveDetector(Scripted([(_face(100, 100),)]), Scripted([(_face(30, 30),)]), every=9)
    detector.detect(FRAME)
    assert detector.detect(FRAME)[0].landmarks[0] == (101, 102)


def test_a_lost_face_is_searched_for_in_the_same_frame() -> None:
    scan, look = Scripted([(_face(100, 100),), (_face(400, 200),)]), Scripted([()])
    detector = AttentiveDetector(scan, look, every=10)
    detector.detect(FRAME)
    assert detector.detect(FRAME)[0].box == (400, 200, 440, 240)


def test_a_face_that_one_look_misses_is_found_by_the_next() -> None:
    scan = Scripted([(_face(100, 100), _face(400, 200))])
    # The window is that of both: from (70, 70) on, then from (74, 70).
    look = Scripted([(_face(34, 30),), (_face(326, 130), _face(34, 30))])
    detector = AttentiveDetector(scan, look, every=10)
    seen = [[face.box.left for face in detector.detect(FRAME)] for _ in range(3)]
    assert seen == [[100, 400], [104], [400, 108]]
    assert look.sizes == [(201, 401), (201, 397)]  # not only the surroundings of the first


def test_where_looks_go_on_missing_a_face_the_next_frame_is_scanned_and_whoever_has_left_costs_one_scan() -> None:
    near, far = _face(100, 100), _face(400, 200)
    scan, look = Scripted([(near, far), (near, far), (near,)]), Scripted([(_face(30, 30),)] * 6)
    detector = AttentiveDetector(scan, look, every=10)
    assert [len(detector.detect(FRAME)) for _ in range(9)] == [2, 1, 1, 2, 1, 1, 1, 1, 1]
    assert len(scan.sizes) == 3  # frames 1, 4 and 7
    assert look.sizes == [(201, 401)] * 4 + [(101, 101)] * 2


def test_a_face_that_moves_as_far_as_there_is_room_is_no_missed_one() -> None:
    scan, look = Scripted([(_face(100, 100), _face(400, 200))]), Scripted([(_face(60, 60), _face(330, 130))] * 2)
    detector = AttentiveDetector(scan, look, every=10)
    for _ in range(3):
        detector.detect(FRAME)
    assert look.sizes == [(201, 401), (171, 371)]  # from (130, 130) less the room on


def test_with_nobody_known_every_frame_is_scanned() -> None:
    scan, look = Scripted([()] * 5), Scripted([])
    detector = AttentiveDetector(scan, look, every=10)
    for _ in range(5):
        assert detector.detect(FRAME) == ()
    assert len(scan.sizes) == 5


def test_whole_frames_are_scanned_in_the_smaller_picture_and_windows_are_not() -> None:
    scan, look = Willing([(_face(100, 100),)] * 2), Willing([(_face(30, 30),), ()])
    detector = AttentiveDetector(scan, look, every=9)
    for _ in range(3):  # scanned, looked at, lost and scanned in the same frame
        detector.detect(FRAME, small=SMALL)
    assert scan.sizes == [(240, 320)] * 2
    assert look.sizes == [(101, 101)] * 2


def test_a_detector_that_takes_no_smaller_picture_gets_the_frame() -> None:
    for kind, size in ((Scripted, (480, 640)), (Willing, (240, 320))):
        detector = kind([()])
        assert detected(detector, FRAME, None, SMALL) == ()
        assert detector.sizes == [size]


def test_the_window_stays_in_the_frame() -> None:
    assert window((_face(0, 0), _face(600, 440)), (480, 640)) == (0, 0, 640, 480)
    assert window((_face(-300, -300),), (480, 640)) == (0, 0, 1, 1)


def test_scanning_less_often_than_never_is_refused() -> None:
    with pytest.raises(MienError, match="every 0 frames; give 1 or more"):
        AttentiveDetector(Scripted([]), Scripted([]), every=0)
