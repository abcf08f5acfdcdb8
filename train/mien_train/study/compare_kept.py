"""Rows of an earlier comparison that still hold: `compare --recipes` measures some systems and keeps the others'."""

from __future__ import annotations

import dataclasses
import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from mien.errors import MienError
from mien_train.recipes import definition, named
from mien_train.study import compare
from mien_train.study.contestants import CONTESTANTS, Contestant

Rows = list[dict[str, Any]]


def read(results: Path) -> tuple[Rows, dict[str, Any]]:
    """Rows and histories that an earlier comparison left in a folder; none where there was none.

    Raises:
        MienError: a file cannot be read.
    """
    rows: Rows = read_json(results / "compare.json", [])
    return rows, read_json(results / "compare-curves.json", {"epochs": {}})["epochs"]


def merged(
    plan: compare.Plan,
    rows: Sequence[dict[str, Any]],
    histories: Mapping[str, Any],
    earlier: tuple[Rows, dict[str, Any]],
) -> tuple[Rows, dict[str, Any]]:
    """New rows and histories among those of `read`, in the contestants' order.

    An earlier row stays if this plan would train the same: the same settings, the same seed.
    """
    fresh = {row["recipe"]: row for row in rows}
    old = {row["recipe"]: row for row in earlier[0]}
    shown: Rows = []
    for contestant in CONTESTANTS:
        if contestant.name in fresh:
            shown.append(fresh[contestant.name])
        elif contestant.name in old and _holds(plan, contestant, old[contestant.name]):
            shown.append({**old[contestant.name], "remark": contestant.remark})
    curves = {**earlier[1], **histories}
    return shown, {row["recipe"]: curves[row["recipe"]] for row in shown if row["recipe"] in curves}


def read_json(path: Path, absent: Any = None) -> Any:
    """A JSON file's content; `absent` where there is no such file.

    Raises:
        MienError: it cannot be read.
    """
    if not path.is_file():
        return absent
    try:
        return json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:
        raise MienError(f"{path}: not readable ({error}); remove it") from None


def _holds(plan: compare.Plan, contestant: Contestant, row: Mapping[str, Any]) -> bool:
    recipe = definition.chosen(named.EMOTION, contestant.recipe, compare.settings_of(plan, contestant))
    return {**row["settings"], "init": ""} == {**_plain(recipe), "init": ""} and row["seed"] == plan.seed


def _plain(recipe: definition.Recipe) -> dict[str, Any]:
    found: dict[str, Any] = json.loads(json.dumps(dataclasses.asdict(recipe)))
    return found
