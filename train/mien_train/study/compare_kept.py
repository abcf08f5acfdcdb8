"""Rows of an earlier comparison that still hold: `compare` adds to them as its own are finished."""

from __future__ import annotations

import dataclasses
import json
from collections.abc import Mapping, Sequence
from pathlib import Path

from mien.errors import MienError
from mien.models.fields import Fields
from mien_train.recipes import choosing
from mien_train.study import compare_measure, compare_rows
from mien_train.study.compare_plan import Plan
from mien_train.study.compare_rows import Epochs, Measured, Row
from mien_train.study.contestants import CONTESTANTS, OURS, Contestant

ROWS, CURVES = "compare.json", "compare-curves.json"
"""Files of rows and of histories in a folder of results."""

_REMEDY = "remove it"


def read(results: Path) -> tuple[list[Row], dict[str, Epochs]]:
    """Rows and histories that an earlier comparison left in a folder; none where there was none.

    Raises:
        MienError: a file cannot be read.
    """
    rows = compare_rows.parsed(read_json(results / ROWS, []), str(results / ROWS))
    place = results / CURVES
    curves = Fields({"curves": read_json(place, {"epochs": {}})}, str(place), _REMEDY).part("curves").part("epochs")
    return rows, {name: _epochs(curves, name) for name in curves.values}


def merged(
    plan: Plan,
    rows: Sequence[Row],
    histories: Mapping[str, Epochs],
    earlier: tuple[Sequence[Row], Mapping[str, Epochs]],
) -> tuple[list[Row], dict[str, Epochs]]:
    """New rows and histories among those of `read`, in the contestants' order.

    An earlier row stays if this plan would train the same: the same settings, the same seed. Ours, which is not
    trained, stays if it is of the bundled model.
    """
    by_name = {c.name: c for c in CONTESTANTS}
    kept = [told_now(row) for row in earlier[0] if row.recipe in by_name and _holds(plan, by_name[row.recipe], row)]
    fresh = {row.recipe for row in rows}
    shown = compare_rows.in_order([*(row for row in kept if row.recipe not in fresh), *rows])
    curves = {**{name: epochs for name, epochs in earlier[1].items() if name not in fresh}, **histories}
    return shown, {row.recipe: curves[row.recipe] for row in shown if row.recipe in curves}


def told_now(row: Row) -> Row:
    """A row with what is to be said of its system today."""
    remark = next((c.remark for c in CONTESTANTS if c.name == row.recipe), row.remark)
    return dataclasses.replace(row, remark=remark)


def read_json(path: Path, absent: object = None) -> object:
    """A JSON file's content; `absent` where there is no such file.

    Raises:
        MienError: it cannot be read.
    """
    if not path.exists():
        return absent
    try:
        return json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError, RecursionError) as error:
        raise MienError(f"{path}: not readable ({error}); {_REMEDY}") from None


def _epochs(curves: Fields, name: str) -> Epochs:
    if curves.values[name] == []:
        return []
    return [{key: part.number(key, -1e12, 1e12) for key in part.values} for part in curves.parts(name)]


def _holds(plan: Plan, contestant: Contestant, row: Row) -> bool:
    if contestant.recipe == OURS:
        return isinstance(row, Measured) and row.latency_beside == compare_measure.our_digits()
    try:
        trained = choosing.recipe_of("emotion", row.settings)
    except MienError:
        return False  # of a version with other settings
    wanted = plan.recipe(contestant)
    # Where the weights that it starts from lie is no setting.
    return dataclasses.replace(trained, init="") == dataclasses.replace(wanted, init="") and row.seed == plan.seed
