"""The card of a classifier that is read in several ways, and of one of FER2013's labels."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest

from mien.errors import MienError
from mien.models import bundle
from mien_export import results
from mien_export.pages import card, emotion_tables
from mien_export.records.emotion import EmotionReport, main_test, strict_test
from mien_export.records.reading import read
from mien_train.data.fer import FERPLUS
from mien_train.data.fer_csv import FER2013

RESULTS = Path(__file__).parents[3] / "docs/results"


def _judged(names: tuple[str, ...], recall: float) -> dict[str, Any]:
    recalls: dict[str, float | None] = dict.fromkeys(names, recall)
    return {"n": 10, "accuracy": 0.8, "mean_recall": recall, "ece": 0.02, "recall": {**recalls, names[-1]: None}}


def _choice(recall: float) -> dict[str, Any]:
    return {"mean_recall": recall, "strict": _judged(FERPLUS, recall), "fer2013": _judged(FER2013, recall)}


CHOICES = {"mixed": _choice(0.73), "perceived": _choice(0.61), "intended": _choice(0.72)}


def _report(folder: Path, *expressions: str, **changes: object) -> Path:
    """The stored report of emotion-base, each of its readings `perceived` once for each expression; no choices."""
    found = json.loads((RESULTS / "emotion-base.json").read_text())
    del found["choices"]
    evaluations = [
        {**entry, "expression": name, "accuracy": entry["accuracy"] - 0.1 * index}
        for index, name in enumerate(expressions)
        for entry in found["evaluations"]
        if entry["expression"] == "perceived"
    ]
    assert len(evaluations) == 8 * len(expressions)
    path = folder / "emotion-base.json"
    path.write_text(json.dumps({**found, "evaluations": evaluations, **changes}))
    return path


def test_the_card_shows_the_choice_class_by_class_with_the_default_first(tmp_path: Path) -> None:
    _report(tmp_path, "perceived", "mixed", choices={"float": CHOICES, "int8": CHOICES})
    text = card.write("emotion-base", tmp_path, tmp_path).read_text()
    assert "| validation images | mixed | perceived | intended |" in text
    assert "| mean of all recalls | 0.730 | 0.610 | 0.720 |" in text
    assert "| FER+, disgust | 0.73 | 0.61 | 0.72 |" in text
    assert "| FER2013, neutral | – | – | – |" in text
    assert "| strict, test, mixed |" in text


def test_a_card_of_two_models_is_refused(tmp_path: Path) -> None:
    files = json.loads((RESULTS / "emotion-nano.json").read_text())["files"]
    _report(tmp_path, "perceived", files=files)
    with pytest.raises(MienError, match="is of another emotion-base; run `mien_export results emotion-base` first"):
        card.write("emotion-base", tmp_path, tmp_path)
    assert [path.name for path in tmp_path.iterdir() if path.suffix == ".md"] == []


def test_what_people_see_stands_for_a_model_of_several_expressions(tmp_path: Path) -> None:
    found = read(_report(tmp_path, "mixed", "perceived"), EmotionReport)
    assert main_test(found)["expression"] == strict_test(found)["expression"] == "perceived"


def test_a_model_of_fer2013s_labels_is_judged_by_them(tmp_path: Path) -> None:
    found = read(_report(tmp_path, "intended"), EmotionReport)
    entry = main_test(found)
    assert (entry["protocol"], entry["split"], entry["artefact"]) == ("fer2013", "test", "tflite")


def test_a_report_of_one_way_shows_no_choice(tmp_path: Path) -> None:
    _report(tmp_path, "perceived")
    assert "validation images |" not in card.write("emotion-base", tmp_path, tmp_path).read_text()


def test_the_classes_are_also_told_as_the_runtime_shows_them(tmp_path: Path) -> None:
    path = _report(tmp_path, "perceived", "mixed")
    found = json.loads(path.read_text())
    for entry in found["evaluations"]:
        if (entry["expression"], entry["protocol"]) == ("mixed", "strict"):
            del entry["default"]
            entry["per_class"]["contempt"] |= {"precision": 0.31, "recall": 0.77}
    path.write_text(json.dumps(found))
    lines = emotion_tables.classes(read(path, EmotionReport))
    assert lines[0].endswith("| test images | precision as shown by default | recall as shown by default |")
    assert lines[-1].startswith("| contempt | 1.00 | 0.06 |")
    assert lines[-1].endswith("| 16 | 0.31 | 0.77 |")
    # Nothing more to tell of a model that shows what stands for it.
    for entry in found["evaluations"]:
        entry.pop("default", None)
    path.write_text(json.dumps(found))
    assert emotion_tables.classes(read(path, EmotionReport))[-1].endswith("| 16 |")


def test_artefacts_share_a_line_only_where_every_figure_is_the_same(tmp_path: Path) -> None:
    path = _report(tmp_path, "perceived")
    found = json.loads(path.read_text())
    (entry,) = [e for e in found["evaluations"] if (e["artefact"], e["protocol"]) == ("onnx", "loose")]
    entry["ece"] += 0.1
    path.write_text(json.dumps(found))
    artefacts = [line.split(" | ")[:2] for line in emotion_tables.accuracy(read(path, EmotionReport))[2:-2]]
    assert artefacts == [
        ["| int8 TFLite and ONNX", "strict, validation"],
        ["| int8 TFLite and ONNX", "strict, test"],
        ["| int8 TFLite", "loose, test"],
        ["| int8 TFLite and ONNX", "fer2013, test"],
        ["| int8 ONNX", "loose, test"],
    ]


@pytest.mark.parametrize(
    ("expressions", "expected"),
    [
        (
            {"mixed": FERPLUS, "perceived": FERPLUS, "intended": FER2013},
            {"perceived strict", "perceived loose", "perceived fer2013", "mixed strict", "mixed loose", "mixed fer2013",
             "intended fer2013"},
        ),
        ({"intended": FER2013}, {" fer2013"}),
        ({"perceived": FERPLUS}, {" strict", " loose", " fer2013"}),
    ],
)  # fmt: skip
def test_results_look_at_each_expression_by_its_labels(
    expressions: Mapping[str, tuple[str, ...]], expected: set[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    model = bundle.load("emotion-base")
    ways = tuple(
        bundle.Expression(name, labels, (), (0.0,) * len(labels), 1.0, 0.5) for name, labels in expressions.items()
    )
    monkeypatch.setattr(bundle.Bundle, "expressions", ways)
    looks = results._looks(model)
    assert {f"{name} {protocol}" for split, protocol, name in looks if split == "test"} == expected
    assert len(looks) == len(set(looks))
