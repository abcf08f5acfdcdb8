"""Whether mien does its work: was a new frame processed lately, and if not, why."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from dataclasses import dataclass
from enum import StrEnum

from mien.reading import FrameResult

LIMIT_SECONDS = 10.0
"""A new frame within so many seconds is "lately": longer than a camera's restart takes that succeeds at once."""

STARTING_SECONDS = 60.0
"""After the start, or a pause that it began with, a first frame may take so long before a watchdog should act: models
load, cameras settle."""


class State(StrEnum):
    """What mien is doing."""

    STARTING = "starting"
    RUNNING = "running"
    IDLE = "idle"
    PAUSED = "paused"
    RECOVERING = "recovering"
    STALLED = "stalled"
    ENDED = "ended"


@dataclass(frozen=True, slots=True)
class Health:
    """How it was at one moment.

    Attributes:
        state: what mien was doing.
        healthy: whether a new frame was processed within the limit; never while paused, recovering or starting.
        alive: whether a watchdog should be content: healthy, paused, starting within its time, or recovering, which a
            camera gives up itself when its own time is over.
        age: seconds since the last new frame was processed; None before the first.
        reasons: why it is not healthy, or what is odd though it is (fewer frames are read than come, or the
            picture never changes), for people; empty otherwise.
    """

    state: State
    healthy: bool
    alive: bool
    age: float | None
    reasons: tuple[str, ...]


class Pulse:
    """Is told what happens and tells how things are; from any thread.

    A frame counts as new if it was exposed after every one before it: a camera that hands out the same frame again
    and again, with its time stamp, is stalled.

    Args:
        limit: seconds; see `LIMIT_SECONDS`.
        starting: seconds; see `STARTING_SECONDS`.
        recovering: whether the camera is being restarted at present.
        idle: whether fewer frames are read because nobody is in view.
        remarks: what is odd though frames are processed.
        clock: seconds of a monotonic clock.
    """

    def __init__(
        self,
        limit: float = LIMIT_SECONDS,
        starting: float = STARTING_SECONDS,
        recovering: Callable[[], bool] = lambda: False,
        idle: Callable[[], bool] = lambda: False,
        remarks: Callable[[], tuple[str, ...]] = tuple,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self.limit = limit
        self._starting, self._recovering, self._clock = starting, recovering, clock
        self._idle, self._remarks = idle, remarks
        self._turn = threading.Lock()
        self._since = clock()
        self._last: float | None = None
        self._newest = -1
        self._ended = False
        self._holders: dict[str, None] = {}  # who has paused it; a set that keeps its order

    def beat(self, result: FrameResult) -> None:
        """A frame was processed."""
        with self._turn:
            if result.captured_at > self._newest:
                self._newest = result.captured_at
                self._last = self._since = self._clock()

    def pause(self, by: str = "") -> None:
        """Frames are not processed any more, because somebody wants it so: whoever that is, for people."""
        with self._turn:
            self._holders[by] = None

    def resume(self, by: str = "") -> None:
        """Frames are processed again, unless somebody else wants none; the limit counts from now."""
        with self._turn:
            self._holders.pop(by, None)
            self._since = self._clock()

    def end(self) -> None:
        """No more frames will come."""
        with self._turn:
            self._ended = True

    def now(self) -> Health:
        """How things are."""
        with self._turn:
            now = self._clock()
            age = None if self._last is None else now - self._last
            if self._ended:
                return Health(State.ENDED, False, False, age, ("the run has ended",))
            if self._holders:
                return Health(State.PAUSED, False, True, age, tuple(_paused(by) for by in self._holders))
            if self._recovering():
                last = "no frame yet" if age is None else f"last new frame {age:.0f} s ago"
                return Health(State.RECOVERING, False, True, age, (f"the camera is being restarted; {last}",))
            if age is None:
                waited = now - self._since
                return Health(
                    State.STARTING, False, waited <= self._starting, None, (f"no frame yet, after {waited:.0f} s",)
                )
            if now - self._since <= self.limit:
                if age > self.limit:  # just resumed, it runs but has shown nothing new yet
                    return Health(State.RUNNING, False, True, age, (f"resumed; last new frame {age:.0f} s ago",))
                return Health(State.IDLE if self._idle() else State.RUNNING, True, True, age, self._remarks())
            return Health(
                State.STALLED, False, False, age, (f"last new frame {age:.0f} s ago; the limit is {self.limit:g} s",)
            )


def _paused(by: str) -> str:
    if not by:
        return "paused: nothing is read until somebody resumes"
    return f"paused by {by}: nothing is read until it is released"
