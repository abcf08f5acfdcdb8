"""`tables`: the README's tables, from docs/results/*.json and nothing else.

A table stands between `<!-- table NAME -->` and `<!-- end -->`; what is between them is replaced. Likewise what a
program printed, docs/results/NAME.txt, after `<!-- output NAME -->`.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from pathlib import Path

from mien.errors import MienError
from mien_export import files
from mien_export.pages import bench_table, detector_tables, emotion_tables, summary_table


def fill(readme: Path, results: Path) -> str:
    """The text of a README with every table made anew.

    Raises:
        MienError: a result is missing or a table's name is unknown.
    """

    def table(match: re.Match[str]) -> str:
        name = match["name"]
        if name not in _TABLES:
            raise MienError(f"{readme}: unknown table {name!r}; known are {', '.join(_TABLES)}")
        files, render = _TABLES[name]
        paths = [results / file for file in files]
        if missing := [path for path in paths if not path.is_file()]:
            raise MienError(f"{missing[0]}: missing, and table {name!r} of {readme.name} needs it; see `make results`")
        lines = render(*(json.loads(path.read_text(encoding="utf-8")) for path in paths))
        return "\n".join([f"<!-- table {name} -->", *lines, "<!-- end -->"])

    def output(match: re.Match[str]) -> str:
        path = results / f"{match['name']}.txt"
        if not path.is_file():
            raise MienError(f"{path}: missing, and {readme.name} shows it; see `make results`")
        printed = files.read_text(path).rstrip()
        return "\n".join([f"<!-- output {match['name']} -->", "```", printed, "```", "<!-- end -->"])

    text = files.read_text(readme)
    text = re.sub(r"<!-- table (?P<name>\S+) -->\n.*?<!-- end -->", table, text, flags=re.DOTALL)
    return re.sub(r"<!-- output (?P<name>\S+) -->\n.*?<!-- end -->", output, text, flags=re.DOTALL)


_TABLES: dict[str, tuple[tuple[str, ...], Callable[..., list[str]]]] = {
    "summary": (("emotion-base.json", "detector.json", "bench.json"), summary_table.lines),
    "emotion": (("emotion-base.json",), emotion_tables.accuracy),
    "classes": (("emotion-base.json",), emotion_tables.classes),
    "twins": (("explore.json",), emotion_tables.twins),
    "calibration": (("calibration-emotion.json",), emotion_tables.calibration),
    "detector": (("detector.json",), detector_tables.quality),
    "detector-small": (("face-small.json",), detector_tables.quality),
    "conditions": (("face-base-conditions.json",), detector_tables.conditions),
    "tiles": (("face-base-tiles.json",), detector_tables.tiles),
    "distance": (("face-base-conditions.json",), detector_tables.distance),
    "bench": (("bench.json",), bench_table.lines),
}
"""Name of a table to the results it is made from, and how."""
