"""The sink `sqlite:PATH`: minutes by default, single readings on request, nothing older than it may be."""

from __future__ import annotations

import sqlite3
from pathlib import Path

from mien.errors import MienError, OutputError
from mien.history.clock import Clock, Moment
from mien.history.database import TIMED, locked, open_for_writing, passing
from mien.history.minutes import Minute, Minutes
from mien.history.settings import HistorySettings
from mien.outputs.target import TakenError, Target
from mien.outputs.thinning import Thinning
from mien.reading import FrameResult

_COMMIT_NS = 10_000_000_000
"""Single readings are committed in batches: each commit wears an SD card."""
_RETENTION_NS = 3600_000_000_000
_RETRY_NS = 2_000_000_000
_ROOM = 2000
"""Frames with single readings, and minutes, that wait where the database cannot be written. Then it takes no more, and
what is lost is counted where the results wait."""


class HistorySink(Target):
    """Keeps results in a database.

    Args:
        path: of the file; made if it is not there, put aside if it is damaged.
        run: id of the run.
        settings: what is kept, and for how long.
        clock: of the machine.

    Raises:
        MienError: it cannot be opened, and not because of a disk that is full or fails: there it begins to write once
            that is over.
    """

    def __init__(self, path: Path, run: str, settings: HistorySettings, clock: Clock | None = None) -> None:
        self._path, self._run, self._settings, self._clock = path, run, settings, clock or Clock()
        self._minutes, self._thin = Minutes(settings.group), Thinning(settings.interval)
        self._ended: list[Minute] = []
        self._single: list[FrameResult] = []
        self._problem, self._retry = "", 0
        self._committed = self._clock.now().monotonic_ns
        self._cleaned = self._committed - _RETENTION_NS  # due
        self._trusted = self._closed = False
        self._database: sqlite3.Connection | None = None
        try:
            self._clean(self._clock.now())
        except OutputError as error:
            if not passing(error.__context__):
                raise
            self._remember(error)
        except sqlite3.Error as error:
            if not passing(error):
                self._let_go()
                # A service is started again after an OutputError: right where another program has locked it.
                kind = OutputError if locked(error) else MienError
                raise kind(f"sink 'sqlite:{path}': cannot be written ({error}); check the disk and the file") from None
            self._remember(error)

    def write(self, result: FrameResult) -> None:
        """Sum a result up, and commit what is due.

        Raises:
            TakenError: the database cannot be written (a full disk); what was due waits.
            MienError: likewise, and nothing more may wait.
        """
        if max(len(self._single), len(self._ended)) >= _ROOM:
            self.idle()
        minute = self._minutes.add(result)
        if minute is not None:
            self._ended.append(minute)
        if self._settings.readings:
            kept = self._thin(result)
            if kept is not None:
                self._single.append(kept)
        try:
            self.idle()
        except MienError as error:
            raise TakenError(str(error)) from None

    def idle(self) -> None:
        """Commit what is due, put untrusted times right once the clock is synchronised, delete what is too old."""
        now = self._clock.now()
        if self._problem and now.monotonic_ns < self._retry:
            raise MienError(self._problem)
        due = self._single and now.monotonic_ns - self._committed >= _COMMIT_NS
        if self._problem or self._ended or due or (now.trusted and not self._trusted):
            self._guarded(now)
        if now.monotonic_ns - self._cleaned >= _RETENTION_NS:
            self._guarded(now, clean=True)

    def close(self) -> None:
        """Commit what is left; a group that is too small is forgotten."""
        if self._closed:
            return
        now = self._clock.now()
        minute = self._minutes.end()
        if minute is not None:
            self._ended.append(minute)
        try:
            self._guarded(now)
        finally:
            self._closed = True
            self._let_go()

    def _let_go(self) -> None:
        if self._database is not None:
            self._database.close()
            self._database = None

    def _remember(self, error: Exception) -> None:
        known = isinstance(error, MienError)
        self._problem = str(error) if known else f"cannot be written ({error}); check the disk"
        self._retry = self._clock.now().monotonic_ns + _RETRY_NS

    def _guarded(self, now: Moment, clean: bool = False) -> None:
        try:
            if clean:
                self._clean(now)
            else:
                self._commit(now)
        except (sqlite3.Error, MienError) as error:
            self._remember(error)
            raise MienError(self._problem) from None
        self._problem = ""

    def _commit(self, now: Moment) -> None:
        database = self._connection()
        database.execute("BEGIN IMMEDIATE")
        try:
            for minute in self._ended:
                times = self._times(minute.began_ns, now)
                cursor = database.execute(
                    "INSERT INTO minutes (run, boot, began_ns, wall_ms, trusted, seconds, faces)"
                    " VALUES (?,?,?,?,?,?,?)",
                    (*times, minute.seconds, minute.faces),
                )
                database.executemany(
                    "INSERT INTO emotions VALUES (?, ?, ?)",
                    [(cursor.lastrowid, emotion, seconds) for emotion, seconds in minute.emotions.items()],
                )
            for result in self._single:
                database.executemany(
                    "INSERT INTO readings (run, boot, began_ns, wall_ms, trusted, track, emotion, top, probability)"
                    " VALUES (?,?,?,?,?,?,?,?,?)",
                    [
                        (*self._times(result.captured_at, now), r.track, r.emotion, r.top, round(r.probability, 4))
                        for r in result.readings
                    ],
                )
            if now.trusted and not self._trusted:  # only then: it reads the whole table
                for table in TIMED:  # of this start of the machine, the true time of every row is known now
                    database.execute(
                        f"UPDATE {table} SET wall_ms = ? - (? - began_ns) / 1000000, trusted = 1"
                        " WHERE boot = ? AND NOT trusted",
                        (now.wall_ms, now.monotonic_ns, self._clock.boot),
                    )
            database.execute("COMMIT")
        except BaseException:
            if database.in_transaction:
                database.execute("ROLLBACK")
            raise
        self._ended, self._single = [], []
        self._committed, self._trusted = now.monotonic_ns, now.trusted

    def _times(self, began_ns: int, now: Moment) -> tuple[str, str, int, int, bool]:
        return self._run, self._clock.boot, began_ns, now.wall_at(began_ns), now.trusted

    def _clean(self, now: Moment) -> None:
        database = self._connection()
        if self._settings.days:
            delete_before(database, now.wall_ms - self._settings.days * 86_400_000)
            # They are overwritten in the file only now, and still stand in what was written ahead until it is cut off.
            # Where somebody reads at present, the next time does it.
            database.execute("PRAGMA wal_checkpoint(TRUNCATE)")
        self._cleaned = now.monotonic_ns

    def _connection(self) -> sqlite3.Connection:
        if self._closed:
            raise MienError("the database is closed")
        if self._database is None:
            self._database = open_for_writing(self._path)
        return self._database


def delete_before(database: sqlite3.Connection, wall_ms: int) -> int:
    """Delete rows of before a time.

    A row whose clock was never put right is as old as the latest one before it whose clock was right, if that is later.

    Returns:
        Rows deleted.
    """
    deleted = 0
    for table in TIMED:
        # Of the rows to be kept the first one whose clock was right: asked once, not of each row anew.
        first = f"SELECT min(id) FROM {table} AS kept WHERE kept.trusted AND kept.wall_ms >= ?1"
        deleted += database.execute(
            f"DELETE FROM {table} WHERE wall_ms < ?1 AND (trusted OR coalesce(id < ({first}), TRUE))", (wall_ms,)
        ).rowcount
    return deleted
