"""Where the time goes: what is booked, what is kept of it, and how much memory that takes."""

from __future__ import annotations

import tracemalloc

import numpy as np
import pytest

from mien.laps import QUANTILES, Durations, Laps, summary

KEPT = 20_000


def booked(laps: Laps, frames: int, stages: tuple[str, ...] = ("detect", "track")) -> None:
    """Book so many frames; frame n takes n + 1 milliseconds on each stage."""
    for frame in range(frames):
        laps.start()
        for stage in stages:
            laps.add(stage, (frame + 1) * 1_000_000)
        laps.finish()


def test_months_of_frames_take_no_more_memory_than_the_first_one() -> None:
    laps = Laps()
    tracemalloc.start()
    try:
        booked(laps, 1, ("detect",))
        first = tracemalloc.get_traced_memory()[0]
        booked(laps, KEPT + 1, ("detect",))
        grown = tracemalloc.get_traced_memory()[0] - first
    finally:
        tracemalloc.stop()
    assert first < 8 * KEPT + 5_000, "8 bytes a duration and a little besides"
    assert grown < 1_000


def test_the_last_20_000_durations_are_kept_in_order() -> None:
    laps = Laps()
    booked(laps, KEPT + 3, ("detect",))
    kept = laps.stages["detect"]
    assert (len(kept), kept[0], kept[-1]) == (KEPT, 4_000_000, (KEPT + 3) * 1_000_000)
    assert list(kept) == [n * 1_000_000 for n in range(4, KEPT + 4)]


def test_durations_are_a_sequence_before_and_after_the_oldest_are_lost() -> None:
    few = Durations(3)
    assert (len(few), list(few), few[:], bool(few)) == (0, [], [], False)
    for index in (0, -1):
        with pytest.raises(IndexError):
            few[index]
    for value in (5, 6):
        few.append(value)
    assert (list(few), few[1], few[-2], few[::-1], 6 in few) == ([5, 6], 6, 5, [6, 5], True)
    for index in (2, -3):
        with pytest.raises(IndexError):
            few[index]
    for value in (7, 2**62):  # 146 years: a wait for a camera may be long
        few.append(value)
    assert (list(few), few[0], few[-1], few[1:]) == ([6, 7, 2**62], 6, 2**62, [7, 2**62])
    assert isinstance(few[0], int)


@pytest.mark.parametrize("count", [1, 7, 50, 73])
def test_figures_are_those_of_a_plain_list_of_the_same_durations(count: int) -> None:
    ring, plain = Durations(50), np.random.default_rng(count).integers(1, 10**10, count).tolist()
    for value in plain:
        ring.append(value)
    assert summary(ring) == summary(plain[-50:])
    values = np.array(plain[-50:]) / 1e6
    expected = {name: float(np.percentile(values, share)) for name, share in QUANTILES.items()}
    assert summary(ring) == {**expected, "max": float(values.max())}


def test_laps_of_one_frame_on_one_stage_are_one_duration() -> None:
    laps = Laps()
    laps.start()
    for nanoseconds in (30, 12):
        laps.add("detect", nanoseconds)
    laps.lap("track")
    laps.finish()
    assert list(laps.stages["detect"]) == [42]
    assert laps.stages["track"][0] > 0
    laps.start()
    laps.add("detect", 5)
    laps.start()  # a frame that was given up is booked nowhere
    laps.finish()
    assert list(laps.stages["detect"]) == [42]
    laps.clear()
    assert not laps.stages
