"""A card's table of changed images and of the full path, from what evaluate wrote."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from mien.models import bundle
from mien_export import results
from mien_export.pages import emotion_tables
from mien_export.records.emotion import EmotionReport
from mien_export.records.reading import checked

REPORT = Path(__file__).parents[3] / "docs/results/emotion-base.json"


def _row(accuracy: float) -> dict[str, Any]:
    return {"accuracy": accuracy, "macro_f1": 0.5, "recall": {"anger": None}}


def _lines(**measured: Any) -> list[str]:
    """Of the committed report, with something measured on the strict test images besides."""
    document = json.loads(REPORT.read_text())
    for entry in document["evaluations"]:
        for key in ("robustness", "full_path"):
            entry.pop(key, None)
        if (entry["artefact"], entry["split"], entry["protocol"]) == ("tflite", "test", "strict"):
            entry.update(measured)
    return emotion_tables.robustness(checked(document, EmotionReport, "a report"))


def test_every_change_and_frame_has_a_row_in_per_cent() -> None:
    names = ("clean", "noise", "blur", "gamma", "cover", "contrast", "jpeg")
    changes = {name: _row(0.9 - 0.1 * index) for index, name in enumerate(names)}
    frames = [{"frame": [480, 640], "found": 0.948, "accuracy": 0.825, "accuracy_of_found": None, "recall": {}}]
    way = {"detector": "face-base", "n": 9, "sides": [160, 240], "scenes": 3, "seed": 0, "frames": frames}
    lines = _lines(robustness={**changes, "shift": {"changed": 0.0499}}, full_path=way)
    assert len(lines) == 2 + 8 + 1
    assert lines[2] == "| as they are | 90.0 % |"
    assert "| JPEG of quality 15 | 30.0 % |" in lines
    assert "| choices that a shift by one pixel changes | 5.0 % |" in lines
    assert lines[-1].startswith("| 160 to 240 pixels wide in scenes of 640×480, 94.8 % found by an earlier face-base")
    assert lines[-1].endswith("| 82.5 % |")
    of_today = {**way, "detector_sha256": bundle.load("face-base").sidecar.files["tflite"].sha256}
    lines = _lines(robustness={**changes, "shift": {"changed": 0.0499}}, full_path=of_today)
    assert "found by face-base, the others errors" in lines[-1]


def test_a_report_without_either_has_no_such_table() -> None:
    assert _lines() == []


def test_results_measure_both_once_on_the_strict_test_images(monkeypatch: Any) -> None:
    asked = []

    def evaluate(artefact: Path, data: Path, split: str, protocol: str, **told: Any) -> dict[str, object]:
        asked.append((artefact.suffix, split, protocol, told))
        return {}

    monkeypatch.setattr(results, "evaluate", evaluate)
    for name in ("m.tflite", "m.onnx"):
        for look in (("val", "strict", ""), ("test", "strict", "mixed"), ("test", "loose", "")):
            results._evaluated(Path(name), Path("data"), *look)
    more = [told for _, _, _, told in asked if "robust" in told]
    assert len(asked) == 6
    assert more == [{"expression": "mixed", "robust": True, "full": True}]
