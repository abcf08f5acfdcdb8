from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pytest

from mien.errors import MienError
from mien_train.emotion import report
from mien_train.emotion.classification import of_confusion, scores
from mien_train.training import history

# Five images of class 0 (three found), three of class 1 (two found), two of class 2 (none found).
CONFUSION = [[3, 2, 0], [1, 2, 0], [2, 0, 0]]


def _found(confusion: list[list[int]], names: list[str]) -> dict[str, Any]:
    figures = of_confusion(np.array(confusion))
    return {
        "task": "emotion",
        "model": "checkpoint.pt",
        "split": "val",
        "protocol": "strict",
        "n": int(figures.support.sum()),
        "accuracy": figures.accuracy,
        "macro_f1": figures.macro_f1,
        **{f"weighted_{k}": getattr(figures, f"weighted_{k}") for k in ("precision", "recall", "f1")},
        "ece": 0.02,
        "per_class": {
            name: {
                "precision": float(figures.precision[k]),
                "recall": float(figures.recall[k]),
                "f1": float(figures.f1[k]),
                "support": int(figures.support[k]),
            }
            for k, name in enumerate(names)
        },
        "confusion": confusion,
    }


HISTORY = {
    "task": "emotion",
    "recipe": {"name": "quick"},
    "seed": 0,
    "epochs": [
        {"epoch": 1, "loss_cross_entropy": 2.0, "val_loss": 1.9, "val_accuracy": 0.3, "seconds": 1.0},
        {"epoch": 2, "loss_cross_entropy": 1.5, "val_loss": 1.6, "val_accuracy": 0.5, "seconds": 1.0},
    ],
}


def test_weighted_means_are_those_worked_out_by_hand() -> None:
    figures = of_confusion(np.array(CONFUSION))
    # Precision 3/6, 2/4, 0 and recall 3/5, 2/3, 0 and F1 6/11, 4/7, 0, weighed 5, 3, 2 of 10.
    assert figures.weighted_precision == pytest.approx((5 * 1 / 2 + 3 * 1 / 2) / 10)
    assert figures.weighted_recall == pytest.approx((5 * 3 / 5 + 3 * 2 / 3) / 10)
    assert figures.weighted_f1 == pytest.approx((5 * 6 / 11 + 3 * 4 / 7) / 10)
    assert figures.weighted_recall == pytest.approx(figures.accuracy) == 0.5


def test_predictions_are_counted_into_the_same_figures() -> None:
    labels = np.array([0] * 5 + [1] * 3 + [2] * 2)
    predicted = np.array([0, 0, 0, 1, 1, 0, 1, 1, 0, 0])
    figures = scores(predicted, labels, 3)
    assert figures.confusion.tolist() == CONFUSION
    assert figures.weighted_f1 == of_confusion(np.array(CONFUSION)).weighted_f1


def test_no_image_gives_zeros() -> None:
    figures = of_confusion(np.zeros((2, 2), np.int64))
    assert (figures.accuracy, figures.weighted_precision, figures.weighted_f1) == (0, 0, 0)


def test_a_report_keeps_the_evaluation_and_adds_pictures(tmp_path: Path) -> None:
    found = _found(CONFUSION, ["anger", "fear", "joy"])
    report.write(tmp_path / "deep" / "report", found, HISTORY)
    folder = tmp_path / "deep" / "report"
    assert {p.name for p in folder.iterdir()} == {"report.json", "confusion.png", "per_class.png", "curves.png"}
    written = json.loads((folder / "report.json").read_text())
    assert written == found
    for name in ("confusion.png", "per_class.png", "curves.png"):
        picture = cv2.imread(str(folder / name), cv2.IMREAD_GRAYSCALE)
        assert picture is not None
        assert picture.std() > 10, f"{name} shows nothing"


@pytest.mark.parametrize("classes", [2, 20])
def test_pictures_grow_with_the_classes(tmp_path: Path, classes: int) -> None:
    rng = np.random.default_rng(0)
    confusion = (rng.integers(0, 9, (classes, classes)) + 90 * np.eye(classes, dtype=np.int64)).tolist()
    report.write(tmp_path, _found(confusion, [f"emotion {k}" for k in range(classes)]), None)
    picture = cv2.imread(str(tmp_path / "confusion.png"))
    assert picture is not None
    # Twenty rows need at least sixty pixels each to be read.
    assert picture.shape[0] >= max(400, 60 * classes)
    assert not (tmp_path / "curves.png").exists()


def test_any_label_is_shown_as_it_is_and_is_no_formula(tmp_path: Path) -> None:
    report.write(tmp_path, _found(CONFUSION, ["$_$", "a^b", "$$"]), None)
    assert (tmp_path / "per_class.png").stat().st_size > 1000


def test_a_report_that_cannot_be_written_leaves_the_earlier_one(tmp_path: Path) -> None:
    report.write(tmp_path, _found(CONFUSION, ["a", "b", "c"]), None)
    before = {path.name: path.read_bytes() for path in tmp_path.iterdir()}
    code = (
        "import json, resource, sys; from pathlib import Path; from mien.errors import MienError\n"
        "from mien_train.emotion import report\n"
        "found = json.load(sys.stdin); resource.setrlimit(resource.RLIMIT_FSIZE, (20000, 20000))\n"
        "try: report.write(Path(sys.argv[1]), found, None)\n"
        "except MienError as error: print(error)\n"
    )
    ran = subprocess.run(
        [sys.executable, "-c", code, str(tmp_path)],
        input=json.dumps(_found(CONFUSION, ["other", "b", "c"])),
        env={**os.environ, "PYTHONPATH": os.pathsep.join(filter(None, sys.path))},
        capture_output=True,
        text=True,
        check=True,
    )
    assert "cannot be written (File too large)" in ran.stdout
    after = {path.name: path.read_bytes() for path in tmp_path.iterdir()}
    assert set(after) == set(before)
    assert [name for name in before if after[name] != before[name]] == ["report.json"], "whole, and written first"


@pytest.mark.parametrize("text", ["{}", "[", '{"task": "emotion", "recipe": {"name": "a"}, "seed": 0, "epochs": [1]}'])
def test_a_torn_history_is_one_line(tmp_path: Path, text: str) -> None:
    (tmp_path / "history.json").write_text(text)
    with pytest.raises(MienError, match="is no history of a run, or torn"):
        history.read(tmp_path / "history.json")


def test_a_folder_that_cannot_be_made_is_said_in_one_line(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(MienError, match="cannot be written"):
        report.write(tmp_path / "file", _found(CONFUSION, ["a", "b", "c"]), None)


def test_robustness_has_a_picture_where_it_was_measured(tmp_path: Path) -> None:
    row = {"accuracy": 0.5, "macro_f1": 0.4, "recall": {}}
    found = {**_found(CONFUSION, ["a", "b", "c"]), "robustness": {"clean": row, "blur": row, "shift": {"changed": 0.1}}}
    report.write(tmp_path, found, None)
    picture = cv2.imread(str(tmp_path / "robustness.png"), cv2.IMREAD_GRAYSCALE)
    assert picture is not None
    assert picture.std() > 10
