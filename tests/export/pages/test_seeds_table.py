"""The table of recipes over several seeds, where there is a result and where there is none."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from mien import machine
from mien.errors import MienError
from mien_export.pages import seeds_table, tables


def _result(folder: Path, model: str, accuracy: float, **changes: Any) -> None:
    figures = {"accuracy": accuracy, "macro_f1": 0.66, "mean_recall": 0.7}
    deviation = {"accuracy": 0.0041, "macro_f1": 0.012, "mean_recall": 0.02}
    spread = {"n": 3153, "mean": figures, "deviation": deviation, "interval95": [accuracy - 0.01, accuracy + 0.01]}
    row = {"file": "a.tflite", "sha256": "ab", "epochs": 9, "default": "mixed", "validation": 0.87}
    found = {
        "command": f"python -m mien_export seeds {model} a b",
        "date": "2026-01-01",
        "model": model,
        "recipe": "base",
        "bootstrap": {"samples": 1000, "seed": 0},
        "seeds": [{**row, "seed": seed, "strict": figures, "loose": figures} for seed in (4, 0)],
        "validation": {"n": 3199, "mean": 0.8705, "deviation": 0.0021},
        "strict": spread,
        "loose": {**spread, "n": 3546, "mean": {**figures, "accuracy": 0.82}},
        "made_with": {},
        "hardware": machine.facts(),
        **changes,
    }
    (folder / f"seeds-{model}.json").write_text(json.dumps(found))


@pytest.fixture
def page(tmp_path: Path) -> Path:
    path = tmp_path / "page.md"
    path.write_text("<!-- table seeds -->\n<!-- end -->\n")
    return path


def test_each_model_has_a_line_with_what_chance_does(tmp_path: Path, page: Path) -> None:
    _result(tmp_path, "emotion-nano", 0.845)
    _result(tmp_path, "emotion-base", 0.865)
    lines = tables.fill(page, tmp_path).splitlines()
    assert lines[3] == (
        "| emotion-base | 0, 4 | 86.50 ± 0.41 % | 85.50 to 87.50 % | 82.00 ± 0.41 % | 0.660 ± 0.012 | 0.700 ± 0.020 | "
        "87.05 ± 0.21 % |"
    )
    assert lines[4].startswith("| emotion-nano | 0, 4 | 84.50 ± 0.41 % |")
    assert "3,153 strict, 3,546 loose test images" in lines[6]
    assert lines[6].endswith(
        "`python -m mien_export seeds emotion-base a b`. `python -m mien_export seeds emotion-nano a b`."
    )


def test_without_a_result_a_sentence_stands_there(tmp_path: Path, page: Path) -> None:
    assert tables.fill(page, tmp_path).splitlines()[1:-1] == [seeds_table.NONE]


def test_a_damaged_result_is_named(tmp_path: Path, page: Path) -> None:
    _result(tmp_path, "emotion-base", 0.865, strict={"n": 3153})
    with pytest.raises(MienError, match=r"seeds-emotion-base\.json: strict lacks 'mean'"):
        tables.fill(page, tmp_path)
