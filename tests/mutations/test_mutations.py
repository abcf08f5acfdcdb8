"""The damage finds faults that were planted, none in mien, and is the same at every repetition."""

from __future__ import annotations

import json
import re
from collections import Counter
from random import Random

import pytest

from mutations import __main__ as program
from mutations import damage
from mutations.children import Case, Outcome, outcomes
from mutations.kinds import KINDS, Kind


def planted(name: str, cases: int, seconds: float = 20.0, native: bool = False) -> list[Outcome]:
    kinds = {name: Kind(f"mutations.planted:{name}", cases, seconds, native)}
    return list(outcomes(kinds, [Case(name, seed) for seed in range(cases)]))


@pytest.mark.parametrize(
    ("name", "cases", "found"),
    [
        ("raises", 12, "traceback: .*ValueError: planted"),
        ("no_number", 25, "wrong without a word: probabilities are .*nan"),
        ("makes_up", 20, "wrong without a word: .* are read as a whole picture"),
        ("grows", 1, r"took 1\d\d\d MiB"),
        ("chatters", 1, "wrote on standard error: 'libfoo: bad marker'"),
        ("two_lines", 1, r"refused, but not in one line: 'one\\ntwo'"),
    ],
)
def test_a_planted_fault_is_found(name: str, cases: int, found: str) -> None:
    results = planted(name, cases)
    assert len(results) == cases
    failed = [result for result in results if result.verdict == "failed"]
    assert failed
    assert [result.text for result in failed if not re.search(found, result.text)] == []


def test_a_hang_is_found_and_the_cases_after_it_are_run(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("mutations.children._START_SECONDS", 10.0)
    results = planted("hangs", 6, seconds=1.0)
    assert sorted(result.case.seed for result in results) == list(range(6))
    hanging = [result for result in results if result.verdict == "failed"]
    assert hanging
    assert {result.text for result in hanging} == {"hangs: no answer in 1 s"}


def test_a_crash_is_found_and_an_engine_s_own_is_listed_as_such() -> None:
    assert [(r.verdict, r.text) for r in planted("dies", 2)] == [("failed", "process killed by SIGSEGV")] * 2
    assert [(r.verdict, r.text) for r in planted("dies", 1, native=True)] == [("crashed", "process killed by SIGSEGV")]


def test_what_is_sound_is_fine_or_refused() -> None:
    assert {result.verdict for result in planted("sound", 20)} == {"fine", "refused"}


def test_a_sample_of_every_kind_is_read_or_refused_in_one_line(capfd: pytest.CaptureFixture[str]) -> None:
    status = program.main(["--share", "0.05"])
    report = capfd.readouterr().out
    assert status == 0, report
    for kind in KINDS:
        assert f"\n{kind} " in f"\n{report}"


def test_a_whole_run_has_more_than_five_thousand_cases_and_a_seed_says_which() -> None:
    assert len(program.planned(list(KINDS), 1.0, 0)) >= 5000
    assert program.planned(["video", "model"], 0.005, 7) == [
        *(Case("video", 7), Case("video", 8), Case("video", 9)),
        *(Case("model", 7), Case("model", 8)),
    ]
    cases = [Case("picture", seed) for seed in (3, 4, 5, 6)]
    first, again = ({str(r.case): r.verdict for r in outcomes(KINDS, cases, n)} for n in (1, 2))
    assert first == again
    assert set(first) == {"picture:3", "picture:4", "picture:5", "picture:6"}


def test_damage_is_the_same_for_a_seed_and_leaves_what_it_was_given() -> None:
    whole = {"a": [1, 2, {"b": "text"}], "c": 0.5}
    before = json.dumps(whole)
    texts = [repr(damage.document(Random(seed), whole)) for seed in range(50)]
    assert texts == [repr(damage.document(Random(seed), whole)) for seed in range(50)]
    assert json.dumps(whole) == before
    assert Counter(text == repr(whole) for text in texts)[False] > 40
    raw = bytes(range(256)) * 4
    changed = [damage.bytes_of(Random(seed), raw) for seed in range(50)]
    assert changed == [damage.bytes_of(Random(seed), raw) for seed in range(50)]
    assert sum(one != raw for one in changed) > 45
    assert all(len(one) <= 8 * len(raw) + 5000 for one in changed)
