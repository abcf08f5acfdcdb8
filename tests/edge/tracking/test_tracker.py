from __future__ import annotations

import random
from collections.abc import Iterable

import pytest
from edge_fakes import face

from mien.faces.face import Face
from mien.tracking.tracker import Tracker

FRAME = 0.04


def numbers(tracker: Tracker, faces: Iterable[Face], seconds: float) -> tuple[int, ...]:
    return tuple(match.number for match in tracker.update(list(faces), round(seconds * 1e9)))


def test_faces_that_move_a_little_keep_their_number_whatever_their_order() -> None:
    tracker = Tracker()
    assert numbers(tracker, [face(0, 0), face(100, 0)], 0) == (1, 2)
    assert numbers(tracker, [face(104, 2), face(3, 1)], FRAME) == (2, 1)


def test_a_jump_of_less_than_a_face_keeps_the_number_and_a_farther_one_does_not() -> None:
    tracker = Tracker()
    assert numbers(tracker, [face(0, 0)], 0) == (1,)
    assert numbers(tracker, [face(28, 0)], FRAME) == (1,)  # 0.7 of a side
    tracker.reset()
    assert numbers(tracker, [face(0, 0)], 0) == (2,)
    assert numbers(tracker, [face(36, 0)], FRAME) == (3,)  # 0.9 of a side


def test_a_face_that_fits_well_is_not_taken_from_its_track_by_another_that_fits_badly() -> None:
    tracker = Tracker()
    assert numbers(tracker, [face(0, 0), face(60, 0)], 0) == (1, 2)
    # The first is 4 pixels from track 2, the second 20 from track 1.
    assert numbers(tracker, [face(56, 0), face(20, 0)], FRAME) == (2, 1)


@pytest.mark.parametrize("rate", [5, 10, 30, 60])
def test_a_track_outlives_its_last_sight_by_seconds_whatever_the_frame_rate(rate: int) -> None:
    def gone(seconds: float) -> tuple[int, ...]:
        tracker, steps = Tracker(max_age=0.6), round(seconds * rate)
        assert numbers(tracker, [face()], 0) == (1,)
        for step in range(1, steps):
            assert numbers(tracker, [], step / rate) == ()
        return numbers(tracker, [face()], steps / rate)

    assert gone(0.4) == (1,)
    assert gone(1.0) == (2,), "a number is never used twice"


def test_a_device_of_one_frame_a_second_follows_a_face_that_stays() -> None:
    tracker = Tracker(max_age=0.6)
    assert {numbers(tracker, [face(10 + index, 20)], index) for index in range(10)} == {(1,)}
    assert numbers(tracker, [face()], 13) == (2,), "a camera that stood still for longer starts anew"


@pytest.mark.parametrize("rate", [10, 15, 30])
def test_how_fast_a_face_may_move_does_not_depend_on_the_frame_rate(rate: int) -> None:
    tracker = Tracker()
    # Past the camera at 7 sides (280 pixels) a second: at 10 frames a second 0.7 of a side from frame to frame.
    assert {numbers(tracker, [face(280 * index / rate, 50)], index / rate) for index in range(2 * rate)} == {(1,)}


def test_a_moving_face_that_is_missed_is_found_where_it_should_be_by_now() -> None:
    tracker = Tracker()
    for index in range(10):
        assert numbers(tracker, [face(8 * index, 0)], index * FRAME) == (1,)  # 5 sides a second
    # Missed for 6 frames, 56 pixels or 1.4 sides on.
    for index in range(10, 16):
        assert numbers(tracker, [], index * FRAME) == ()
    assert tracker.update([face(8 * 16, 0)], round(16 * FRAME * 1e9)) == ((1, True),)


def test_another_face_at_the_place_of_one_that_left_does_not_inherit() -> None:
    def after(*faces: Face, wait: float) -> tuple[int, ...]:
        """A face stood for half a second, or walked out, and after a while comes the last of these."""
        tracker = Tracker()
        *before, entering = faces
        for index, known in enumerate(before):
            assert numbers(tracker, [known], index * FRAME) == (1,)
        left = len(before) * FRAME
        for index in range(round(wait / FRAME)):
            numbers(tracker, [], left + index * FRAME)
        return numbers(tracker, [entering], left + wait)

    stood = [face(100, 100, 60)] * 12
    assert after(*stood, face(100, 100, 60), wait=0.2) == (1,), "missed for a moment"
    assert after(*stood, face(100, 100, 60), wait=0.7) == (2,), "gone for too long"
    assert after(*stood, face(80, 80, 110), wait=0.2) == (2,), "of another size"
    walked = [face(500 + 8 * index, 100, 60) for index in range(12)]  # 3.3 sides a second, out of the picture
    assert after(*walked, face(580, 100, 60), wait=0.4) == (2,), "against the way that the first one went"


def test_two_faces_never_share_a_track() -> None:
    tracker = Tracker()
    assert numbers(tracker, [face(0, 0)], 0) == (1,)
    assert sorted(numbers(tracker, [face(2, 0), face(4, 0)], FRAME)) == [1, 2]


def test_faces_side_by_side_are_sure_and_faces_that_fall_together_are_not() -> None:
    tracker = Tracker()
    assert [m.sure for m in tracker.update([face(0, 0), face(40, 0)], 0)] == [True, True]
    assert [m.sure for m in tracker.update([face(1, 0), face(41, 0)], 40_000_000)] == [True, True]
    # 20 pixels from either: no one can say who moved.
    assert [m.sure for m in tracker.update([face(20, 0), face(22, 1)], 80_000_000)] == [False, False]


def test_a_face_that_comes_out_from_behind_another_is_not_sure_once() -> None:
    tracker, step = Tracker(), 40_000_000
    for index in range(5):
        assert [m.sure for m in tracker.update([face(0, 0), face(28, 0)], index * step)] == [True, True]
    for index in range(5, 10):
        assert tracker.update([face(0, 0)], index * step)[0].number == 1
    assert tracker.update([face(0, 0), face(28, 0)], 10 * step)[1] == (2, False)
    assert tracker.update([face(0, 0), face(28, 0)], 11 * step)[1] == (2, True)


def test_a_face_missed_with_nobody_near_stays_sure() -> None:
    tracker = Tracker()
    tracker.update([face()], 0)
    tracker.update([], 40_000_000)
    assert tracker.update([face()], 80_000_000) == ((1, True),)


def test_reset_forgets_the_tracks_and_goes_on_counting() -> None:
    tracker = Tracker()
    assert numbers(tracker, [face()], 5) == (1,)
    tracker.reset()
    assert tracker.tracks == ()
    assert numbers(tracker, [face()], 0) == (2,), "another clock may begin"
    assert numbers(tracker, [face()], FRAME) == (2,)


def test_time_that_stands_still_or_runs_back_counts_as_none() -> None:
    tracker = Tracker()
    assert [numbers(tracker, [face(index, 0)], 1) for index in range(20)] == [(1,)] * 20
    assert numbers(tracker, [face(20, 0)], 0.5) == (1,)
    assert numbers(tracker, [face(21, 0)], 0.54) == (1,), "and goes on from there"
    (track,) = tracker.tracks
    assert track.age == 0
    assert track.box == face(21, 0).box


def test_a_hidden_face_is_waited_for_and_not_for_ever() -> None:
    tracker = Tracker()
    numbers(tracker, [face(0, 0), face(20, 0)], 0)
    for index in range(1, 100):
        numbers(tracker, [face(0, 0)], index * FRAME)
        if abs(index * FRAME - 2) > FRAME:
            assert len(tracker.tracks) == (2 if index * FRAME < 2 else 1), index


def test_a_face_of_no_size_is_followed_without_an_error() -> None:
    tracker = Tracker()
    numbers(tracker, [face(5, 5, 0), face(5, 5, 40)], 0)
    assert len(numbers(tracker, [face(5, 5, 0), face(5, 5, 40)], FRAME)) == 2


def test_twenty_faces_keep_their_numbers_in_a_crowd() -> None:
    luck = random.Random(3)
    tracker, first = Tracker(), None
    for index in range(100):
        crowd = [
            face(50 * (who % 5) + index + luck.gauss(0, 1), 50 * (who // 5) + luck.gauss(0, 1)) for who in range(20)
        ]
        found = numbers(tracker, crowd, index * FRAME)
        first = first or found
        assert found == first
    assert first == tuple(range(1, 21))
