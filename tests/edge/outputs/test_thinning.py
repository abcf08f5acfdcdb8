from __future__ import annotations

import time

from sink_fakes import reading, result

from mien.outputs.thinning import GONE_SECONDS, LastReading, Thinning


def _kept(thin: Thinning, emotions: str, rate: float = 10.0) -> list[int]:
    """Frames that are kept, of one face whose shown emotion is a letter a frame; "." is a frame without it."""
    kept = []
    for index, emotion in enumerate(emotions):
        shown = () if emotion == "." else (reading(1, emotion),)
        if thin(result(index, *shown, seconds=1 + index / rate)) is not None:
            kept.append(index)
    return kept


def test_no_interval_keeps_every_frame_with_a_face() -> None:
    assert _kept(Thinning(0), "aa.aa") == [0, 1, 3, 4]


def test_one_reading_a_face_and_second_whatever_it_shows() -> None:
    assert _kept(Thinning(1.0), "ab" * 15) == [0, 10, 20]


def test_a_result_of_which_all_is_kept_is_handed_on_as_it_is() -> None:
    whole = result(0, reading(1), reading(2), seconds=1.0)
    assert Thinning(0)(whole) is whole


def test_faces_have_intervals_of_their_own() -> None:
    thin = Thinning(1.0)
    assert thin(result(0, reading(1), seconds=1.0)) is not None
    both = thin(result(1, reading(1), reading(2), seconds=1.5))
    assert both is not None
    assert [one.track for one in both.readings] == [2]


def test_time_stamps_that_jitter_lose_no_turn() -> None:
    thin = Thinning(0.1)
    kept = [thin(result(index, reading(), seconds=1 + index / 10 - 0.0004 * (index % 2))) for index in range(10)]
    assert all(kept)


def test_changes_are_an_appearance_another_emotion_and_an_end() -> None:
    thin = Thinning(1.0, on_change=True)
    frames = "aaabb" + "." * 30
    kept = [thin(result(i, *([] if e == "." else [reading(1, e)]), seconds=1 + i / 10)) for i, e in enumerate(frames)]
    told = {index: one.readings for index, one in enumerate(kept) if one is not None}
    assert list(told) == [0, 3, 25]  # last seen in frame 4: more than 2 s ago in frame 25
    assert [one.emotion for readings in told.values() for one in readings] == ["a", "b", "b"]
    assert isinstance(told[25][0], LastReading)
    assert not isinstance(told[3][0], LastReading)


def test_of_a_recording_its_own_seconds_count_however_fast_it_is_read() -> None:
    """Thirty frames a second, read ten times as fast; the face has gone after frame 90."""
    seconds, changes = Thinning(1.0), Thinning(0, on_change=True)
    kept: list[int] = []
    told: list[int] = []
    for index in range(300):
        shown = [reading(1)] if index <= 90 else []
        one = result(index, *shown, seconds=1 + index / 300, media=index / 30)
        kept += [index] * (seconds(one) is not None)
        told += [index] * (changes(one) is not None)
    assert kept == [0, 30, 60, 90]
    assert told == [0, 151]  # more than 2 s after frame 90


def test_pictures_are_each_new() -> None:
    thin = Thinning(1.0, on_change=True)
    assert thin(result(0, reading(), name="a.png")) is not None
    assert thin(result(1, reading(), name="b.png")) is not None


def test_months_of_passers_by_leave_no_trace() -> None:
    thin = Thinning(1.0)
    for track in range(1000):
        thin(result(track, reading(track), seconds=float(track)))
    assert len(thin._seen) <= 3


def test_who_is_not_seen_any_more_has_gone_though_no_frame_comes() -> None:
    thin = Thinning(0, on_change=True)
    now = time.monotonic()
    assert thin(result(1, reading(1), reading(2), seconds=now - 1)) is not None
    assert thin.gone() is None  # still there, as far as one knows
    assert thin(result(2, reading(2), seconds=now - GONE_SECONDS - 0.5)) is None
    told = thin.gone()
    assert told is not None
    assert [(type(one), one.track) for one in told.readings] == [(LastReading, 2)]
    assert told.captured_at >= now * 1e9
    assert thin.gone() is None


def test_of_a_recording_nobody_goes_while_it_waits() -> None:
    thin = Thinning(0, on_change=True)
    assert thin(result(1, reading(1), seconds=1.0, media=1.0)) is not None
    assert thin.gone() is None
