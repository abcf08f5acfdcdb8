"""What a database tells of a span of time: totals, and a row an hour, in the order of time."""

from __future__ import annotations

import sqlite3
from collections import Counter
from collections.abc import Mapping, Sequence
from contextlib import closing
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

from mien.errors import MienError
from mien.history.database import open_for_reading

HOUR_MS = 3_600_000


@dataclass(frozen=True, slots=True)
class Bin:
    """A part of the span.

    Attributes:
        began_ms: since 1970.
        faces: that appeared in it; one that is there in several rows of the database counts in each.
        emotions: shown emotion to seconds, of all faces together.
    """

    began_ms: int
    faces: int
    emotions: Mapping[str, float]

    @property
    def seconds(self) -> float:
        """For which a face was in view, of all faces together."""
        return sum(self.emotions.values())


@dataclass(frozen=True, slots=True)
class Summary:
    """A span of time.

    Attributes:
        since_ms, until_ms: since 1970.
        faces, emotions: of all of it; see `Bin`.
        hours: those with faces, in their order; an hour is of local time.
        rows: of the database.
        untrusted: rows of those whose clock was not synchronised: their hours may be wrong.
        readings: single readings that are kept.
    """

    since_ms: int
    until_ms: int
    faces: int
    emotions: Mapping[str, float]
    hours: tuple[Bin, ...]
    rows: int
    untrusted: int
    readings: int


def summarise(path: Path, since_ms: int, until_ms: int) -> Summary:
    """Read a database.

    A row belongs to the hour in which it began.

    Args:
        path: of the file.
        since_ms, until_ms: since 1970; from the first, and before the second.

    Raises:
        MienError: there is no such database, or it is damaged.
    """
    span = (since_ms, until_ms)
    try:
        with closing(open_for_reading(path)) as database:
            rows = database.execute(
                "SELECT id, wall_ms, trusted, faces FROM minutes WHERE wall_ms >= ? AND wall_ms < ? ORDER BY wall_ms",
                span,
            ).fetchall()
            shown = database.execute(
                "SELECT minute, emotion, emotions.seconds FROM emotions JOIN minutes ON minute = id"
                " WHERE wall_ms >= ? AND wall_ms < ?",
                span,
            ).fetchall()
            (readings,) = database.execute(
                "SELECT count(*) FROM readings WHERE wall_ms >= ? AND wall_ms < ?", span
            ).fetchone()
    except sqlite3.Error as error:
        raise MienError(f"{path}: cannot be read ({error}); check permissions, and who else uses it") from None
    hour_of = {minute: _hour(wall_ms) for minute, wall_ms, _, _ in rows}
    faces: dict[int, int] = {}
    for minute, _, _, count in rows:
        faces[hour_of[minute]] = faces.get(hour_of[minute], 0) + count
    emotions: dict[int, dict[str, float]] = {hour: {} for hour in faces}
    total: dict[str, float] = {}
    for minute, emotion, seconds in shown:
        if minute in hour_of:  # a row may have been added between the two questions
            of_hour = emotions[hour_of[minute]]
            of_hour[emotion] = of_hour.get(emotion, 0.0) + seconds
            total[emotion] = total.get(emotion, 0.0) + seconds
    return Summary(
        since_ms,
        until_ms,
        sum(faces.values()),
        dict(sorted(total.items(), key=lambda item: -item[1])),
        tuple(Bin(hour, faces[hour], emotions[hour]) for hour in sorted(faces)),
        len(rows),
        sum(not trusted for _, _, trusted, _ in rows),
        readings,
    )


def _hour(wall_ms: int) -> int:
    """The beginning of the local hour, in milliseconds since 1970: some places are half an hour off."""
    local = datetime.fromtimestamp(wall_ms // 1000)
    return wall_ms - wall_ms % 1000 - (local.minute * 60 + local.second) * 1000


def local_time(wall_ms: int) -> str:
    """Such as "2026-11-26 14:00", local time."""
    return f"{datetime.fromtimestamp(wall_ms // 1000):%Y-%m-%d %H:%M}"


def _named(hours: Sequence[Bin]) -> list[str]:
    """What to call each hour; where summer time ends, one is there twice, and its zone tells which."""
    names = [local_time(hour.began_ms) for hour in hours]
    twice = {name for name, count in Counter(names).items() if count > 1}
    return [
        f"{name} {datetime.fromtimestamp(hour.began_ms // 1000).astimezone():%Z}" if name in twice else name
        for name, hour in zip(names, hours, strict=True)
    ]


def text(summary: Summary) -> str:
    """A summary for people; ends with a line end."""
    lines = [f"{local_time(summary.since_ms)} to {local_time(summary.until_ms)}, local time"]
    if not summary.rows:
        lines.append(
            "no minutes with faces enough are recorded in this span: as many as group in [history] says, 5 unless set"
        )
    else:
        whole = sum(summary.emotions.values())
        lines.append(f"{summary.faces} faces, {whole / 60:.1f} minutes in view, all faces together")
        names = list(summary.emotions)
        for name in names:
            share = summary.emotions[name] / whole if whole else 0.0
            lines.append(f"  {name:<12}{summary.emotions[name] / 60:>8.1f} min{share:>7.1%}")
        widths = [max(9, len(name)) for name in names]
        header = "  ".join(f"{name:>{width}}" for name, width in zip(names, widths, strict=True))
        lines += ["", f"{'hour':<22}{'faces':>6}{'minutes':>9}  {header}"]
        for hour, called in zip(summary.hours, _named(summary.hours), strict=True):
            shares = [hour.emotions.get(name, 0.0) / hour.seconds if hour.seconds else 0.0 for name in names]
            cells = "  ".join(f"{share:>{width}.0%}" for share, width in zip(shares, widths, strict=True))
            lines.append(f"{called:<22}{hour.faces:>6}{hour.seconds / 60:>9.1f}  {cells}")
    if summary.untrusted:
        lines.append(
            f"the clock was not synchronised in {summary.untrusted} of {summary.rows} rows: hours may be wrong"
        )
    if summary.readings:
        lines.append(f"{summary.readings} single readings are kept besides")
    return "\n".join(lines) + "\n"
