from __future__ import annotations

import numpy as np
import pytest

from mien.tracking.smoother import Smoother

SECOND = 1_000_000_000
SAD = np.array([1, 0], dtype=np.float32)
GLAD = np.array([0, 1], dtype=np.float32)


def test_after_one_time_constant_the_old_reading_weighs_one_over_e() -> None:
    smoother = Smoother(time_constant=0.5)
    assert smoother.update(1, SAD, 0).tolist() == [1, 0]
    assert smoother.update(1, GLAD, SECOND // 2) == pytest.approx([0.36788, 0.63212], abs=1e-5)


def test_the_result_depends_on_time_and_not_on_the_number_of_frames() -> None:
    few, many = Smoother(0.5), Smoother(0.5)
    few.update(1, SAD, 0)
    many.update(1, SAD, 0)
    for step in range(1, 11):
        last = many.update(1, GLAD, step * SECOND // 10)
    assert last == pytest.approx(few.update(1, GLAD, SECOND), abs=1e-5)


def test_tracks_do_not_mix_and_dead_ones_are_forgotten() -> None:
    smoother = Smoother(0.5)
    smoother.update(1, SAD, 0)
    assert smoother.update(2, GLAD, 0).tolist() == [0, 1]
    smoother.keep([2])
    assert smoother.update(1, GLAD, SECOND // 10).tolist() == [0, 1], "track 1 starts anew"


def test_time_that_stands_still_or_runs_back_changes_nothing_and_goes_on_from_there() -> None:
    smoother = Smoother(0.5)
    smoother.update(1, SAD, SECOND)
    assert smoother.update(1, GLAD, SECOND).tolist() == [1, 0]
    assert smoother.update(1, GLAD, 0).tolist() == [1, 0]
    assert smoother.update(1, GLAD, SECOND // 2) == pytest.approx([0.36788, 0.63212], abs=1e-5)


def test_a_forgotten_track_starts_anew_and_the_others_go_on() -> None:
    smoother = Smoother(0.5)
    smoother.update(1, SAD, 0)
    smoother.update(2, SAD, 0)
    smoother.forget(1)
    smoother.forget(3)  # never seen: nothing to forget
    assert smoother.update(1, GLAD, SECOND // 2).tolist() == [0, 1]
    assert smoother.update(2, GLAD, SECOND // 2) == pytest.approx([0.36788, 0.63212], abs=1e-5)


def test_a_time_constant_of_zero_turns_it_off() -> None:
    smoother = Smoother(0.0)
    smoother.update(1, SAD, 0)
    assert smoother.update(1, GLAD, 1).tolist() == [0, 1]
