"""`tables`: the tables of README.md and docs, from docs/results/*.json and nothing else.

A table stands between `<!-- table NAME -->` and `<!-- end -->`; what is between them is replaced. Likewise what a
program printed, docs/results/NAME.txt, after `<!-- output NAME -->`.
"""

from __future__ import annotations

import os
import re
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TypeVar

from mien.errors import MienError
from mien_export import files
from mien_export.pages import (
    bench_table,
    calibration_table,
    classifiers_table,
    conditions_tables,
    detector_table,
    emotion_tables,
    frontier,
    near_copies_table,
    seeds_table,
    smoothing_table,
    summary_table,
    tiles_table,
)
from mien_export.records.bench import Bench
from mien_export.records.calibration import Calibrations
from mien_export.records.conditions import Conditions
from mien_export.records.detector import DetectorReport
from mien_export.records.emotion import EmotionReport
from mien_export.records.explore import Exploration
from mien_export.records.reading import read
from mien_export.records.smoothing import Smoothing
from mien_export.records.tiles import Tiles

T = TypeVar("T")

_MARK = re.compile(r"<!-- (?:table|output) \S+ -->")
_TABLE = re.compile(r"<!-- table (?P<name>\S+) -->\n.*?<!-- end -->", re.DOTALL)
_OUTPUT = re.compile(r"<!-- output (?P<name>\S+) -->\n.*?<!-- end -->", re.DOTALL)


def pages(root: Path) -> list[Path]:
    """README.md, and every page in docs that has a table or shows what a program printed."""
    found = [root / "README.md", *sorted((root / "docs").rglob("*.md"))]
    return [page for page in found if page.parent == root or _MARK.search(files.read_text(page))]


def marks(text: str) -> list[str]:
    """The marks of tables and outputs of a page, such as `<!-- table summary -->`."""
    return _MARK.findall(text)


def complete(shown: Sequence[Path]) -> None:
    """Make sure that every table stands on a page.

    Raises:
        MienError: one does not: it would be made for nobody, and nobody would see it age.
    """
    found = {mark for page in shown for mark in marks(files.read_text(page))}
    for name in _TABLES:
        if f"<!-- table {name} -->" not in found:
            raise MienError(f"no page shows table {name!r}; mark its place, <!-- table {name} --> and <!-- end -->")


def fill(readme: Path, results: Path) -> str:
    """The text of a README, or of another page, with every table made anew.

    Links of the tables go out from the page: what they call docs/ is the folder in which the results' folder lies.

    Raises:
        MienError: a result is missing, a table's name is unknown, or a mark has no end.
    """

    way = os.path.relpath(results.parent, readme.parent)
    docs = "" if way == "." else f"{way}/"

    def table(match: re.Match[str]) -> str:
        name = match["name"]
        if name not in _TABLES:
            raise MienError(f"{readme}: unknown table {name!r}; known are {', '.join(_TABLES)}")
        lines = [line.replace("](docs/", f"]({docs}") for line in _TABLES[name](results)]
        return "\n".join([f"<!-- table {name} -->", *lines, "<!-- end -->"])

    def output(match: re.Match[str]) -> str:
        path = results / f"{match['name']}.txt"
        if not path.is_file():
            raise MienError(f"{path}: missing, and {readme.name} shows it; see `make results`")
        printed = files.read_text(path).rstrip()
        return "\n".join([f"<!-- output {match['name']} -->", "```", printed, "```", "<!-- end -->"])

    text = files.read_text(readme)
    begun, ended = len(marks(text)), len(_TABLE.findall(text)) + len(_OUTPUT.findall(text))
    if begun != ended:  # what follows would be taken for the table
        raise MienError(f"{readme}: {begun} tables begin and {ended} ends; close each with <!-- end -->")
    return _OUTPUT.sub(output, _TABLE.sub(table, text))


def _of(file: str, kind: type[T], render: Callable[[T], list[str]]) -> Callable[[Path], list[str]]:
    return lambda results: render(read(results / file, kind))


def _summary(results: Path) -> list[str]:
    other = results / "bench-xeon.json"
    return summary_table.lines(
        [read(results / f"{name}.json", EmotionReport) for name in classifiers_table.NAMES],
        read(results / "detector.json", DetectorReport),
        read(results / "bench.json", Bench),
        read(other, Bench) if other.is_file() else None,
    )


_TABLES: dict[str, Callable[[Path], list[str]]] = {
    "summary": _summary,
    "classifiers": classifiers_table.lines,
    "seeds": seeds_table.lines,
    "emotion": _of("emotion-base.json", EmotionReport, emotion_tables.accuracy),
    "classes": _of("emotion-base.json", EmotionReport, emotion_tables.classes),
    "choices": _of("emotion-base.json", EmotionReport, emotion_tables.choices),
    "twins": _of("explore.json", Exploration, near_copies_table.lines),
    "calibration": _of("calibration-emotion.json", Calibrations, calibration_table.lines),
    "detector": _of("detector.json", DetectorReport, detector_table.lines),
    "detector-small": _of("face-small.json", DetectorReport, detector_table.lines),
    "conditions": _of("face-base-conditions.json", Conditions, conditions_tables.recall),
    "tiles": _of("face-base-tiles.json", Tiles, tiles_table.lines),
    "distance": _of("face-base-conditions.json", Conditions, conditions_tables.distance),
    "frontier": frontier.lines,
    "smoothing": _of("smoothing.json", Smoothing, smoothing_table.lines),
    "bench": _of("bench.json", Bench, bench_table.lines),
}
"""Name of a table to its lines, given the folder of the results."""
