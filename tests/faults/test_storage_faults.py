"""What was recorded, while the clock jumps and after the power was lost: nothing falsified, nothing lost, all whole."""

from __future__ import annotations

import json
import os
import random
import shutil
import signal
import sqlite3
import time
from contextlib import closing
from pathlib import Path

import pytest
from faults_page import GOES_ON, RECOVERS
from faults_run import Started, command, records, run, seconds_to_first_line

from conftest import Note

SEED = 20261127
CUTS = 8
RUN = ["run", "--sink", "jsonl:readings.jsonl", "--sink", "sqlite:history.db", "--config", "../mien.toml"]

Row = tuple[int, int, int, int]
"""Of a reading: id, monotonic nanoseconds, wall clock in milliseconds, whether that is trusted."""


@pytest.fixture(autouse=True)
def all_of_it(tmp_path: Path) -> None:
    settings = '[jsonl]\ninterval = 0\nfsync = "line"\n[history]\nreadings = true\ninterval = 0\n'
    (tmp_path / "mien.toml").write_text(settings)


def _rows(path: Path) -> list[Row]:
    """Of a database that is whole."""
    with closing(sqlite3.connect(path)) as database:
        assert database.execute("PRAGMA integrity_check").fetchone() == ("ok",)
        return database.execute("SELECT id, began_ns, wall_ms, trusted FROM readings ORDER BY id").fetchall()


def test_a_clock_that_is_set_back_and_ahead_falsifies_nothing(folder: Path, note: Note) -> None:
    began = time.time_ns() // 1_000_000
    ended = run("clock-jumps", [*RUN, "--max-frames", "200"], folder)
    assert ended.status == 0, ended.errors
    lines, rows = records(folder / "readings.jsonl"), _rows(folder / "history.db")
    assert len(rows) == len(lines) > 150
    # The lines tell what the clock said when they were written, and what time went by, which no setting changes.
    assert len({str(line["time"])[:4] for line in lines}) == 3
    captured = [float(str(line["captured_ms"])) for line in lines]
    assert captured == sorted(captured)
    assert 0 < captured[-1] - captured[0] < 1000 * ended.seconds
    # In the database every time is put right as soon as the clock is.
    assert all(trusted for _, _, _, trusted in rows)
    assert all(began - 1000 < wall < time.time_ns() // 1_000_000 + 1000 for _, _, wall, _ in rows)
    away = [wall - monotonic // 1_000_000 for _, monotonic, wall, _ in rows]
    assert max(away) - min(away) < 1000
    note("System", "the clock is set back a year and ahead a year under way", GOES_ON, ended)


@pytest.mark.parametrize(
    ("fault", "words"),
    [("clock-behind", "a start with the clock a year behind"), ("clock-ahead", "a start with the clock a day ahead")],
)
def test_a_start_with_a_wrong_clock_loses_and_changes_nothing_of_before(
    fault: str, words: str, folder: Path, note: Note
) -> None:
    assert run("clock-jumps", [*RUN, "--max-frames", "200"], folder).status == 0
    before, lines = _rows(folder / "history.db"), records(folder / "readings.jsonl")
    assert all(trusted for _, _, _, trusted in before)
    ended = run(fault, [*RUN, "--max-frames", "20"], folder)
    assert ended.status == 0, ended.errors
    after = _rows(folder / "history.db")
    assert after[: len(before)] == before
    assert records(folder / "readings.jsonl")[: len(lines)] == lines
    new = after[len(before) :]
    assert new
    assert not any(trusted for _, _, _, trusted in new), "what such a clock says is believed"
    note("System", words, GOES_ON, ended)


def test_after_power_cuts_at_any_moment_all_is_there_that_was_forced_to_the_disk_and_all_is_whole(
    folder: Path, started: list[Started], note: Note
) -> None:
    moments = random.Random(SEED)
    lines, database = folder / "readings.jsonl", folder / "history.db"
    kept = b""
    start = seconds_to_first_line(folder.parent / "before")
    promised = {lines.name: 0, database.name: 0}
    for _ in range(CUTS):
        one = Started(command("promises", RUN), folder)
        started.append(one)
        time.sleep(moments.uniform(0.7 * start, 1.5 * start + 1))
        one.send(signal.SIGKILL)
        assert one.ended().status == -signal.SIGKILL
        for line in _lines(folder.parent / "promised"):
            name, _, number = line.partition(" ")
            promised[name] = int(number)
        if lines.exists():
            content = lines.read_bytes()
            _check_added(content, kept)
            assert len(content) >= promised[lines.name], "what was forced to the disk is lost"
            # Of the rest some may never arrive, or its place in the file, filled with zeros, without its content.
            there = moments.randint(promised[lines.name], len(content))
            kept = content[:there] + bytes(moments.choice((0, 0, 300)))
            lines.write_bytes(kept)
        if promised[database.name]:
            assert len(_rows(_copy(database, folder.parent / "whole"))) >= promised[database.name]
            # A log that ends anywhere makes an earlier state, and no broken one.
            torn = _copy(database, folder.parent / "torn", moments)
            assert [row[0] for row in _rows(torn)] == list(range(1, len(_rows(torn)) + 1))
    assert promised[lines.name]
    assert promised[database.name]
    ended = run("promises", [*RUN, "--max-frames", "20"], folder)
    assert ended.status == 0, ended.errors
    assert "damaged" not in ended.errors
    assert len(_rows(database)) > promised[database.name]
    _check_added(lines.read_bytes(), kept)
    note("System", f"power lost, at {CUTS} random moments, and a restart", RECOVERS, ended)


def _lines(path: Path) -> list[str]:
    return path.read_text().splitlines() if path.exists() else []


def _check_added(content: bytes, kept: bytes) -> None:
    """A run has added whole lines to what was there, and none of them to a line that was torn."""
    assert content.startswith(kept)
    added = content[len(kept) :].decode()
    if kept and not kept.endswith(b"\n") and added:
        assert added.startswith("\n"), "a line was added to one that was torn"
        added = added[1:]
    assert all(isinstance(json.loads(line), dict) for line in added.splitlines())


def _copy(database: Path, to: Path, cut: random.Random | None = None) -> Path:
    """A database and its log, the log cut off at a random place."""
    shutil.rmtree(to, ignore_errors=True)
    to.mkdir()
    copy = Path(shutil.copy(database, to))
    log = database.with_name(f"{database.name}-wal")
    if log.exists():
        there = Path(shutil.copy(log, to))
        if cut is not None:
            os.truncate(there, cut.randint(0, there.stat().st_size))
    return copy
