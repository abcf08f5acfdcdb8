"""Whether a bench and counts hold their limits: made-up results, whose ratios can be worked out by hand."""

from __future__ import annotations

import copy
import json
from pathlib import Path
from typing import Any

import pytest

from mien.machine import facts, state
from mien_export import held
from mien_export.cli import main

Document = dict[str, Any]
YUNET, MINI = "YuNet_n, int8, LiteRT, 256×320", "mini_XCEPTION, float, LiteRT"


@pytest.fixture
def bench() -> Document:
    def ratio(value: float, target: float) -> Document:
        return {"value": value, "target": target, "met": value <= target, "of": "ours over theirs"}

    def run(engine: str, threads: int, p99: float) -> Document:
        whole = {"p50": 2.0, "p99": p99}
        frames = {"frames": 9, "stages": {}, "readings": whole, "whole": whole, "frames_per_second": 500.0}
        return {"engine": engine, "threads": threads, "faces": 1, **frames}

    settings = {"width": 640, "height": 480, "frame": "", "faces": "", "threads": [1], "seconds": 1, "frames_a_turn": 1}
    return {
        **{"command": "", "date": "", "hardware": {**facts(), "cpu": "A"}, "state_after": state(), "remarks": []},
        **{"settings": settings, "models": {}, "cold_start": [], "peers": [], "runs": []},
        "runs": [run("litert", 1, 3.0), run("litert", 2, 9.0), run("onnx", 1, 9.0)],
        "ratios": {
            "whole_path_vs_opencv": ratio(0.25, 0.27),
            "whole_path_vs_float_peers": ratio(0.35, 0.40),
            "twenty_faces": ratio(0.8, 1.0),
            "cold_start_ratio": ratio(1.4, 2.5),
            "peak_rss_mb": ratio(73, 75),
            "int8_vs_float_onnx_face-base": {"value": None, "target": 1.4, "met": None, "of": "", "reason": "no copy"},
        },
    }


@pytest.fixture
def counted() -> Document:
    def row(name: str, a53: int, a76: int) -> Document:
        return {"name": name, "file": "", "macs": {}, "instructions": {"cortex-a53": a53, "cortex-a76": a76}}

    def way(faces: int, scan_every: int, a53: int, a76: int) -> Document:
        names = {"detector": "face-base", "classifier": "emotion-base", "faces": faces, "scan_every": scan_every}
        return {
            "way": {**names, "look": "", "limited": False},
            "stages": {"cortex-a53": {"detect": a53 - 10, "rest": 10}, "cortex-a76": {"detect": a76}},
        }

    return {
        "networks": [row(YUNET, 900, 800), row(MINI, 100, 200), row("face-base", 400, 300)],
        "ways": [way(0, 1, 300, 200), way(1, 1, 600, 480), way(1, 10, 200, 100)],
    }


def _broken(bench: Document, old_bench: Document, counted: Document, old_counted: Document) -> list[str]:
    verdicts = (*held.times(bench, old_bench), *held.counts(counted, old_counted))  # type: ignore[arg-type]
    assert len(verdicts) > 15
    return [str(verdict) for verdict in verdicts if not verdict.held]


def test_figures_at_their_limits_are_held(bench: Document, counted: Document) -> None:
    # 3.0 / 2.0 = 1.5; 600 / (900 + 100) = 0.60; 480 / (800 + 200) = 0.48; all others over themselves are 1.
    assert _broken(bench, bench, counted, counted) == []


@pytest.mark.parametrize(
    ("place", "value", "message"),
    [
        (("ratios", "whole_path_vs_opencv", "value"), 0.28, "0.280 ≤ 0.27"),
        (("ratios", "twenty_faces", "value"), None, "? ≤ 1 "),
        (("ratios", "int8_vs_float_onnx_face-base", "value"), 1.5, "1.500 ≤ 1.4"),
        (("runs", 0, "whole", "p99"), 3.1, "1.550 ≤ 1.5"),
        (("runs", 0, "engine"), "onnx", "no such run"),
        (("remarks",), ["the machine was busy"], "no quiet machine: the machine was busy"),
    ],
)
def test_a_time_past_its_limit_breaks_it(
    place: tuple[Any, ...], value: object, message: str, bench: Document, counted: Document
) -> None:
    other = copy.deepcopy(bench)
    inner: Any = other
    for key in place[:-1]:
        inner = inner[key]
    inner[place[-1]] = value
    broken = _broken(other, bench, counted, counted)
    assert broken
    assert message in broken[0]


def test_a_ratio_that_was_not_measured_at_all_breaks_its_promise(bench: Document, counted: Document) -> None:
    other = copy.deepcopy(bench)
    del other["ratios"]["whole_path_vs_opencv"]
    (promise, committed) = _broken(other, bench, counted, counted)
    assert "not in this bench" in promise
    assert "not measured again" in committed


def test_a_ratio_within_its_limit_but_worse_than_the_committed_one_breaks_on_the_same_processor_alone(
    bench: Document, counted: Document
) -> None:
    other = copy.deepcopy(bench)
    other["ratios"]["cold_start_ratio"]["value"] = 1.4 * 1.16
    (broken,) = _broken(other, bench, counted, counted)
    assert "1.160 ≤ 1.15" in broken
    other["hardware"]["cpu"] = "B"
    assert len(held.times(other, bench)) < len(held.times(bench, bench))  # type: ignore[arg-type]
    assert _broken(other, bench, counted, counted) == []


def test_more_instructions_than_committed_or_than_the_limit_allows_break_it(bench: Document, counted: Document) -> None:
    more = copy.deepcopy(counted)
    more["networks"][2]["instructions"]["cortex-a53"] = 409  # 409 / 400 = 1.0225
    (broken,) = _broken(bench, bench, more, counted)
    assert "face-base, cortex-a53" in broken
    more = copy.deepcopy(counted)
    more["ways"][1]["stages"]["cortex-a76"]["detect"] = 489  # of 1000; over 480 it is 1.019
    (broken,) = _broken(bench, bench, more, counted)
    assert "0.489 ≤ 0.48" in broken


@pytest.mark.parametrize("lost", [("networks", 0), ("networks", 2), ("ways", 1), ("ways", 2)])
def test_what_was_not_counted_again_is_not_held(lost: tuple[str, int], bench: Document, counted: Document) -> None:
    less = copy.deepcopy(counted)
    del less[lost[0]][lost[1]]
    broken = _broken(bench, bench, less, counted)
    assert broken
    assert all("not counted" in line for line in broken)


def test_the_command_reads_both_folders_and_tells_by_its_status(
    tmp_path: Path, bench: Document, counted: Document, capsys: pytest.CaptureFixture[str]
) -> None:
    for name, ratio in (("new", 0.25), ("old", 0.25), ("worse", 0.30)):
        folder = tmp_path / name
        folder.mkdir()
        bench["ratios"]["whole_path_vs_opencv"]["value"] = ratio
        (folder / "bench.json").write_text(json.dumps(bench))
        (folder / "bench-arm64.json").write_text(json.dumps(counted))
    old = str(tmp_path / "old")
    assert main(["held", str(tmp_path / "new"), "--against", old]) == 0
    assert capsys.readouterr().out.endswith(" held, 0 broken\n")
    assert main(["held", str(tmp_path / "worse"), "--against", old]) == 1
    assert " held, 2 broken\n" in capsys.readouterr().out
    (tmp_path / "new/bench-arm64.json").unlink()
    assert main(["held", str(tmp_path / "new"), "--against", old]) == 2
    assert "bench-arm64.json: missing" in capsys.readouterr().err
