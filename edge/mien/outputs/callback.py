"""A Python function as a sink of its own: slow or failing, it holds up neither the camera nor the other sinks."""

from __future__ import annotations

from collections.abc import Callable

from mien.outputs.queued import ROOM, Queued
from mien.outputs.target import Target
from mien.reading import FrameResult


class Callback(Queued):
    """Calls a function with each result, in a thread of its own.

    For `Pipeline(sinks=[Callback(function)])`; close it after the run, or use it as a context manager, and what waits
    is still handed over, for 5 s at most unless it is `patient`. What the function raises, whatever it is, is logged
    and counts as a failure (`state`), and the next result is handed to it as before.

    Args:
        function: takes a result.
        name: for people.
        patient: where results wait for room, hold up the run rather than lose the oldest: for recordings.
        room: results that may wait.
    """

    def __init__(
        self,
        function: Callable[[FrameResult], object],
        name: str = "callback",
        *,
        patient: bool = False,
        room: int = ROOM,
    ) -> None:
        super().__init__(_Function(function), name, patient=patient, room=room)


class _Function(Target):
    def __init__(self, function: Callable[[FrameResult], object]) -> None:
        self._function = function

    def write(self, result: FrameResult) -> None:
        """Hand it over once: what a file would be offered again, a function has had."""
        try:
            self._function(result)
        except BaseException as error:  # SystemExit and asyncio's cancelling too: the sink's thread must go on
            raise RuntimeError(str(error) or type(error).__name__) from error

    def close(self) -> None:
        """There is nothing to close."""
