"""Spans of time as people write them: 30m, 12h, 7d, 4w."""

from __future__ import annotations

import re

from mien.errors import MienError

_LONGEST_DAYS = 36_525
"""A hundred years: nothing was recorded before, and there is a date for as far back."""

_UNITS_MS = {"m": 60_000, "h": 3_600_000, "d": 86_400_000, "w": 604_800_000}


def milliseconds(span: str) -> int:
    """A span such as "12h" in milliseconds.

    Raises:
        MienError: it is none, or longer than 100 years.
    """
    match = re.fullmatch(r"([0-9]{1,6})([mhdw])", span.strip())
    if match is None or not int(match[1]):
        raise MienError(f"time span {span!r} is not understood; give a number and m, h, d or w, such as 12h or 30d")
    found = int(match[1]) * _UNITS_MS[match[2]]
    if found > _LONGEST_DAYS * _UNITS_MS["d"]:
        raise MienError(f"time span {span!r} is longer than 100 years; give {_LONGEST_DAYS}d or less")
    return found
