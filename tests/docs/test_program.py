"""The README's program: at most fifteen lines, nothing but `from mien import`, and it prints what it should."""

from __future__ import annotations

import ast
import itertools
from collections.abc import Callable, Iterable

import docs_pages
import numpy as np
import pytest
from numpy.typing import NDArray

from mien import FaceReader, read_image
from mien.cameras.demo import photograph

Luma = NDArray[np.uint8]


def _program() -> str:
    blocks = docs_pages.blocks(docs_pages.README.read_text(encoding="utf-8"), "README.md")
    (block,) = [block for block in blocks if block.language == "python"]
    return block.text


def _imports(program: str) -> set[str]:
    found = set()
    for node in ast.walk(ast.parse(program)):
        if isinstance(node, ast.ImportFrom):
            found.add(node.module or "")
        elif isinstance(node, ast.Import):
            found |= {alias.name for alias in node.names}
    return found


def _lines(program: str) -> int:
    return sum(bool(line.strip()) for line in program.splitlines())


@pytest.fixture
def changes() -> Callable[[Iterable[Luma]], None]:
    """The program's function, without its last line, which starts it."""
    tree = ast.parse(_program())
    assert isinstance(tree.body[-1], ast.Expr)
    tree.body.pop()
    names: dict[str, object] = {}
    exec(compile(tree, "README.md", "exec"), names)
    function = names["changes"]
    assert callable(function)
    return function


def test_it_is_short_and_needs_only_mien() -> None:
    assert _lines(_program()) <= 15
    assert _imports(_program()) == {"mien"}


def test_a_longer_one_or_another_import_would_be_seen() -> None:
    assert _lines("x = 1\n\n" * 16) == 16
    assert _imports("import cv2\nfrom mien.frame import Frame") == {"cv2", "mien.frame"}


class Clock:
    """Stands in for the reader's clock: 40 ms a look."""

    def __init__(self) -> None:
        self.now = 0

    def monotonic_ns(self) -> int:
        self.now += 40_000_000
        return self.now


@pytest.fixture
def stream(monkeypatch: pytest.MonkeyPatch) -> list[Luma]:
    """A face that smiles, has its mouth upside down for two seconds, and smiles again; 12.5 frames a second."""
    smiling = read_image(photograph())
    with FaceReader() as reader:
        (reading,) = reader.read(smiling).readings
    right, left = reading.face.landmarks.right_mouth_corner, reading.face.landmarks.left_mouth_corner
    mouth = np.s_[round(right.y) - 14 : round(right.y) + 12, round(right.x) - 8 : round(left.x) + 8]
    grim = smiling.copy()
    grim[mouth] = smiling[mouth][::-1]
    monkeypatch.setattr("mien.reader.time", Clock())  # no second passes in this test
    return [smiling] * 25 + [grim] * 25 + [smiling] * 25


def test_it_prints_each_change_of_expression_once(
    changes: Callable[[Iterable[Luma]], None], stream: list[Luma], capsys: pytest.CaptureFixture[str]
) -> None:
    changes(stream)
    lines = capsys.readouterr().out.splitlines()
    with FaceReader() as reader:
        readings = [reading for luma in stream for reading in reader.read(luma).readings]
    assert len(readings) == 75
    spells = [next(spell) for _, spell in itertools.groupby(readings, key=lambda reading: reading.emotion)]
    assert lines == [f"face 1: {first.caption}" for first in spells]
    emotions = [first.emotion for first in spells]
    assert emotions[0] == emotions[-1] == "happiness"
    assert len(emotions) >= 3


def test_it_prints_nothing_where_nobody_is(
    changes: Callable[[Iterable[Luma]], None], capsys: pytest.CaptureFixture[str]
) -> None:
    changes([np.full((480, 640), 90, np.uint8)] * 5)
    assert capsys.readouterr().out == ""
