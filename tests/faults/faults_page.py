"""docs/faults.md, made of what the tests have seen."""

from __future__ import annotations

import signal
from collections.abc import Sequence
from dataclasses import dataclass

GOES_ON, RECOVERS, DEGRADED, STOPS, ENDS = "goes on", "recovers", "goes on, degraded", "stops", "ends as told"
OUTCOMES = (GOES_ON, RECOVERS, DEGRADED, STOPS, ENDS)

HEAD = """# Faults

What goes wrong, and what `mien run` ends in. Written by `make test-faults` from what its tests (`tests/faults/`) have
seen in real processes. In none of them was there a hang, a reading lost that had been written, or a traceback (but that
of Python for a Ctrl-C in the tenth of a second in which it starts itself).
*Goes on*: the run does its work as if nothing were. *Recovers*: it was interrupted, and works again. *Degraded*: it
works as far as it can, and says or counts what is missing. *Stops*: with one line on standard error, and a
[status](reference.md#exit-statuses); a service is started again but after status 2. A camera, a sink's file or memory
that may be there later is status 3 for a service, where the tables say 2. The cameras here are doubles of what a driver
hands over; how a real driver's stalls and a pulled plug are recovered is tested in `tests/contract/`.
"""


@dataclass(frozen=True, slots=True)
class Row:
    """One fault.

    Attributes:
        group: such as "Camera".
        fault: in a few words.
        outcome: one of `OUTCOMES`.
        status: exit status of the run; below 0 the number of the signal that ended it.
        line: the last one on standard error, where that tells of the fault; else empty.
    """

    group: str
    fault: str
    outcome: str
    status: int
    line: str

    def __post_init__(self) -> None:
        assert self.outcome in OUTCOMES, self.outcome


def faults(text: str) -> set[tuple[str, str]]:
    """Group and fault of each row of a written page."""
    found, group = set(), ""
    for line in text.splitlines():
        if line.startswith("## "):
            group = line.removeprefix("## ")
        elif group and line.startswith("| ") and not line.startswith(("| fault ", "| --- ")):
            found.add((group, line.split(" | ")[0].removeprefix("| ")))
    return found


def page(rows: Sequence[Row]) -> str:
    """The page; groups and rows in their order, a fault that was tried several times once."""
    assert rows
    parts = [HEAD]
    for group in dict.fromkeys(row.group for row in rows):
        parts.append(f"\n## {group}\n\n| fault | ends in | status | says |\n| --- | --- | --: | --- |\n")
        for fault in dict.fromkeys(row.fault for row in rows if row.group == group):
            seen = [row for row in rows if (row.group, row.fault) == (group, fault)]
            statuses = ", ".join(map(_named, sorted({row.status for row in seen}, reverse=True)))
            line = next((row.line for row in seen if row.line and row.outcome in (STOPS, DEGRADED)), "")
            said = f"`{line}`".replace("|", "\\|") if line else ""
            parts.append(f"| {fault} | {seen[0].outcome} | {statuses} | {said} |\n")
    return "".join(parts)


def _named(status: int) -> str:
    return str(status) if status >= 0 else signal.Signals(-status).name
