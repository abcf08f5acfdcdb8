"""`docs/reference.md` against the code, both ways: nothing is missing from it, and nothing in it does not exist."""

from __future__ import annotations

import dataclasses
import json
import re
import subprocess
import sys
import tomllib
from collections.abc import Mapping
from pathlib import Path

import docs_code
import docs_commands
import docs_pages
import pytest

import mien
from mien import config
from mien.cameras.demo import photograph
from mien.cameras.settings import CameraSettings
from mien.cli import main
from mien.faces.face import Box, Face, Landmarks, Point
from mien.gpio.settings import GpioSettings
from mien.history.settings import HistorySettings
from mien.outputs import records
from mien.outputs.lines import JsonlSettings
from mien.outputs.mqtt import MqttSettings
from mien.outputs.program import CommandSettings
from mien.outputs.thinning import LastReading
from mien.pace.settings import PaceSettings
from mien.preview.settings import PreviewSettings
from mien.reading import FrameResult
from mien.tracking.settings import SmoothingSettings

PAGE = (docs_pages.ROOT / "docs/reference.md").read_text(encoding="utf-8")
KINDS = {str: "string", int: "whole number", float: "number", bool: "true or false", tuple: "list of strings"}


def _code(cell: str) -> str:
    """The content of a cell that is code; the cell itself if it is not."""
    match = re.fullmatch(r"`(.*)`", cell)
    return match[1] if match else cell


def _differences(written: Mapping[str, object], real: Mapping[str, object]) -> list[str]:
    """What a table lacks, has too much, or says otherwise."""
    return [
        *(f"missing: {key}: {real[key]}" for key in real if key not in written),
        *(f"does not exist: {key}" for key in written if key not in real),
        *(f"{key}: is {real[key]}, not {written[key]}" for key in real if key in written and written[key] != real[key]),
    ]


# Settings.


def _written_keys(page: str, table: int) -> dict[str, object]:
    """Key to type, default and option, of a table of settings."""
    rows = docs_pages.tables(docs_pages.section(page, "Settings of `mien run`"))[table]
    return {
        _code(key): (kind, tomllib.loads(f"x = {_code(default)}")["x"] if default else None, _code(option))
        for key, kind, default, option, _ in rows
    }


def _real_keys(kind: type) -> dict[str, object]:
    run = {action.dest: action.option_strings[0] for action in docs_commands.commands()["mien run"]._actions[1:]}
    found: dict[str, object] = {}
    for field in dataclasses.fields(kind):
        if dataclasses.is_dataclass(field.default):
            found[field.name] = ("table", None, "")
            continue
        default = list(field.default) if isinstance(field.default, tuple) else field.default
        found[field.name] = (KINDS[type(field.default)], default, run.get(field.name, ""))
    return found


@pytest.mark.parametrize(
    ("table", "kind"),
    list(
        enumerate(
            (
                config.RunConfig,
                CameraSettings,
                JsonlSettings,
                HistorySettings,
                MqttSettings,
                CommandSettings,
                PreviewSettings,
                PaceSettings,
                GpioSettings,
                SmoothingSettings,
            )
        )
    ),
)
def test_every_key_of_the_settings_stands_there_with_type_default_and_option(table: int, kind: type) -> None:
    assert not _differences(_written_keys(PAGE, table), _real_keys(kind))


@pytest.mark.parametrize(
    ("old", "new", "found"),
    [
        ("| `threads` |", "| `thread` |", ["missing: threads", "does not exist: thread"]),
        ('| `"face-small"` |', '| `"face-base"` |', ["look: is ('string', 'face-small', '')"]),
        ("| `--scan-every` |", "| `--scan` |", ["scan_every: is"]),
        ("| `max_frames` | whole number |", "| `max_frames` | number |", ["max_frames: is ('whole number'"]),
    ],
)
def test_a_planted_mistake_in_a_key_is_found(old: str, new: str, found: list[str]) -> None:
    assert PAGE.count(old) == 1
    differences = _differences(_written_keys(PAGE.replace(old, new), 0), _real_keys(config.RunConfig))
    assert len(differences) == len(found)
    assert all(difference.startswith(start) for difference, start in zip(differences, found, strict=True))


# Lines of JSON.

SHAPES = {
    "string": str,
    "boolean": bool,
    "string or null": (str, type(None)),
    "integer": int,
    "number": (int, float),
    "array of 4 numbers": list,
    "array of 5 arrays of 2 numbers": list,
    "array of objects": list,
    "object of numbers": dict,
}


def _written_fields(page: str) -> dict[str, object]:
    rows = docs_pages.tables(docs_pages.section(page, "A line of JSON"))[0]
    return {_code(name): (kind, unit, meaning) for name, kind, unit, meaning in rows}


def _real_fields() -> dict[str, object]:
    return {field.name: (field.kind, field.unit, field.meaning) for field in records.FIELDS}


def _misfits(page: str, title: str, printed: list[dict[str, object]]) -> list[str]:
    """What a table of fields lacks, has too much, or says of another kind than the records have."""
    rows = docs_pages.tables(docs_pages.section(page, title))[0]
    written = {_code(name): kind for name, kind, _, _ in rows}
    real = {name for record in printed for name in record}
    found = [f"missing: {name}" for name in sorted(real - written.keys())]
    found += [f"does not exist: {name}" for name in sorted(written.keys() - real)]
    for record in printed:
        for name, value in record.items():
            kind = SHAPES[written[name]] if name in written else object
            if not isinstance(value, kind) or isinstance(value, bool) != (kind is bool):
                found.append(f"{name}: {value!r} is no {written[name]}")
    return found


def _printed(capsys: pytest.CaptureFixture[str], arguments: list[str], status: int = 0) -> list[dict[str, object]]:
    assert main(arguments) == status
    found = [json.loads(line) for line in capsys.readouterr().out.splitlines()]
    assert found
    return found


@pytest.fixture
def lines(capsys: pytest.CaptureFixture[str]) -> list[dict[str, object]]:
    """Records of a run without and of one with an `image`."""
    live = _printed(capsys, ["run", "--source", "demo", "--max-frames", "3", "--sink", "jsonl:-"])
    pictures = _printed(capsys, ["run", "--source", str(photograph()), "--sink", "jsonl:-"])
    face = Face(Box(0, 0, 9, 9), Landmarks(*[Point(1.0, 2.0)] * 5), 0.5)
    gone = LastReading(1, face, "neutral", "neutral", None, {"neutral": 1.0})
    ended = records.record(FrameResult(0, "", 16, 16, 0, 0, (gone,)), gone, "00c0ffee", "")
    return [*live, *pictures, dict(ended)]


def test_every_field_of_a_line_of_json_stands_there_with_its_unit(lines: list[dict[str, object]]) -> None:
    assert not _differences(_written_fields(PAGE), _real_fields())
    assert list(_written_fields(PAGE)) == list(_real_fields())
    assert not _misfits(PAGE, "A line of JSON", lines)


def test_every_field_of_a_picture_stands_there(capsys: pytest.CaptureFixture[str], tmp_path: Path) -> None:
    (tmp_path / "damaged.png").write_bytes(b"no picture")
    arguments = ["detect", "--json", str(photograph()), str(tmp_path / "damaged.png")]
    printed = _printed(capsys, arguments, status=1)
    assert not _misfits(PAGE, "A picture of `mien detect --json`", printed)
    named = docs_pages.codes(next(r for r in PAGE.splitlines() if r.startswith("| `faces` |")))
    (face,) = printed[0]["faces"]  # type: ignore[misc]
    assert named[1:] == list(face)


@pytest.mark.parametrize(
    ("old", "new", "found"),
    [
        ("| `latency_ms` |", "| `latency` |", ["missing: latency_ms", "does not exist: latency"]),
        ("| `score` | number |", "| `score` | string |", ["score: 0."]),
        ("| `box` | array of 4 numbers |", "| `box` | object of numbers |", ["box: ["]),
    ],
)
def test_a_planted_mistake_in_a_field_is_found(
    old: str, new: str, found: list[str], lines: list[dict[str, object]]
) -> None:
    assert PAGE.count(old) == 1
    misfits = _misfits(PAGE.replace(old, new), "A line of JSON", lines)
    assert all(any(misfit.startswith(start) for misfit in misfits) for start in found)


@pytest.mark.parametrize(
    ("old", "new", "found"),
    [
        ("| `latency_ms` | number | ms |", "| `latency_ms` | number | s |", "latency_ms: is ('number', 'ms'"),
        ("| `run` |", "| `session` |", "does not exist: session"),
    ],
)
def test_a_planted_mistake_in_a_unit_is_found(old: str, new: str, found: str) -> None:
    assert PAGE.count(old) == 1
    differences = _differences(_written_fields(PAGE.replace(old, new)), _real_fields())
    assert any(difference.startswith(found) for difference in differences)


# Exit statuses.


def _written_statuses(page: str) -> tuple[dict[str, set[int]], set[str]]:
    """Program to its statuses, and the commands that may end with 1."""
    by_program, ones = docs_pages.tables(docs_pages.section(page, "Exit statuses"))
    programs = list(docs_code.ROOMS)
    columns = {program: {int(row[0]) for row in by_program if row[i + 1]} for i, program in enumerate(programs)}
    return columns, {_code(row[0]) for row in ones}


def _status_differences(page: str) -> list[str]:
    columns, ones = _written_statuses(page)
    found = []
    may = set(_CHECKED)
    for program in docs_code.ROOMS:
        by_command = docs_code.statuses(program)
        real = {0} | set().union(*by_command.values())
        if columns[program] != real:
            found.append(f"{program}: {sorted(real)}, not {sorted(columns[program])}")
        may |= {f"{program} {name}" for name, given in by_command.items() if name and 1 in given}
    found += [f"{command}: its status 1 is not told of" for command in sorted(may - ones)]
    return found + [f"{command}: has no status 1" for command in sorted(ones - may)]


_CHECKED = {"python -m mien_export build"}
"""Its status 1 comes of `CheckError`, which the command line turns into one."""


def test_every_exit_status_stands_there_and_no_other() -> None:
    assert not _status_differences(PAGE)


@pytest.mark.parametrize(
    ("old", "new", "found"),
    [
        ("| 130 | Ctrl-C | Ctrl-C |", "| 130 | Ctrl-C | |", "python -m mien_train: [0, 1, 2, 130], not [0, 1, 2]"),
        ("| 130 |", "| 131 |", "mien: [0, 1, 2, 3, 130], not [0, 1, 2, 3, 131]"),
        ("| `mien doctor` | something", "| `mien run` | something", "mien doctor: its status 1 is not told of"),
        ("| `mien doctor` | something", "| `mien run` | something", "mien run: has no status 1"),
    ],
)
def test_a_planted_mistake_in_a_status_is_found(old: str, new: str, found: str) -> None:
    assert PAGE.count(old) == 1
    assert found in _status_differences(PAGE.replace(old, new))


def test_statuses_are_read_from_every_way_to_give_them() -> None:
    text = (
        "NAME = 'walk'\ndef add(commands):\n    one = commands.add_parser(NAME)\n    one.set_defaults(run=_walk)\n"
        "    two = commands.add_parser('run')\n    two.set_defaults(main=main)\n"
        "def _walk(options) -> int:\n    status = 4\n    if x:\n        return 1 if y else 0\n    return _far()\n"
        "def _far() -> int:\n    return _failed('x', 3)\n"
        "def main(options) -> int:\n    sys.exit(5)\ndef other() -> int:\n    return 7\n"
    )
    assert docs_code.of_commands(text) == {"walk": {0, 1, 3, 4}, "run": {5}}


@pytest.mark.parametrize(
    ("arguments", "status"),
    [
        (["mien", "models"], 0),
        (["mien", "detect", "nowhere.jpg"], 1),
        (["mien", "run", "--source", "nowhere"], 2),
        (["mien_export", "verify", "nowhere"], 2),
        (["mien_train", "emotion", "--recipe", "none"], 2),
    ],
)
def test_the_programs_give_these_statuses(arguments: list[str], status: int) -> None:
    ran = subprocess.run([sys.executable, "-m", *arguments], capture_output=True, cwd=docs_pages.ROOT, check=False)
    assert ran.returncode == status


# Commands and variables.


def _command_differences(page: str) -> list[str]:
    written = docs_pages.subsections(docs_pages.section(page, "Commands"))
    real = docs_commands.commands()
    found = _differences({_code(title): None for title in written}, dict.fromkeys(real))
    for title, text in written.items():
        if _code(title) not in real:
            continue
        rows = {_code(cells[0]): cells[1] for cells in docs_pages.tables(text)[0]}
        options = docs_commands.options(real[_code(title)])
        # What argparse itself says nothing of, the page does.
        meant = {option: told or rows.get(option, "") for option, told in options.items()}
        found += [f"{title}: {difference}" for difference in _differences(rows, meant)]
        found += [f"{title}: {option} has no meaning" for option, meaning in rows.items() if not meaning]
    return found


def test_every_command_stands_there_with_all_its_options_and_what_help_says_of_them() -> None:
    differences = _command_differences(PAGE)
    rows = "\n".join(differences)
    assert not differences, f"bring docs/reference.md up to date:\n{rows}"


@pytest.mark.parametrize(
    ("old", "new", "found"),
    [
        ("### `mien models`", "### `mien model`", "does not exist: mien model"),
        ("\n| `--mirror` |", "\n| `--mirrored` |", "`mien run`: missing: --mirror: left to right"),
        ("| `--compare BEFORE AFTER` |", "| `--compare BEFORE` |", "`mien bench`: does not exist: --compare BEFORE"),
        ("stop after N processed frames", "stop after N frames", "`mien run`: --max-frames N: is stop after N proc"),
    ],
)
def test_a_planted_mistake_in_an_option_is_found(old: str, new: str, found: str) -> None:
    assert PAGE.count(old) == 1
    assert any(difference.startswith(found) for difference in _command_differences(PAGE.replace(old, new)))


def test_every_environment_variable_stands_there() -> None:
    rows = docs_pages.tables(docs_pages.section(PAGE, "Environment variables"))[0]
    real = docs_code.variables()
    assert len(real) >= 3
    assert not _differences({_code(row[0]): None for row in rows}, dict.fromkeys(real))


# Python.


def _api_differences(page: str) -> list[str]:
    written = docs_pages.subsections(docs_pages.section(page, "Python"))
    found = _differences(dict.fromkeys(written), dict.fromkeys(mien.__all__))
    for name, text in written.items():
        if name in mien.__all__:
            tables = docs_pages.tables(text)
            rows = {_code(cells[0]): None for cells in (tables[0] if tables else [])}
            real = dict.fromkeys(sorted(docs_code.members(name, getattr(mien, name))))
            found += [f"{name}: {difference}" for difference in _differences(rows, real)]
    return found


def test_every_public_name_stands_there_with_its_members() -> None:
    assert not _api_differences(PAGE)


@pytest.mark.parametrize(
    ("old", "new", "found"),
    [
        ("### FaceReader", "### FacesReader", "missing: FaceReader: None"),
        ("`read(luma, captured_at=None)`", "`read(luma)`", "FaceReader: missing: read(luma, captured_at=None): None"),
        ("| `damaged` |", "| `broken` |", "Camera: does not exist: broken"),
        ("| `to_luma(image, order='bgr')` |", "| `to_luma(image)` |", "to_luma: does not exist: to_luma(image)"),
    ],
)
def test_a_planted_mistake_in_the_interface_is_found(old: str, new: str, found: str) -> None:
    assert PAGE.count(old) == 1
    assert found in _api_differences(PAGE.replace(old, new))
