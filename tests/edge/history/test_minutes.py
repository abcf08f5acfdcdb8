from __future__ import annotations

import pytest
from sink_fakes import reading, result

from mien.history.minutes import Minute, Minutes


def _sum(minutes: Minutes, faces: list[tuple[int, float, float, str]], until: float) -> list[Minute]:
    """What is summed up at two frames a second; a face is its track, first and last second, and emotion."""
    ended = []
    for step in range(round(until * 2) + 1):
        now = step / 2
        shown = [reading(track, emotion) for track, first, last, emotion in faces if first <= now <= last]
        minute = minutes.add(result(step, *shown, seconds=now))
        if minute is not None:
            ended.append(minute)
    return ended


def test_a_minute_holds_its_faces_and_how_long_each_emotion_was_shown() -> None:
    faces = [(1, 0, 10, "happiness"), (2, 5, 20, "neutral"), (3, 30, 40, "happiness")]
    (minute,) = _sum(Minutes(3), faces, 70)
    assert (minute.began_ns, minute.seconds, minute.faces) == (0, 60, 3)
    assert minute.emotions == pytest.approx({"happiness": 20, "neutral": 15})


def test_minutes_with_too_few_faces_are_joined_until_there_are_enough() -> None:
    faces = [(track, 50 * track, 50 * track + 4, "neutral") for track in range(10)]  # one or two a minute
    first, second = _sum(Minutes(5), faces, 500)
    assert (first.seconds, first.faces, first.emotions) == (240, 5, {"neutral": 20})
    assert (second.began_ns, second.faces) == (250_000_000_000, 5)


def test_what_has_too_few_faces_for_an_hour_is_forgotten() -> None:
    minutes = Minutes(2)
    assert _sum(minutes, [(1, 0, 4, "anger")], 3700) == []
    after = minutes.add(result(0, reading(2, "neutral"), reading(3, "neutral"), seconds=3701))
    assert after is None
    minute = minutes.end()
    assert minute is not None
    assert (minute.faces, list(minute.emotions)) == (2, ["neutral"]), "nothing is left of the first"


def test_a_face_that_was_away_counts_no_time_for_that() -> None:
    minutes = Minutes(1)
    minutes.add(result(0, reading(1), seconds=0))
    minutes.add(result(1, reading(1), seconds=30))
    minute = minutes.end()
    assert minute is not None
    assert minute.emotions == {"happiness": 1.0}


def test_of_a_recording_its_own_seconds_count_however_fast_it_is_read() -> None:
    """Ten minutes of a face at thirty frames a second, read ten times as fast, from second 1000 of the clock on."""
    minutes = Minutes(1)
    ended = []
    for index in range(600 * 30 + 1):
        minute = minutes.add(result(index, reading(1, "neutral"), seconds=1000 + index / 300, media=index / 30))
        ended += [minute] if minute is not None else []
    last = minutes.end()
    assert last is not None
    assert [minute.seconds for minute in ended] == [60] * 10
    assert sum(minute.emotions["neutral"] for minute in (*ended, last)) == pytest.approx(600)
    # A row began when that was read: the second one a minute, which is six seconds, later.
    assert [minute.began_ns for minute in ended[:2]] == [1_000_000_000_000, 1_006_000_000_000]


def test_months_of_faces_leave_no_trace() -> None:
    minutes = Minutes(1)
    for track in range(5000):
        minutes.add(result(track, reading(track), seconds=track * 10))
    assert len(minutes._seen) < 30
    assert len(minutes._tracks) < 10
