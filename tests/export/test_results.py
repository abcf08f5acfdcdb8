"""`results` reads a model and leaves its folder as it is."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import pytest

from mien_export import results

Snapshot = dict[str, tuple[bytes, int]]
Evaluate = Callable[..., dict[str, object]]


def snapshot(folder: Path) -> Snapshot:
    """Content and time of change of every file."""
    return {path.name: (path.read_bytes(), path.stat().st_mtime_ns) for path in sorted(folder.iterdir())}


def figures(artefact: Path, data: Path, split: str, protocol: str) -> dict[str, object]:
    return {"split": split, "protocol": protocol, "model": artefact.name, "ap50": 0.9}


def writes(artefact: Path, data: Path, split: str, protocol: str) -> dict[str, object]:
    """As an earlier version did: its figures go into the sidecar."""
    path = artefact.with_suffix(".json")
    document = json.loads(path.read_text())
    path.write_text(json.dumps({**document, "metrics": [figures(artefact, data, split, protocol)]}))
    return figures(artefact, data, split, protocol)


@pytest.fixture
def report(models: tuple[Path, Path], tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Callable[[Evaluate], bool]:
    """Whether a report whose evaluation is such leaves the models' folder as it was."""

    def run(evaluate: Evaluate) -> bool:
        monkeypatch.setattr(results, "evaluate", evaluate)
        before = snapshot(models[0].parent)
        assert len(before) >= 6
        path = results.write(str(models[0]), tmp_path, tmp_path / "out" / "detector.json")
        found = json.loads(path.read_text())
        assert [entry["artefact"] for entry in found["evaluations"]] == ["tflite", "onnx"]
        assert found["files"] == json.loads(models[0].read_text())["files"]
        return snapshot(models[0].parent) == before

    return run


def test_a_report_leaves_the_models_folder_as_it_is(report: Callable[[Evaluate], bool]) -> None:
    assert report(figures)


def test_a_planted_write_is_seen(report: Callable[[Evaluate], bool], models: tuple[Path, Path]) -> None:
    before = models[0].read_bytes()
    try:
        assert not report(writes)
    finally:
        models[0].write_bytes(before)
