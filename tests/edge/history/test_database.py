"""What the connection to a database promises: nothing that was committed is lost with the power, and gone is gone."""

from __future__ import annotations

import contextlib
import sqlite3
from pathlib import Path

import pytest

from mien.history import database


def test_a_commit_waits_for_the_disk_and_deleted_rows_are_overwritten_whatever_sqlite_does_by_itself(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    class Careless(sqlite3.Connection):
        """One of a SQLite that was built with other defaults."""

        def __init__(self, *arguments: object, **named: object) -> None:
            super().__init__(*arguments, **named)  # type: ignore[arg-type] # as sqlite3.connect was asked
            super().execute("PRAGMA secure_delete = OFF")
            super().execute("PRAGMA synchronous = OFF")

    real = sqlite3.connect
    monkeypatch.setattr(
        sqlite3, "connect", lambda *arguments, **named: real(*arguments, **{**named, "factory": Careless})
    )
    for _ in range(2):  # made, and opened again
        with contextlib.closing(database.open_for_writing(tmp_path / "h.db")) as opened:
            assert isinstance(opened, Careless)
            assert opened.execute("PRAGMA synchronous").fetchone() == (2,)  # FULL
            assert opened.execute("PRAGMA secure_delete").fetchone() == (1,)
            assert opened.execute("PRAGMA journal_mode").fetchone() == ("wal",)
