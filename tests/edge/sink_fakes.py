"""Results and targets made by hand, for the tests of sinks."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable

from edge_fakes import face

from mien.outputs.target import Target
from mien.reading import FrameResult, Reading


def reading(track: int = 3, emotion: str = "happiness") -> Reading:
    return Reading(track, face(), emotion, "happiness", None, {"neutral": 0.2, "happiness": 0.8})


def result(
    sequence: int = 7, *readings: Reading, seconds: float = 0.001, name: str = "", media: float | None = None
) -> FrameResult:
    at, media_time = round(seconds * 1e9), None if media is None else round(media * 1e9)
    return FrameResult(sequence, name, 160, 120, at, at + 2_500_000, readings, media_time=media_time)


class FakeTarget(Target):
    """Remembers what it is given; `before` is called before each write and may raise or wait."""

    def __init__(self, before: Callable[[int], None] = lambda _: None) -> None:
        self.before = before
        self.taken: list[int] = []
        self.closed_in = ""

    def write(self, result: FrameResult) -> None:
        self.before(result.sequence)
        self.taken.append(result.sequence)

    def close(self) -> None:
        self.closed_in = threading.current_thread().name


def eventually(good: Callable[[], bool], seconds: float = 10.0) -> bool:
    """Whether something comes true within so many seconds."""
    deadline = time.monotonic() + seconds
    while not good():
        if time.monotonic() > deadline:
            return False
        time.sleep(0.005)
    return True
