"""What the soak concludes from made-up measurements, and a short run of the real thing."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from soak import report
from soak.measures import Counts, Sample, conclusions
from soak.run import Injected, Outcome, soak

FRAMES = 1000
COUNTS: Counts = {
    **{"captured": 1100, "processed": FRAMES, "dropped": 90, "passed": 10, "wrong": 0},
    **{"delivered": 1101, "damaged": 3, "readings": 700},
}  # type: ignore[typeddict-item]


def _samples(growth: float = 0.0, descriptors: int = 0, threads: int = 0) -> list[Sample]:
    """Of every tenth frame; what is given is added evenly until the end, or in the last third."""
    return [
        {
            "frame": frame,
            "rss_mb": 100 * (1 + growth * frame / FRAMES),
            "descriptors": 12 + descriptors * (frame > 666),
            "threads": 8 + threads * (frame > 666),
        }
        for frame in range(10, FRAMES + 1, 10)
    ]


def _missed(
    samples: list[Sample], slow: float = 1.0, unrecovered: int = 0, **counts: int
) -> list[tuple[str, float, float]]:
    durations = np.full(FRAMES, 1_000_000, np.int64)
    durations[900:] = round(1_000_000 * slow)
    found = conclusions(durations, samples, {**COUNTS, **counts}, unrecovered)  # type: ignore[typeddict-item]
    assert len(found) == 8
    return [(one.target, one.value, one.limit) for one in found if not one.kept]


def test_a_run_that_grows_a_little_and_slows_down_a_little_keeps_its_targets() -> None:
    assert _missed(_samples(growth=0.02), slow=1.2) == []


@pytest.mark.parametrize(
    ("spoilt", "target"),
    [
        ({"samples": _samples(growth=0.03)}, "growth of memory"),
        ({"samples": []}, "growth of memory"),
        ({"samples": _samples(descriptors=1)}, "descriptors"),
        ({"samples": _samples(threads=1)}, "threads"),
        ({"slow": 1.21}, "p99"),
        ({"unrecovered": 1}, "faults not recovered"),
        ({"dropped": 89}, "neither processed"),
        ({"dropped": 91}, "neither processed"),
        ({"wrong": 1}, "did not add up"),
        ({"delivered": 1109}, "never read at the end"),
    ],
)
def test_each_planted_violation_misses_its_target(spoilt: dict[str, object], target: str) -> None:
    missed = _missed(**{"samples": _samples(), **spoilt})  # type: ignore[arg-type]
    assert any(target in words for words, _, _ in missed)
    assert spoilt == {"samples": []} or len(missed) == 1


def test_a_fault_that_nobody_saw_mended_is_named(tmp_path: Path) -> None:
    durations = np.full(FRAMES, 1_000_000, np.int64)
    injected = [Injected("a", 100, 0.5), Injected("b", 300)]
    outcome = Outcome(durations, _samples(), COUNTS, injected, (), 2.0)
    found = report.document(outcome, "soak", "2026-01-01", 100)
    assert (found["kept"], found["frames_per_second"]) == (False, 500.0)
    assert report.lines(found)[-1] == "not recovered: b, at frame 300"
    report.write(found, outcome, tmp_path / "soak.json")
    assert (tmp_path / "soak.png").stat().st_size > 5000


def test_a_short_run_reads_faces_through_every_local_sink_and_loses_count_of_nothing(tmp_path: Path) -> None:
    outcome = soak(tmp_path, 130, 1000)
    counts = outcome.counts
    assert counts["processed"] == len(outcome.durations) == 130
    assert counts["captured"] == 130 + counts["dropped"] + counts["passed"]
    assert (counts["wrong"], counts["passed"]) == (0, 0)
    assert counts["dropped"] > 0
    assert counts["readings"] > 50
    assert {state.name.partition(":")[0] for state in outcome.sinks} == {"text", "jsonl", "sqlite", "socket", "command"}
    assert {state.state for state in outcome.sinks} == {"ok"}
    assert "sqlite:FOLDER/history.db" in {state.name for state in outcome.sinks}
    assert str(tmp_path) not in str(outcome.sinks)
    assert (tmp_path / "readings.jsonl").read_text().count("\n") == counts["readings"]
