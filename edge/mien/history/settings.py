"""How readings are kept in a database."""

from __future__ import annotations

from dataclasses import dataclass

from mien.errors import MienError


@dataclass(frozen=True, slots=True)
class HistorySettings:
    """What the sink `sqlite:PATH` keeps. The names are the keys of the TOML file's table `history`.

    Attributes:
        group: least number of faces in a row of the database: minutes with fewer are joined with the following ones,
            and left out where an hour does not suffice. A face that comes back counts again.
        readings: keep single readings too. They tell of one person at a time.
        interval: of single readings: at most one a face in so many seconds.
        days: after which rows are deleted; 0 for never.

    Raises:
        MienError: a value out of range.
    """

    group: int = 5
    readings: bool = False
    interval: float = 1.0
    days: int = 90

    def __post_init__(self) -> None:
        if not 1 <= self.group <= 1000:
            raise MienError(f"history group is {self.group}; give 1 to 1000 faces")
        if not 0 <= self.interval <= 86_400:
            raise MienError(f"history interval is {self.interval:g}; give 0 to 86400 seconds")
        if not 0 <= self.days <= 36_500:
            raise MienError(f"history days is {self.days}; give 1 to 36500, or 0 for never")
