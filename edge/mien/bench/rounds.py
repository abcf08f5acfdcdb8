"""Turns: everything that is compared runs a few frames at a time, so that a drifting machine treats all alike."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from typing import Protocol

FRAMES_A_TURN = 10
_WARM_UP = 5  # turns of two frames

Progress = Callable[[float], None]
"""Is told the share that is done, 0 to 1."""


class Contender(Protocol):
    """Something whose time is taken."""

    def turn(self, frames: int) -> None:
        """Process that many frames and book their durations."""
        ...

    def clear(self) -> None:
        """Forget what was booked."""
        ...


class Call:
    """A function that is timed from call to return.

    Args:
        function: handles one frame.

    Attributes:
        nanoseconds: one duration a call since the last `clear`.
    """

    def __init__(self, function: Callable[[], object]) -> None:
        self._function = function
        self.nanoseconds: list[int] = []

    def turn(self, frames: int) -> None:
        """See `Contender.turn`."""
        for _ in range(frames):
            began = time.perf_counter_ns()
            self._function()
            self.nanoseconds.append(time.perf_counter_ns() - began)

    def clear(self) -> None:
        """See `Contender.clear`."""
        self.nanoseconds.clear()


def take_turns(contenders: Sequence[Contender], seconds: float, progress: Progress | None = None) -> None:
    """Let the contenders run in turns until the time is over, each as many frames as every other.

    Every second round goes backwards, so that nobody always runs behind the same neighbour. What was booked
    before, and the warm-up (up to ten frames each, within a fifth of the time), is forgotten.

    Args:
        contenders: at least one.
        seconds: time budget after the warm-up; the round in which it ends is finished.
        progress: is told how far the measurement is.
    """
    warm_until = time.monotonic() + seconds / 5
    for _ in range(_WARM_UP):
        for contender in contenders:
            contender.turn(2)
        if time.monotonic() > warm_until:
            break
    for contender in contenders:
        contender.clear()
    began, order = time.monotonic(), list(contenders)
    while True:
        for contender in order:
            contender.turn(FRAMES_A_TURN)
        order.reverse()
        share = (time.monotonic() - began) / seconds
        if progress is not None:
            progress(min(1.0, share))
        if share >= 1:
            return
