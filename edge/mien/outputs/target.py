"""What stands behind a queue: where results are written, with what it may be told besides."""

from __future__ import annotations

from abc import abstractmethod

from mien.closing import Closing
from mien.errors import MienError
from mien.reading import FrameResult


class TakenError(MienError):
    """The result was taken and will be written when that is possible again; until then the sink counts as failing."""


class Target(Closing):
    """Takes results in a thread of its own; see `mien.outputs.queued.Queued`.

    What `write` raises decides what becomes of the result: after a `TakenError` nothing, for the target keeps it; after
    another `MienError` or an `OSError` it is offered again later (a full disk, a broker that is away); after a
    `BrokenPipeError` nothing is offered any more; after any other exception it is left out. `MienError` and `OSError`
    must leave the target such that the same result can be written.
    """

    @abstractmethod
    def write(self, result: FrameResult) -> None:
        """Take one frame's result."""

    def idle(self) -> None:
        """Is called about once a second while there is nothing to write. May raise as `write` does."""

    def reopen(self) -> None:
        """Let go of a file that was renamed, before the next line. From any thread."""
