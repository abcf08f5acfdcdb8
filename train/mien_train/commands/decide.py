"""`decide`: choose how a finished classifier is read."""

from __future__ import annotations

import argparse
import json
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from mien_train.commands.options import Commands, add_data
from mien_train.data import store


def add(commands: Commands) -> None:
    """Add the command."""
    decide = commands.add_parser(
        "decide", help="choose expressions, temperatures and abstain thresholds of a finished emotion run anew"
    )
    decide.add_argument("run_folder", type=Path, metavar="RUN", help="run folder of the emotion network")
    decide.add_argument("--json", action="store_true", help="print one JSON object")
    add_data(decide)
    decide.set_defaults(run=_decide)


def _decide(options: argparse.Namespace) -> int:
    where = store.folder(options.data)
    from mien_train.emotion import deciding

    found = deciding.store(options.run_folder, where)
    print(json.dumps(found) if options.json else _text(found))  # noqa: T201
    return 0


def _text(found: Mapping[str, Any]) -> str:
    """What was chosen as aligned lines, the model's own choice in the first column."""
    if "decision" in found:
        one = found["decision"]
        return f"temperature {one['temperature']:g}, uncertain below {one['abstain_below']:g}"
    names = [one["name"] for one in found["expressions"]]
    return "\n".join([_row("validation", names), *_rows(found, names)])


def _rows(found: Mapping[str, Any], names: list[str]) -> Iterator[str]:
    choices, ways = found["choices"], {one["name"]: one for one in found["expressions"]}
    yield _row("mean of all recalls", [f"{choices[name]['mean_recall']:.4f}" for name in names])
    for judge in ("strict", "fer2013"):
        for figure in ("accuracy", "mean_recall", "ece"):
            cells = [f"{choices[name][judge][figure]:.4f}" for name in names]
            yield _row(f"{judge} {figure.replace('_', ' ')}", cells)
        for label in choices[names[0]][judge]["recall"]:
            recalls = [choices[name][judge]["recall"][label] for name in names]
            yield _row(f"{judge} {label}", ["–" if recall is None else f"{recall:.4f}" for recall in recalls])
    for figure in ("temperature", "abstain_below"):
        yield _row(figure.replace("_", " "), [f"{ways[name][figure]:g}" for name in names])
    for name in names:
        weights = ", ".join(f"{output} {weight:g}" for output, weight in ways[name]["weights"].items())
        yield f"{name}: weights {weights}; offsets {', '.join(f'{offset:g}' for offset in ways[name]['offsets'])}"


def _row(head: str, cells: list[str]) -> str:
    return f"{head:<22}" + "".join(f"{cell:>11}" for cell in cells)
