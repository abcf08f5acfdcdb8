"""Every promise of docs/promises.md stands on the front page, and every test that it names exists."""

from __future__ import annotations

import re

import docs_promises
import pytest
from docs_promises import PROMISES, ROOT


def fault(phrase: str, target: str, tests: tuple[str, ...]) -> str:
    """What is wrong with a row; empty if nothing is."""
    front = re.sub(r"\s+", " ", (ROOT / "README.md").read_text(encoding="utf-8"))
    if phrase not in front:
        return f"not on the front page: {phrase}"
    if not re.search(rf"(?m)^{re.escape(target)}:", (ROOT / "Makefile").read_text(encoding="utf-8")):
        return f"no target {target}"
    for test in tests:
        file, _, name = test.partition("::")
        if not (ROOT / file).is_file() or f"\ndef {name}(" not in (ROOT / file).read_text(encoding="utf-8"):
            return f"no test {test}"
    return "" if tests else "held by nothing"


def test_every_promise_stands_on_the_front_page_and_its_tests_exist() -> None:
    assert len(PROMISES) > 10
    assert [found for row in PROMISES if (found := fault(*row))] == []


@pytest.mark.parametrize(
    ("row", "wrong"),
    [
        (("mien flies", "test", PROMISES[0][2]), "not on the front page"),
        ((PROMISES[0][0], "test-flight", PROMISES[0][2]), "no target"),
        ((PROMISES[0][0], "test", ("tests/test_wheel.py::test_it_flies",)), "no test"),
        ((PROMISES[0][0], "test", ()), "held by nothing"),
    ],
)
def test_a_planted_row_that_is_not_true_is_found(row: tuple[str, str, tuple[str, ...]], wrong: str) -> None:
    assert fault(*row).startswith(wrong)


def test_the_page_is_up_to_date() -> None:
    assert docs_promises.PAGE.read_text(encoding="utf-8") == docs_promises.page()
