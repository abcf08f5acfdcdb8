"""The emulated program's side of count.c: it says to which slot the instructions since its last word belong."""

from __future__ import annotations

import os
from collections.abc import Callable

from mien.errors import MienError
from mien.laps import Laps

BASE, SLOTS = 1_000_000, 4096
"""File descriptors from BASE on, which no program has, name slots; how many of them. count.c is compiled with both."""

WARM_UP, ONCE, TWICE = "warm-up", "once", "twice"
"""Phases: what is not counted; so many inferences, and twice as many. What the latter two differ by holds nothing of
how they began and ended."""

REST = "rest"
"""Stage of what belongs to no other."""

Key = tuple[str, str, str]
"""Of a slot: name of what is counted, phase, stage."""


def book(slot: int) -> None:
    """Book the instructions since the last call to a slot; where nobody counts, a system call that fails."""
    os.isatty(BASE + slot)


class Marks:
    """Slots by key, in the order of their first use.

    Args:
        booking: takes the number of a slot.

    Attributes:
        keys: of the slots, by number; the first takes what is counted nowhere.
    """

    def __init__(self, booking: Callable[[int], None] = book) -> None:
        self._book = booking
        self._numbers: dict[Key, int] = {}
        self.keys: list[Key] = []
        self._number(("", "", REST))

    def forget(self) -> None:
        """What was executed since the last call is counted nowhere."""
        self._book(0)

    def book(self, name: str, phase: str, stage: str) -> None:
        """What was executed since the last call belongs to this.

        Raises:
            MienError: there are more keys than slots.
        """
        key = (name, phase, stage)
        self._book(self._numbers[key] if key in self._numbers else self._number(key))

    def _number(self, key: Key) -> int:
        if len(self.keys) == SLOTS:
            raise MienError(f"more than {SLOTS} things to count; count fewer models at once")
        self._numbers[key] = len(self.keys)
        self.keys.append(key)
        return self._numbers[key]


class MarkedLaps(Laps):
    """A stopwatch that books instructions as well, on the stages of one phase.

    Args:
        marks: the slots.
        name: of what is counted.

    Attributes:
        phase: of the stages; may be changed between frames.
    """

    def __init__(self, marks: Marks, name: str) -> None:
        super().__init__()
        self.phase = WARM_UP
        self._marks, self._name = marks, name

    def start(self) -> None:
        """See `Laps.start`; what passed since the last lap is booked as `REST`."""
        super().start()
        self._marks.book(self._name, self.phase, REST)

    def lap(self, stage: str) -> None:
        """See `Laps.lap`."""
        super().lap(stage)
        self._marks.book(self._name, self.phase, stage)
