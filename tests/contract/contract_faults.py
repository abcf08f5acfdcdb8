"""What goes wrong with a camera, for the double and for picamera2 alike."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field


@dataclass
class Faults:
    """Misbehaviour to come.

    Attributes:
        stalls: starts after which no frame comes.
        starve_after: frames of each start after which none comes, at the first `starves` starts.
        starves: see there.
        io_errors: requests that the driver refuses, after ten good ones.
        hang: the call that never returns: "stop", "close", "cancel_all_and_flush"; none if empty.
        starts: starts so far.
        controls: names of the controls that were given with each.
    """

    stalls: int = 0
    starves: int = 0
    starve_after: int = 20
    io_errors: int = 0
    hang: str = ""
    starts: int = 0
    controls: list[list[str]] = field(default_factory=list)
    _queued: int = 0
    _total: int = 0

    def started(self, controls: Iterable[str]) -> None:
        """The camera is started, with controls of these names."""
        self.starts += 1
        self.controls.append(sorted(controls))
        self._queued = 0

    def starved(self) -> bool:
        """Whether the request that is queued now never completes."""
        self._queued += 1
        self._total += 1
        return self.starts <= self.stalls or (self.starts <= self.starves and self._queued > self.starve_after)

    def io_error(self) -> bool:
        """Whether the request that is queued now is refused."""
        if self.io_errors and self._total > 10:
            self.io_errors -= 1
            return True
        return False
