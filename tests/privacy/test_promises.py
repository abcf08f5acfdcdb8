"""Every promise of the page on privacy names tests that hold it, and they are there."""

from __future__ import annotations

import ast
import re
from pathlib import Path

import pytest

from mien import privacy

ROOT = Path(__file__).parents[2]
PAGE = ROOT / "docs/privacy.md"
_TEST = re.compile(r"`(tests/[\w/]+\.py)::(\w+)`")


def rows(text: str, title: str) -> list[list[str]]:
    """The cells of the table under a heading, without its head."""
    part = text.partition(f"## {title}\n")[2].partition("\n## ")[0]
    lines = [line for line in part.splitlines() if line.startswith("| ")]
    return [[cell.strip() for cell in line.strip("|").split("|")] for line in lines[2:]]


def unheld(text: str) -> list[str]:
    """Promises of a page that name no test, or one that does not exist."""
    found = []
    for promise, held in rows(text, "What the tests show"):
        named = _TEST.findall(held)
        if not named:
            found.append(f"{promise}: no test")
        found += [f"{promise}: no {file}::{test}" for file, test in named if test not in _tests(ROOT / file)]
    return found


def _tests(path: Path) -> set[str]:
    if not path.is_file():
        return set()
    tree = ast.parse(path.read_text(encoding="utf-8"))
    return {node.name for node in tree.body if isinstance(node, ast.FunctionDef) and node.name.startswith("test_")}


def test_every_promise_is_held_by_tests_that_exist() -> None:
    text = PAGE.read_text(encoding="utf-8")
    assert len(rows(text, "What the tests show")) > 10
    assert unheld(text) == []


@pytest.mark.parametrize(
    ("planted", "found"),
    [
        ("| it is so | |", ["it is so: no test"]),
        ("| it is so | trust us |", ["it is so: no test"]),
        (
            "| it is so | `tests/privacy/test_data.py::test_nothing` |",
            ["it is so: no tests/privacy/test_data.py::test_nothing"],
        ),
        ("| it is so | `tests/gone.py::test_a` |", ["it is so: no tests/gone.py::test_a"]),
    ],
)
def test_a_promise_that_nothing_holds_is_found(planted: str, found: list[str]) -> None:
    head = "## What the tests show\n\n| promise | held by |\n| --- | --- |\n"
    assert unheld(f"{head}{planted}\n\n## Next\n") == found


def test_every_way_out_stands_on_the_page() -> None:
    ways = " ".join(cells[1] for cells in rows(PAGE.read_text(encoding="utf-8"), "What leaves the process"))
    assert ways
    for kind in privacy.SINKS:
        assert f"--sink {kind}" in ways or f"`{kind}://`" in ways or kind == "null", kind
    assert "--preview" in ways
    assert "--annotate" in ways
