"""The page of faults: what each test of this folder has seen a fault end in, written by `make test-faults`."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Protocol

import pytest

sys.path.insert(0, str(Path(__file__).parent))

import faults_page
from faults_run import Ended, Started


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption("--faults-page", type=Path, help="write there what each fault ended in")


class Note(Protocol):
    """Notes of a fault (its group, its name) what is done about it, how the run ended, and what told of it if that is
    not the last line of standard error."""

    def __call__(self, group: str, fault: str, outcome: str, ended: Ended, says: str | None = None) -> None: ...


_SEEN: list[faults_page.Row] = []


@pytest.fixture
def note() -> Note:
    """See `Note`."""

    def add(group: str, fault: str, outcome: str, ended: Ended, says: str | None = None) -> None:
        _SEEN.append(faults_page.Row(group, fault, outcome, ended.status, ended.last if says is None else says))

    return add


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """An empty folder to run in, by a name that does not change."""
    made = tmp_path / "kiosk"
    made.mkdir()
    return made


@pytest.fixture
def started() -> Iterator[list[Started]]:
    """Whatever a test has started is over when the test is."""
    running: list[Started] = []
    yield running
    for one in running:
        one.kill()


def pytest_sessionfinish(session: pytest.Session, exitstatus: int) -> None:
    path = session.config.getoption("--faults-page")
    if path is not None and exitstatus == 0:
        # A row that stood there and was not seen would be a promise that nothing holds: it has to be taken out by hand.
        before = faults_page.faults(path.read_text(encoding="utf-8")) if path.exists() else set()
        gone = sorted(before - {(row.group, row.fault) for row in _SEEN})
        if gone:
            session.exitstatus = pytest.ExitCode.TESTS_FAILED
            sys.stderr.write(f"\n{path}: not written, no test has seen {gone}; run all of them, or take the rows out\n")
        else:
            path.write_text(faults_page.page(_SEEN), encoding="utf-8")
