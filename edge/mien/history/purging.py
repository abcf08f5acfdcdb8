"""Deletes what runs have recorded: databases, files of lines with their rotated ones, and what was put aside."""

from __future__ import annotations

import json
import os
import sqlite3
from collections.abc import Iterator, Sequence
from contextlib import closing
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import BinaryIO

from mien.errors import MienError
from mien.history.database import TIMED, open_for_reading, open_for_writing
from mien.history.sink import delete_before
from mien.outputs.files import discard, partial
from mien.outputs.lines import rotated
from mien.outputs.names import shown
from mien.service import installed


@dataclass(frozen=True, slots=True)
class Recording:
    """A file that a sink writes.

    Attributes:
        kind: "jsonl" or "sqlite".
        path: of the file itself, where a link leads to it.
    """

    kind: str
    path: Path

    @property
    def files(self) -> tuple[Path, ...]:
        """All that is there of it: the file, its rotated ones, those that belong to a database, damaged ones."""
        name = self.path.name
        beside = list(self.path.parent.iterdir()) if self.path.parent.is_dir() else []
        if self.kind == "jsonl":
            mine = [self.path, *rotated(self.path)]
        else:
            mine = [self.path.with_name(name + suffix) for suffix in ("", "-wal", "-shm")]
            mine += [file for file in beside if file.name.startswith(f"{name}.damaged-")]
        return tuple(file for file in mine if file.is_file())


def recordings(sinks: Sequence[str], config: Path) -> tuple[Recording, ...]:
    """What sinks of a run's settings write, and is a plain file.

    Args:
        sinks: of the settings.
        config: their file. Where it is the service's own, relative paths lead from the service's folder.
    """
    folder, found = installed.folder(config), []
    for spec in sinks:
        kind, _, target = spec.partition(":")
        if kind in ("jsonl", "sqlite") and target not in ("", "-"):
            found.append(Recording(kind, Path(os.path.realpath(folder / target))))
    return tuple(found)


def purge(recording: Recording, before_ms: int | None) -> str:
    """Delete what was recorded, or what was recorded before a time.

    A run that writes meanwhile goes on: into the same database, or into a new file.

    Args:
        recording: whose files.
        before_ms: since 1970; None for everything.

    Returns:
        One line that says what was done.

    Raises:
        MienError: a file cannot be changed.
    """
    try:
        if recording.kind == "jsonl":
            return _lines(recording, before_ms)
        return _database(recording, before_ms)
    except (OSError, sqlite3.Error) as error:
        why = error.strerror if isinstance(error, OSError) else error
        raise MienError(f"{shown(recording.path)}: cannot be purged ({why}); check permissions") from None


def _lines(recording: Recording, before_ms: int | None) -> str:
    removed = lines = 0
    for file in recording.files:
        if before_ms is None:
            file.unlink()
            removed += 1
        else:
            gone, emptied = _thinned(file, before_ms)
            lines, removed = lines + gone, removed + emptied
    said = f"{shown(recording.path)}: {removed} files removed"
    return said if before_ms is None else f"{said}, {lines} lines in all"


def _thinned(file: Path, before_ms: int) -> tuple[int, bool]:
    """Take the lines of before a time out of a file; whoever writes to it notices, and goes on in the new one.

    Returns:
        Lines taken out; whether none was left, and the file has gone.
    """
    with file.open("rb") as old:
        if not any(_older(line, before_ms) for line in old):
            return 0, False
    before, beside = file.stat(), partial(file)
    try:
        with file.open("rb") as old, beside.open("wb") as new:
            sieve = _Sieve(old, before_ms)
            new.writelines(sieve)
            os.fchmod(new.fileno(), before.st_mode & 0o777)
            if (os.geteuid(), os.getegid()) != (before.st_uid, before.st_gid):
                os.fchown(new.fileno(), before.st_uid, before.st_gid)
            new.flush()
            os.fsync(new.fileno())  # which takes its time
            new.writelines(sieve)  # of which a run may have made use
            new.flush()
            emptied = not new.tell()
            if emptied:
                file.unlink()
            else:
                os.replace(beside, file)
            late = [*sieve, *sieve.rest()]  # until the last moment
        if late:
            handle = os.open(file, os.O_WRONLY | os.O_APPEND | os.O_CREAT | os.O_CLOEXEC, before.st_mode & 0o777)
            with os.fdopen(handle, "ab") as more:
                more.writelines(late)
        return sieve.gone, emptied and not late
    finally:
        discard(beside)


class _Sieve:
    """The lines of a file that are not of before a time, from where it was read last up to its present end.

    Attributes:
        gone: lines that are.
        torn: the beginning of a line that is being written, or was when a run died.
    """

    def __init__(self, file: BinaryIO, before_ms: int) -> None:
        self._file, self._before_ms = file, before_ms
        self.gone, self.torn = 0, b""

    def __iter__(self) -> Iterator[bytes]:
        for part in self._file:
            line, self.torn = self.torn + part, b""
            if not line.endswith(b"\n"):
                self.torn = line
            elif _older(line, self._before_ms):
                self.gone += 1
            else:
                yield line

    def rest(self) -> Iterator[bytes]:
        """What stands at the end without a line's end, if it is whole."""
        if self.torn and not _older(self.torn, self._before_ms):
            yield self.torn
        elif self.torn:
            self.gone += 1


def _older(line: bytes, before_ms: int) -> bool:
    """Whether a line is of before a time; one that is torn is nobody's reading any more, and goes too."""
    try:
        moment = datetime.fromisoformat(json.loads(line)["time"])
    except (ValueError, KeyError, TypeError):
        return True
    return moment.timestamp() * 1000 < before_ms


def _database(recording: Recording, before_ms: int | None) -> str:
    gone = _aside_removed(recording, before_ms) if before_ms is not None else 0
    rows = 0
    if recording.path.is_file() and recording.path.stat().st_size:
        if before_ms is not None:
            open_for_reading(recording.path).close()  # refuses what is damaged; nobody knows what of it is older
        with closing(open_for_writing(recording.path)) as database:
            if before_ms is None:
                for table in TIMED:
                    rows += database.execute(f"DELETE FROM {table}").rowcount
            else:
                rows = delete_before(database, before_ms)
            # Deleted rows are overwritten already; this makes the file small, and empties what was written ahead.
            database.execute("VACUUM")
            database.execute("PRAGMA wal_checkpoint(TRUNCATE)")
    if before_ms is None:  # the database itself, where it was damaged, among them
        gone = _aside_removed(recording, None)
    return f"{shown(recording.path)}: {rows} rows deleted, {gone} damaged files removed"


def _aside_removed(recording: Recording, before_ms: int | None) -> int:
    """Remove what was put aside as damaged, or what was before a time; how many files."""
    gone = 0
    for file in recording.files:
        if ".damaged-" in file.name and (before_ms is None or file.stat().st_mtime * 1000 < before_ms):
            file.unlink()
            gone += 1
    return gone
