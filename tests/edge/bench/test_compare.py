from __future__ import annotations

import copy
import json
from pathlib import Path
from typing import Any

import pytest

from mien.cli import main

RESULT: dict[str, Any] = {
    "machine": {"cpu": "A", "cores": 2, "architecture": "x86_64", "board": None, "kernel": "6"},
    "models": {"face-base": {"tflite": "aa"}},
    "remarks": [],
    "runs": [
        {
            "engine": "litert",
            "threads": 1,
            "faces": 1,
            "whole": {"p50": 2.0, "p99": 3.0},
            "stages": {"detect": {"p50": 1.0}},
        }
    ],
    "cold_start": [{"engine": "litert", "first_reading_ms": 100.0, "peak_rss_mb": 50.0}],
}


def compared(folder: Path, change: dict[str, Any], *options: str) -> int:
    before, after = folder / "before.json", folder / "after.json"
    before.write_text(json.dumps(RESULT))
    after.write_text(json.dumps({**copy.deepcopy(RESULT), **change}))
    return main(["bench", "--compare", str(before), str(after), *options])


def slower(factor: float) -> dict[str, Any]:
    run = RESULT["runs"][0]
    return {"runs": [{**run, "whole": {"p50": 2.0 * factor, "p99": 9.0}, "stages": {"detect": {"p50": 9.0}}}]}


def changed(**parts: Any) -> str:
    """A result whose run has other parts."""
    return json.dumps({**RESULT, "runs": [{**RESULT["runs"][0], **parts}]})


def test_equal_results_pass_and_every_ratio_is_one(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert compared(tmp_path, {}, "--json") == 0
    report = json.loads(capsys.readouterr().out)
    assert len(report["ratios"]) == 5
    assert {ratio["ratio"] for ratio in report["ratios"]} == {1.0}
    assert report["past"] == report["caveats"] == []


def test_a_slower_whole_path_past_the_threshold_is_status_1(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert compared(tmp_path, slower(1.19)) == 0  # a single stage or the 99th percentile alone decides nothing
    assert "past" not in capsys.readouterr().out
    assert compared(tmp_path, slower(1.21)) == 1
    assert "past 1.2" in capsys.readouterr().out
    assert compared(tmp_path, slower(1.21), "--threshold", "1.5") == 0


def test_a_slower_cold_start_and_more_memory_are_status_1(tmp_path: Path) -> None:
    start = RESULT["cold_start"][0]
    assert compared(tmp_path, {"cold_start": [{**start, "first_reading_ms": 130.0}]}) == 1
    assert compared(tmp_path, {"cold_start": [{**start, "peak_rss_mb": 70.0}]}) == 1


def test_other_machines_models_and_remarks_are_said(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    machine = {**RESULT["machine"], "board": "Raspberry Pi 5"}
    change = {"machine": machine, "models": {"face-base": {"tflite": "bb"}}, "remarks": ["busy: …"]}
    assert compared(tmp_path, change) == 0
    shown = capsys.readouterr().out
    assert "the machines differ: A and Raspberry Pi 5" in shown
    assert "the models differ: face-base aa and face-base bb" in shown
    assert "after.json: busy" in shown


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("", "not a readable result"),
        ("{}", "holds no runs"),
        ('{"runs": [{}]}', "malformed"),
        ("[" * 100_000, "not a readable result"),
        (changed(stages=[]), "malformed"),
        (changed(whole={"p50": 10**400, "p99": 1}), "malformed"),
        (json.dumps({**RESULT, "remarks": 3}), "malformed result (remarks is 3, not a list of texts)"),
        (json.dumps({**RESULT, "remarks": "busy"}), "remarks is 'busy', not a list of texts"),
        (json.dumps({**RESULT, "models": {"face-base": {}}}), "models is {'face-base': {}}, not digests"),
        (json.dumps({**RESULT, "models": {"face-base": "aa"}}), "not digests"),
        (
            '{"runs": [{"engine": "x", "threads": 1, "faces": 1, "whole": {"p50": 1, "p99": 1}, "stages": {}}]}',
            "common",
        ),
    ],
)
def test_a_bad_file_is_status_2(tmp_path: Path, capsys: pytest.CaptureFixture[str], text: str, message: str) -> None:
    before, after = tmp_path / "before.json", tmp_path / "after.json"
    before.write_text(json.dumps(RESULT))
    after.write_text(text)
    assert main(["bench", "--compare", str(before), str(after)]) == 2
    said = capsys.readouterr().err
    assert message in said
    assert said.count("\n") == 1
    assert main(["bench", "--compare", str(before), str(before), "--threshold", "0"]) == 2


@pytest.mark.parametrize(
    ("change", "gone"),
    [
        ({"cold_start": [{"engine": "litert", "error": "the command ended with status 2"}]}, "litert: cold start"),
        ({"cold_start": []}, "litert: peak memory, MB"),
    ],
)
def test_what_is_not_measured_any_more_is_said_and_is_status_1(
    change: dict[str, Any], gone: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert compared(tmp_path, change) == 1
    assert f"has not measured: {gone}\n" in capsys.readouterr().out
    assert compared(tmp_path, change, "--json") == 1
    assert gone in json.loads(capsys.readouterr().out)["past"]


def test_a_figure_that_is_no_number_is_malformed(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert compared(tmp_path, slower(float("nan"))) == 2
    assert "whole p50 is nan" in capsys.readouterr().err
