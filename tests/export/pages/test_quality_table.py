"""A card's account of who taught a classifier and how well it knows when it is wrong."""

from __future__ import annotations

import json
import shutil
from pathlib import Path
from typing import Any

import pytest

from mien.errors import MienError
from mien.models import bundle
from mien_export.pages import card

RESULTS = Path(__file__).parents[3] / "docs/results"

TEACHER = {"recipe": "teacher-large", "seed": 12, "accuracy": 0.8865}


def _group(area: float) -> dict[str, Any]:
    return {
        "faces": 30,
        "accuracy": 0.75,
        "risk_area": {"softmax": area, "quality": area - 0.001},
        "difference": {"mean": -0.001, "error": 0.0004},
        "calibration_error": {"softmax": 0.05, "quality": 0.02},
    }


def _card(folder: Path, **changes: Any) -> str:
    """The card of emotion-base beside a result of `quality` of its own settings."""
    shutil.copy(RESULTS / "emotion-base.json", folder)
    found = {
        "command": "python -m mien_train quality runs/emotion-base",
        "images": 40,
        "detector": "face-base",
        "run": {"recipe": "base", "seed": 0, "epochs": 9, "teachers": {"ab12": TEACHER}},
        "settings": bundle.load("emotion-base").sidecar.document["quality"],
        "groups": {"clean": _group(0.05), "spoiled": _group(0.08), "all": _group(0.06)},
        **changes,
    }
    (folder / "quality-emotion-base.json").write_text(json.dumps(found))
    return card.write("emotion-base", folder, folder).read_text()


def test_the_area_stands_beside_that_of_softmax_alone(tmp_path: Path) -> None:
    text = _card(tmp_path)
    assert "| clean | 30 | 75.0 % | 0.0500 | 0.0490 | 0.0004 | 0.050 | 0.020 |" in text
    assert "| spoiled | 30 | 75.0 % | 0.0800 | 0.0790 | 0.0004 | 0.050 | 0.020 |" in text
    assert "Of 40 validation images" in text
    assert text.index("risk-coverage") < text.index("## Weak spots")


@pytest.mark.parametrize(
    ("teachers", "expected"),
    [
        (
            {"ab12": TEACHER},
            "Taught by labels and by the answers of a network of recipe `teacher-large`, seed 12 (88.65 % of the "
            "strict validation images in float), which saw the same training images.",
        ),
        ({}, "Taught by labels alone."),
    ],
)
def test_the_card_says_who_taught(teachers: dict[str, Any], expected: str, tmp_path: Path) -> None:
    text = _card(tmp_path, run={"recipe": "base", "seed": 0, "epochs": 9, "teachers": teachers})
    assert expected in text.split("## Data")[1].split("## Files")[0]


def test_figures_of_another_run_are_refused(tmp_path: Path) -> None:
    settings = {
        **bundle.load("emotion-base").sidecar.document["quality"],
        "height": {"usual": 1, "spread": 1, "weight": 1},
    }
    with pytest.raises(MienError, match=r"quality-emotion-base\.json: is of another emotion-base; measure it"):
        _card(tmp_path, settings=settings)


def test_without_that_result_the_card_says_nothing_of_it(tmp_path: Path) -> None:
    shutil.copy(RESULTS / "emotion-base.json", tmp_path)
    text = card.write("emotion-base", tmp_path, tmp_path).read_text()
    assert "risk-coverage" not in text
    assert "Taught" not in text
