from __future__ import annotations

from edge_fakes import face

from mien.tracking.tracker import Tracker


def test_faces_that_move_a_little_keep_their_number_whatever_their_order() -> None:
    tracker = Tracker()
    assert tracker.update([face(0, 0), face(100, 0)]) == (1, 2)
    assert tracker.update([face(104, 2), face(3, 1)]) == (2, 1)


def test_a_jump_without_overlap_but_near_keeps_the_number() -> None:
    tracker = Tracker()
    assert tracker.update([face(0, 0, side=40)]) == (1,)
    # 28 pixels to the right: overlap (40-28)/(40+28) = 0.18 < 0.3, distance 28/40 = 0.7 of a side <= 0.75.
    assert tracker.update([face(28, 0, side=40)]) == (1,)
    # 31 pixels: 0.775 of a side.
    assert tracker.update([face(59, 0, side=40)]) == (2,)


def test_overlap_wins_over_nearness() -> None:
    tracker = Tracker()
    assert tracker.update([face(0, 0), face(60, 0)]) == (1, 2)
    # The first overlaps track 2 well; the second is only near track 1.
    assert tracker.update([face(56, 0), face(20, 0)]) == (2, 1)


def test_a_track_survives_max_age_frames_and_no_more() -> None:
    tracker = Tracker(max_age=2)
    assert tracker.update([face()]) == (1,)
    assert tracker.update([]) == ()
    assert tracker.update([]) == ()
    assert tracker.update([face()]) == (1,)
    for _ in range(3):
        tracker.update([])
    assert tracker.tracks == ()
    assert tracker.update([face()]) == (2,), "a number is never used twice"


def test_two_faces_never_share_a_track() -> None:
    tracker = Tracker()
    tracker.update([face(0, 0)])
    assert tracker.update([face(2, 0), face(4, 0)]) == (1, 2)
