"""The bundled classifiers side by side: each figure out of the evaluation that it is said to be of."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from mien.errors import MienError
from mien_export.pages import classifiers_table

RESULTS = Path(__file__).parents[3] / "docs/results"


@pytest.fixture
def results(tmp_path: Path) -> Path:
    """The stored results, in which the figures of one model at a time are changed."""
    for name in classifiers_table.NAMES:
        (tmp_path / f"{name}.json").write_text((RESULTS / f"{name}.json").read_text())
    return tmp_path


def change(results: Path, protocol: str, expression: str, **figures: Any) -> None:
    """Set figures of emotion-nano's int8 TFLite on the test split, and spoil those of its ONNX file."""
    path = results / "emotion-nano.json"
    found = json.loads(path.read_text())
    count = 0
    for entry in found["evaluations"]:
        if (entry["split"], entry["protocol"], entry["expression"]) == ("test", protocol, expression):
            entry.update(figures if entry["artefact"] == "tflite" else {"accuracy": 0.0})
            count += 1
    assert count == 2
    path.write_text(json.dumps(found))


def cells(results: Path, start: str) -> list[str]:
    """A line's cells behind its name."""
    (line,) = [line for line in classifiers_table.lines(results) if line.startswith(f"| {start}")]
    return line.strip("| ").split(" | ")[1:]


@pytest.mark.parametrize(
    ("start", "protocol", "expression", "figures", "expected"),
    [
        ("accuracy, strict", "strict", "perceived", {"accuracy": 0.1234}, "12.34 %"),
        ("accuracy, loose", "loose", "perceived", {"accuracy": 0.1234}, "12.34 %"),
        ("accuracy, FER2013's seven", "fer2013", "intended", {"accuracy": 0.1234}, "12.34 %"),
        ("accuracy as shown by default", "strict", "mixed", {"accuracy": 0.1234}, "12.34 %"),
        ("mean of class recalls as shown", "strict", "mixed", {"mean_recall": 0.1234}, "0.123"),
        ("macro-F1", "strict", "perceived", {"macro_f1": 0.1234}, "0.123"),
        ("calibration error", "strict", "perceived", {"ece": 0.1234}, "0.123"),
        ("errors among the least", "strict", "perceived", {"abstention": {"share": 0.15, "errors": 0.1234}}, "12.3 %"),
    ],
)
def test_each_figure_is_of_its_protocol_and_reading(
    start: str, protocol: str, expression: str, figures: dict[str, Any], expected: str, results: Path
) -> None:
    before = cells(results, start)
    assert len(before) == 3
    change(results, protocol, expression, **figures)
    assert cells(results, start) == [*before[:2], expected]


def test_what_noise_and_the_like_do_and_the_full_path_stand_there(results: Path) -> None:
    found = json.loads((results / "emotion-nano.json").read_text())
    (strict,) = [
        e for e in found["evaluations"]
        if (e["artefact"], e["split"], e["protocol"], e["expression"]) == ("tflite", "test", "strict", "perceived")
    ]  # fmt: skip
    seen, way = strict["robustness"], strict["full_path"]
    for index, name in enumerate(("noise", "blur", "gamma", "cover", "contrast", "jpeg")):
        seen[name]["accuracy"] = 0.1 + index / 100
    seen["shift"]["changed"] = 0.0345
    way["frames"][1]["accuracy"] = 0.4321
    change(results, "strict", "perceived", robustness=seen, full_path=way)
    starts = ("noise", "blur", "dark", "lower 20", "contrast", "JPEG")
    assert [cells(results, start)[2] for start in starts] == [f"{10 + index}.0 %" for index in range(6)]
    assert cells(results, "choices that a shift")[2] == "3.5 %"
    assert cells(results, "found and read in scenes of 320×256")[2] == "43.2 %"


def test_the_loss_to_int8_is_that_on_validation_images(results: Path) -> None:
    path = results / "emotion-nano.json"
    found = json.loads(path.read_text())
    for kind, accuracy in (("float", 0.86), ("int8", 0.8475)):
        found["choices"][kind]["perceived"]["strict"]["accuracy"] = accuracy
    path.write_text(json.dumps(found))
    assert cells(results, "accuracy lost from float")[2] == "1.25"
    del found["choices"]
    path.write_text(json.dumps(found))
    assert cells(results, "accuracy lost from float")[2] == "–"


def test_a_result_that_is_not_there_is_named(results: Path) -> None:
    (results / "emotion-large.json").unlink()
    with pytest.raises(MienError, match=r"emotion-large\.json: missing; see `make results`"):
        classifiers_table.lines(results)
