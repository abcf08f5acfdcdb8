from __future__ import annotations

import copy
from pathlib import Path

from mien_export.pages import tiles_table
from mien_export.records.reading import read
from mien_export.records.tiles import Tiles

RESULT = Path(__file__).parents[3] / "docs/results/face-base-tiles.json"


def test_second_looks_are_told_where_the_detector_takes_them() -> None:
    found = copy.deepcopy(read(RESULT, Tiles))
    found["detectors"]["tiles"].pop("second_looks", None)
    lines = tiles_table.lines(found)
    assert "| mien, with tiles | 10 |" in "\n".join(lines)
    assert "second looks" not in lines[-1]
    found["detectors"]["tiles"]["second_looks"] = 1.26
    lines = tiles_table.lines(found)
    assert "| mien, with tiles | 10 + 1.3 |" in "\n".join(lines)
    assert "After the plus: second looks at what only a tile shows." in lines[-1]
