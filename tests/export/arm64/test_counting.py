"""Counting: what is booked where, what is subtracted, and what two counts may differ by."""

from __future__ import annotations

import json
from dataclasses import asdict

import pytest

from mien.errors import MienError
from mien_export.arm64 import counting, marks
from mien_export.arm64.jobs import Done, Jobs, Network, Way
from mien_export.arm64.marks import ONCE, REST, TWICE, WARM_UP, MarkedLaps, Marks


def test_each_stage_of_each_phase_has_a_slot_of_its_own_and_the_first_is_for_what_does_not_count() -> None:
    booked: list[int] = []
    slots = Marks(booked.append)
    laps = MarkedLaps(slots, "face-base")
    laps.start()
    slots.forget()
    laps.phase = ONCE
    for _ in range(2):
        laps.start()
        laps.lap("detect")
    laps.phase = TWICE
    laps.lap("detect")
    named = [slots.keys[slot] for slot in booked]
    assert booked[1] == 0
    assert [named[0], *named[2:]] == [
        ("face-base", WARM_UP, REST),
        ("face-base", ONCE, REST),
        ("face-base", ONCE, "detect"),
        ("face-base", ONCE, REST),
        ("face-base", ONCE, "detect"),
        ("face-base", TWICE, "detect"),
    ]
    assert len(set(booked)) == 5


def test_laps_that_are_marked_keep_time_as_others_do() -> None:
    laps = MarkedLaps(Marks(lambda slot: None), "any")
    laps.start()
    laps.lap("detect")
    laps.finish()
    assert len(laps.stages["detect"]) == 1


def test_more_things_than_slots_are_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(marks, "SLOTS", 2)
    slots = Marks(lambda slot: None)
    slots.book("one", ONCE, REST)
    with pytest.raises(MienError, match="more than 2 things"):
        slots.book("two", ONCE, REST)


def test_what_comes_before_and_after_the_inferences_cancels_out() -> None:
    # 100 a lap of "detect", 10 a lap of "rest"; each phase ends with 7 more, and the warm-up is booked as well.
    keys = [("", "", REST), ("a", WARM_UP, "detect"), ("a", ONCE, "detect"), ("a", ONCE, REST)]
    keys += [("a", TWICE, "detect"), ("a", TWICE, REST)]
    slots = {0: 10**9, 1: 10**6, 2: 5 * 100, 3: 5 * 10 + 7, 4: 10 * 100, 5: 10 * 10 + 7}
    assert counting.per_inference(Done(keys, {}, {}), slots, {"": 5, "a": 5}) == {"a": {"detect": 100, REST: 10}}


def test_a_stage_that_only_the_second_phase_has_counts_whole() -> None:
    keys = [("", "", REST), ("a", TWICE, "decode")]
    assert counting.per_inference(Done(keys, {}, {}), {1: 30}, {"a": 3}) == {"a": {"decode": 10}}


def test_two_counts_may_be_three_percent_apart_and_no_more() -> None:
    first = {"near": {"x": 1000}, "far": {"x": 500, "y": 500}}
    assert counting.apart(first, {"near": {"x": 1000}, "far": {"x": 530, "y": 500}}, "core") == pytest.approx(0.03)
    with pytest.raises(MienError, match=r"core: two counts of far are 4\.0% apart, more than 3% \(1,000 and 1,040"):
        counting.apart(first, {"near": {"x": 1000}, "far": {"x": 540, "y": 500}}, "core")


def test_attention_is_counted_in_whole_rounds() -> None:
    assert Way("d", "c", 1).inferences(5) == 5
    assert Way("d", "c", 1, 10, "d").inferences(5) == 10
    assert Way("d", "c", 1, 10, "d").inferences(11) == 20


def test_jobs_and_answers_come_through_json_as_they_were() -> None:
    jobs = Jobs("/frame.npy", 5, (Network("n", "/n.tflite"),), (Way("d", "c", 4, 10, "e"),))
    assert Jobs.of(json.loads(json.dumps(asdict(jobs)))) == jobs
    done = Done([("n", ONCE, REST)], {"n": {"DELEGATE": 1}}, {"python": "3.11"})
    assert Done.of(json.loads(json.dumps(asdict(done)))) == done
