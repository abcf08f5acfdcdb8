"""The frontier of small made-up results, worked out by hand, and of the committed ones."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from mien_export.cli import main
from mien_export.pages import frontier
from mien_export.peers.catalogue import MINI_FLOAT

RESULTS = Path(__file__).parents[3] / "docs/results"


def report(results: Path, name: str, accuracy: float, size: int, parameters: int, macs: int) -> None:
    """The committed result of the bundled classifier with other figures."""
    found = json.loads((RESULTS / "emotion-base.json").read_text())
    found |= {"model": name, "parameters": parameters, "macs": macs}
    found["files"]["tflite"] |= {"bytes": size, "sha256": f"of {name}"}
    for entry in found["evaluations"]:
        entry["accuracy"] = accuracy if (entry["artefact"], entry["split"]) == ("tflite", "test") else 0.1
    (results / f"{name}.json").write_text(json.dumps(found))


def timed(results: Path, rows: list[dict[str, Any]]) -> None:
    """The committed bench with other rows."""
    found = json.loads((RESULTS / "bench.json").read_text())
    (results / "bench.json").write_text(json.dumps({**found, "peers": rows}))


def row(name: str, median: float, **more: Any) -> dict[str, Any]:
    return {"name": name, "network": {"p50": median}, **more}


OURS = {"engine": "litert", "precision": "int8"}


@pytest.fixture
def results(tmp_path: Path) -> Path:
    report(tmp_path, "emotion-big", 0.88, 300_000, 280_000, 20_000_000)
    report(tmp_path, "emotion-small", 0.85, 60_000, 45_000, 8_000_000)
    timed(
        tmp_path,
        [
            row(MINI_FLOAT, 0.2, task="emotion", bytes=230_000, strict_accuracy=67.5),
            row("mien emotion-small", 0.1, **OURS),
            row("mien emotion-small", 0.4, engine="litert", precision="float"),
            row("mien emotion-big", 0.3, **OURS),
            row("mien emotion-big", 0.9, engine="onnx", precision="int8"),
            row("a face detector", 0.3, task="face", bytes=1, strict_accuracy=None),
        ],
    )
    networks = [
        {"name": "emotion-small", "file": "x.tflite", "macs": {"dense": 5, "depthwise": 3},
         "instructions": {"cortex-a53": 3_500_000, "cortex-a72": 1, "cortex-a76": 1_400_000}},
        {"name": MINI_FLOAT, "file": "y.tflite", "macs": {"dense": 5_000_000, "depthwise": 500_000},
         "instructions": {"cortex-a53": 5_100_000, "cortex-a72": 1, "cortex-a76": 3_700_000}},
    ]  # fmt: skip
    (tmp_path / "bench-arm64.json").write_text(json.dumps({"networks": networks}))
    return tmp_path


def test_each_figure_stands_in_its_column_from_the_smallest_file_to_the_largest(results: Path) -> None:
    assert frontier.lines(results)[2:6] == [
        "| **emotion-small** | 85.00 % | 60.0 | 45,000 | 8.0 | 0.50 × | 3.5 | 1.4 |",
        f"| {MINI_FLOAT} | 67.50 % | 230.0 | – | 5.5 | 1.00 × | 5.1 | 3.7 |",
        "| **emotion-big** | 88.00 % | 300.0 | 280,000 | 20.0 | 1.50 × | – | – |",
        "| vicksam/fer-model, float TFLite | 87.04 % | 692.0 | 173,537 | 38.0 | – | – | – |",
    ]


def test_what_was_not_measured_is_said_and_nothing_else_is_missing(results: Path) -> None:
    told = frontier.lines(results)[7:]
    assert told[0] == "Bold: no other is both smaller and more accurate."
    assert told[1].startswith("vicksam/fer-model, float TFLite: as its author publishes it")
    assert told[2:] == ["emotion-big: not in bench-arm64.json, or with another file."]
    timed(results, [{"name": MINI_FLOAT, "skipped": "no such file"}, row("mien emotion-big", 0.3, **OURS)])
    (results / "bench-arm64.json").unlink()
    assert frontier.lines(results)[8:] == [
        "no instructions: bench-arm64.json is missing; see `make bench-arm64`.",
        f"no times: {MINI_FLOAT} was not measured (no such file).",
        "emotion-small: not in bench.json, or with another file.",
    ]
    (results / "bench.json").unlink()
    lines = frontier.lines(results)
    assert "| **emotion-big** | 88.00 % | 300.0 | 280,000 | 20.0 | – | – | – |" in lines
    assert lines[-2:] == [
        "no times: bench.json is missing; see `make bench`.",
        "no instructions: bench-arm64.json is missing; see `make bench-arm64`.",
    ]


def test_the_time_and_the_count_of_a_file_that_has_become_another_are_left_out(results: Path) -> None:
    bench, counted = (json.loads((results / name).read_text()) for name in ("bench.json", "bench-arm64.json"))
    for kept in (True, False):
        sha256 = "of emotion-small" if kept else "of what emotion-small was"
        bench["models"] = {"emotion-small": {"tflite": sha256}}
        counted["networks"][0]["sha256"] = sha256
        (results / "bench.json").write_text(json.dumps(bench))
        (results / "bench-arm64.json").write_text(json.dumps(counted))
        shown = "0.50 × | 3.5 | 1.4" if kept else "– | – | –"
        lines = frontier.lines(results)
        assert f"| **emotion-small** | 85.00 % | 60.0 | 45,000 | 8.0 | {shown} |" in lines
        assert ("emotion-small: not in bench.json, or with another file." in lines) is not kept


def test_times_are_of_the_other_processor_where_it_alone_has_run_the_present_files(results: Path) -> None:
    bench = json.loads((results / "bench.json").read_text())
    (results / "bench-xeon.json").write_text(json.dumps({**bench, "models": {}}))
    assert "times are those of bench-xeon.json." not in frontier.lines(results)
    bench["models"] = {name: {"tflite": "of an older file"} for name in ("emotion-small", "emotion-big")}
    (results / "bench.json").write_text(json.dumps(bench))
    lines = frontier.lines(results)
    assert "| **emotion-small** | 85.00 % | 60.0 | 45,000 | 8.0 | 0.50 × | 3.5 | 1.4 |" in lines
    assert "times are those of bench-xeon.json." in lines


def test_of_two_equals_neither_is_on_the_frontier_alone() -> None:
    def point(name: str, accuracy: float, size: int) -> frontier.Point:
        return frontier.Point(name, accuracy, size)

    chosen = [point("small", 80, 10), point("worse", 79, 10), point("larger", 80, 11), point("best", 81, 12)]
    assert frontier.best(chosen) == {"small", "best"}
    assert frontier.best([point("one", 80, 10), point("other", 80, 10)]) == {"one", "other"}


def test_the_command_draws_the_picture_and_prints_the_table(
    results: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["frontier", "--results", str(results)]) == 0
    printed = capsys.readouterr().out
    assert "| **emotion-small** | 85.00 % |" in printed
    assert printed.endswith(f"{results / 'frontier.png'}\n")
    assert (results / "frontier.png").read_bytes().startswith(b"\x89PNG")
    (tmp_path / "empty").mkdir()
    assert main(["frontier", "--results", str(tmp_path / "empty")]) == 2
    assert "no emotion-NAME.json; see `make results`" in capsys.readouterr().err


def test_the_committed_results_have_a_frontier() -> None:
    found, _ = frontier.points(RESULTS)
    ours = [point for point in found if point.ours]
    assert ours
    assert all(point.ratio is not None and point.parameters for point in ours)
    assert frontier.CITED in found
