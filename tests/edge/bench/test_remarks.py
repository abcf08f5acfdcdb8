from __future__ import annotations

from typing import Any

import pytest

from mien.bench.remarks import Watch, remarks

QUIET: dict[str, Any] = {
    "governor": "performance",
    "driver": None,
    "temperature": 50.0,
    "throttled": "0",
    "throttle_count": 3,
    "cpu_seconds": 1000.0,
}


def told(before: dict[str, Any] | None = None, after: dict[str, Any] | None = None) -> list[str]:
    """Remarks of ten seconds of which the measurement itself used nine."""
    first = {**QUIET, **(before or {})}
    return remarks(first, {**first, "cpu_seconds": 1009.5, **(after or {})}, seconds=10, own=9)


def test_a_quiet_machine_gives_no_remark() -> None:
    assert told() == []


def test_a_machine_that_tells_nothing_gives_no_remark() -> None:
    nothing = dict.fromkeys(QUIET)
    assert remarks(nothing, nothing, 10, 9) == []


@pytest.mark.parametrize(
    ("before", "after", "expected"),
    [
        ({}, {"cpu_seconds": 1019.0}, "busy: other programs used 1.0 cores"),
        ({"throttled": "1"}, {}, "reports under-voltage"),
        ({}, {"throttled": "0x4"}, "reports throttled"),
        ({}, {"throttled": "80000"}, "soft temperature limit"),  # it happened and is over
        ({}, {"throttle_count": 4}, "slowed down because of heat"),
        ({"temperature": 82.0}, {"temperature": 79.0}, "reached 82 °C"),
        ({"governor": "powersave", "driver": "cpufreq-dt"}, {}, "governor is powersave"),
    ],
)
def test_reasons_for_doubt_are_said_in_words(before: dict[str, Any], after: dict[str, Any], expected: str) -> None:
    (remark,) = told(before, after)
    assert expected in remark


def test_what_happened_before_the_run_is_no_remark() -> None:
    assert told({"throttled": "50000"}) == []
    assert told({"governor": "powersave", "driver": "intel_pstate"}) == []


def test_a_watch_keeps_both_states() -> None:
    watch = Watch()
    assert isinstance(watch.remarks(), list)
    assert set(watch.before) == set(watch.after)
