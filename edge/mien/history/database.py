"""The database file: its tables, and how it is opened so that no power cut and no stranger's file is a loss."""

from __future__ import annotations

import errno
import logging
import os
import sqlite3
import time
from contextlib import closing
from pathlib import Path

from mien.errors import MienError, OutputError, one_line
from mien.outputs.names import shown

LOG = logging.getLogger("mien.sinks")

_APPLICATION = 0x6D69656E  # "mien"
_VERSION = 1
_BUSY_SECONDS = 5.0
_CACHE_KIB = 256
"""Of the file in memory. SQLite's own 2 MB fill as the file grows, to no use where rows are added and seldom read."""

_MAGIC = b"SQLite format 3\0"
_PAGE = 4096
_PAGE_KINDS = (b"\x02", b"\x05", b"\x0a", b"\x0d")

_TABLES = """
CREATE TABLE minutes (
    id INTEGER PRIMARY KEY,
    run TEXT NOT NULL,
    boot TEXT NOT NULL,
    began_ns INTEGER NOT NULL,  -- monotonic clock of that boot
    wall_ms INTEGER NOT NULL,   -- since 1970, UTC
    trusted INTEGER NOT NULL,   -- whether the wall clock was, or has been put right since
    seconds REAL NOT NULL,      -- that the row spans
    faces INTEGER NOT NULL
) STRICT;
CREATE TABLE emotions (
    minute INTEGER NOT NULL REFERENCES minutes (id) ON DELETE CASCADE,
    emotion TEXT NOT NULL,
    seconds REAL NOT NULL,      -- of all faces together
    PRIMARY KEY (minute, emotion)
) STRICT, WITHOUT ROWID;
CREATE TABLE readings (
    id INTEGER PRIMARY KEY,
    run TEXT NOT NULL,
    boot TEXT NOT NULL,
    began_ns INTEGER NOT NULL,
    wall_ms INTEGER NOT NULL,
    trusted INTEGER NOT NULL,
    track INTEGER NOT NULL,
    emotion TEXT NOT NULL,
    top TEXT NOT NULL,
    probability REAL NOT NULL
) STRICT;
CREATE INDEX minutes_by_time ON minutes (wall_ms);
CREATE INDEX readings_by_time ON readings (wall_ms);
"""

TIMED = ("minutes", "readings")
"""The tables whose rows have a time."""


def open_for_writing(path: Path) -> sqlite3.Connection:
    """Open a database, or make it. A damaged one of mien's is put aside, whole, under another name, and said so.

    Returns:
        A connection that may be used by one thread at a time, whichever made it.

    Raises:
        MienError: it cannot be opened, or belongs to another program or to a newer mien.
    """
    try:
        problem = _problem(path) if path.exists() and path.stat().st_size else ""
        if problem and not _was_ours(path):
            raise MienError(f"{shown(path)}: is no database of mien's ({problem}); choose another path")
        if problem:
            aside = _put_aside(path)
            LOG.warning("sink sqlite:%s: damaged (%s); kept as %s, and begun anew", shown(path), problem, shown(aside))
        made = not path.exists() or not path.stat().st_size
        if made:  # readings are no business of other users
            os.close(os.open(path, os.O_CREAT | os.O_WRONLY | os.O_CLOEXEC, 0o640))
        connection = sqlite3.connect(path, timeout=_BUSY_SECONDS, check_same_thread=False, isolation_level=None)
    except (OSError, sqlite3.Error, ValueError) as error:
        why = error.strerror if isinstance(error, OSError) else error
        raise OutputError(f"sink 'sqlite:{shown(path)}': cannot be opened ({why}); check the folder") from None
    try:
        connection.execute("PRAGMA synchronous = FULL")  # what was committed survives a power cut
        connection.execute("PRAGMA foreign_keys = ON")
        connection.execute("PRAGMA secure_delete = ON")  # purged means overwritten
        connection.execute(f"PRAGMA cache_size = -{_CACHE_KIB}")
        if made:
            connection.executescript(
                f"BEGIN; {_TABLES} PRAGMA application_id = {_APPLICATION}; PRAGMA user_version = {_VERSION}; COMMIT;"
            )
        # Whoever reads does not stop who writes. After the tables: a file with a header and none would be a stranger's.
        connection.execute("PRAGMA journal_mode = WAL")
    except sqlite3.Error as error:
        connection.close()
        raise OutputError(f"sink 'sqlite:{shown(path)}': cannot be written ({error}); check the folder") from None
    return connection


def passing(error: BaseException | None) -> bool:
    """Whether an error is of a disk that is full or fails, which may pass, and not of the path."""
    if isinstance(error, sqlite3.Error):
        return getattr(error, "sqlite_errorcode", 0) & 0xFF in (sqlite3.SQLITE_FULL, sqlite3.SQLITE_IOERR)
    return isinstance(error, OSError) and error.errno in (errno.ENOSPC, errno.EDQUOT, errno.EIO)


def locked(error: sqlite3.Error) -> bool:
    """Whether another program uses the database at present."""
    return getattr(error, "sqlite_errorcode", 0) & 0xFF in (sqlite3.SQLITE_BUSY, sqlite3.SQLITE_LOCKED)


def open_for_reading(path: Path) -> sqlite3.Connection:
    """Open a database that is there; nothing in it can be changed.

    Raises:
        MienError: there is none, or it is no database of mien's.
    """
    if not path.is_file():
        raise MienError(f"{shown(path)}: no such database; give the PATH of --sink sqlite:PATH")
    problem = _problem(path)
    if problem:
        hint = "`mien run` puts it aside and begins a new one" if _was_ours(path) else "it is none of mien's"
        raise MienError(f"{shown(path)}: damaged ({problem}); {hint}")
    return _read_only(path)


def _read_only(path: Path) -> sqlite3.Connection:
    path = Path(os.path.realpath(path))  # beside which SQLite keeps what belongs to it
    quoted = str(path).replace("%", "%25").replace("?", "%3f").replace("#", "%23")
    # In a folder that may not be written SQLite could not keep writers away; where none has begun, none is needed.
    still = not os.access(path.parent, os.W_OK) and not path.with_name(f"{path.name}-wal").exists()
    how = "immutable=1" if still else "mode=ro"
    return sqlite3.connect(f"file:{quoted}?{how}", uri=True, timeout=_BUSY_SECONDS)


def _problem(path: Path) -> str:
    """What is damaged in a file; empty if nothing is.

    Raises:
        MienError: it is a whole database, but none of this mien's.
    """
    try:
        with closing(_read_only(path)) as connection:
            (found,) = connection.execute("PRAGMA quick_check(1)").fetchone()
            if found != "ok":
                return one_line(str(found))
            (application,) = connection.execute("PRAGMA application_id").fetchone()
            (version,) = connection.execute("PRAGMA user_version").fetchone()
    except sqlite3.OperationalError as error:  # locked, or no right to read: not damaged
        raise OutputError(f"{shown(path)}: cannot be read ({error}); check permissions, and who else uses it") from None
    except sqlite3.DatabaseError as error:
        return one_line(str(error))
    if application != _APPLICATION:
        raise MienError(f"{shown(path)}: is a database of another program; choose another path")
    if version != _VERSION:
        raise MienError(f"{shown(path)}: is of version {version} where {_VERSION} is known; choose another path")
    return ""


def _was_ours(path: Path) -> bool:
    """Whether a damaged file was mien's: by its header, its tables, or a database's pages behind an erased one."""
    with path.open("rb") as file:
        start = file.read(2 * _PAGE)
        if start.startswith(_MAGIC) and (len(start) < 72 or start[68:72] == _APPLICATION.to_bytes(4, "big")):
            return True
        if b"CREATE TABLE minutes" in start and b"readings_by_time" in start:
            return True
        first, second = start[:_PAGE], start[_PAGE:]
        erased = first.count(first[:1]) == len(first) and first[:1] in (b"\0", b"\xff")
        if second:  # of a table or an index: what was before it, an image of a disk has not
            return erased and second[:1] in _PAGE_KINDS
        return erased


def _put_aside(path: Path) -> Path:
    stamp = time.strftime("%Y%m%dT%H%M%S", time.gmtime())
    aside = path.with_name(f"{path.name}.damaged-{stamp}-{os.getpid()}")
    for suffix in ("", "-wal", "-shm"):
        there = path.with_name(path.name + suffix)
        if there.exists():
            there.rename(aside.with_name(aside.name + suffix))
    return aside
