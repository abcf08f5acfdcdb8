"""The table of ways to smooth, from a result made by hand."""

from __future__ import annotations

import copy
import json
from pathlib import Path
from typing import Any

import pytest

from mien.errors import MienError
from mien_export.pages import smoothing_table
from mien_export.records.reading import checked, read
from mien_export.records.smoothing import Smoothing


def _row(filtered: str, rule: str, mean: float, p90: int | None, never: int) -> dict[str, Any]:
    often = {"mean": mean, "interval": [mean / 2, mean * 2], "faces_above_1": 0.25}
    late = {"changes": 20, "never": never, "median": 200, "p90": p90, "in_time": (20 - never) / 20}
    at = {"still": often, "swaying": often, "cut": late, "faded": late, "uncertain": 0.125, "wrong": 0.031}
    numbers = {"seconds": 1.6, "response": 0.02} if filtered != "none" else {}
    ahead = {"ahead": 0.15} if rule == "margin" else {}
    return {
        "filter": filtered,
        "filter_numbers": numbers,
        "rule": rule,
        "rule_numbers": ahead,
        "rates": {"15": at, "30": at},
    }


FOUND: dict[str, Any] = {
    "command": "python -m mien_train smoothing",
    "date": "2026-11-26",
    "model": "emotion-base",
    "detector": "face-base",
    "seed": 0,
    "faces": {"chosen_on": 32, "reported": 31, "not_found": 3},
    "seconds": {"still": 40.0, "swaying": 20.0},
    "face_pixels": 120,
    "noise": [3.0, 8.0],
    "tremor_pixels": 1.36,
    "limits": {"changes_a_minute": 1.0, "milliseconds": 700.0, "late": 0.05},
    "tried": 168,
    "costs": {"best": 0.914, "default": 1.04},
    "rows": [_row("none", "at once", 98.6, 133, 0), _row("One-Euro", "margin", 0.5, None, 3)],
    "default": _row("One-Euro", "margin", 0.04, 400, 1),
    "earlier": _row("exponential", "at once", 7.0, 733, 0),
    "whole_path": {
        "faces": 8, "rate": 15, "seconds": 20.0, "frames": 3000, "lost": 12, "tracks": 16, "clips": 16,
        "unsmoothed": 121.5, "unsmoothed_crops": 99.9, "shown": 0.4, "changes_shown": 6, "slowest": 333,
    },
}  # fmt: skip


def test_every_way_has_a_row_and_what_is_never_shown_says_so() -> None:
    lines = smoothing_table.lines(checked(FOUND, Smoothing, "here"))
    cells = [[cell.strip() for cell in line.strip("|").split("|")] for line in lines[2:6]]
    assert len({len(row) for row in cells}) == 1
    assert cells[0][:3] == ["none", "at once", "98.60 (49.30 to 197.20)"]
    assert cells[1][:2] == ["One-Euro 1.6 s, 0.02", "margin 0.15"]
    assert cells[1][5:] == ["200 / never", "3 of 20", "12 %", "3.1 %"]
    assert cells[2][0] == "earlier: exponential 1.6 s, 0.02"
    assert cells[3][0] == "**mien: One-Euro 1.6 s, 0.02**"
    assert all(cell.startswith("**") for cell in cells[3])


def test_the_words_name_both_limits_and_the_count_without_smoothing() -> None:
    text = "\n".join(smoothing_table.lines(checked(FOUND, Smoothing, "here")))
    assert "changes 0.04 times a minute, and 99 times without smoothing (at most 1 is wanted; 25 % of the faces" in text
    assert "19 of 20 changes of expression from one frame to the next, and 19 of 20 of those" in text
    assert "within 700 ms of their beginning (at least 95 % is wanted)" in text
    assert "chosen on 32 faces out of 168 combinations" in text
    assert "added: 0.91 at best, 1.04 with mien's. The figures" in text


@pytest.mark.parametrize("key", sorted(FOUND))
def test_a_result_that_lacks_something_is_refused(key: str, tmp_path: Path) -> None:
    document = copy.deepcopy(FOUND)
    del document[key]
    path = tmp_path / "smoothing.json"
    path.write_text(json.dumps(document))
    with pytest.raises(MienError, match=f"lacks '{key}'"):
        read(path, Smoothing)
