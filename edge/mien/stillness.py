"""Whether a live camera still sees: a sensor's noise changes some pixel in every frame, a frozen one's none."""

from __future__ import annotations

import logging
import threading
import time
import zlib
from collections.abc import Callable

import numpy as np
from numpy.typing import NDArray

_log = logging.getLogger("mien.camera")

SECONDS = 10.0
"""How long a picture may stay the same to the last bit."""

_ROWS = 32  # one of so many is looked at: frames differ in their noise, and that is everywhere


class Stillness:
    """Looks at a live camera's frames. It says so and does no more: a lens cap looks alike, and a wholly dark room.

    Keeps a checksum of the last frame, and no pixel.

    Args:
        seconds: see `SECONDS`.
        clock: seconds of a monotonic clock.
    """

    def __init__(self, seconds: float = SECONDS, clock: Callable[[], float] = time.monotonic) -> None:
        self._seconds, self._clock = seconds, clock
        self._turn = threading.Lock()
        self._sum: int | None = None
        self._since = self._newest = 0.0
        self._said = False

    @property
    def remarks(self) -> tuple[str, ...]:
        """What is odd, for people; empty if nothing is. From any thread."""
        with self._turn:
            still = self._newest - self._since
        if still < self._seconds:
            return ()
        return (
            f"the picture has been the same to the last bit for {still:.0f} s: the camera is frozen, covered, or "
            "wholly without light",
        )

    def see(self, luma: NDArray[np.uint8]) -> None:
        """A frame was read, uint8 (H, W)."""
        now = zlib.crc32(np.ascontiguousarray(luma[::_ROWS]).data, luma.shape[0])
        with self._turn:
            self._newest = self._clock()
            if now != self._sum:
                self._sum, self._since = now, self._newest
        remarks = self.remarks
        if bool(remarks) != self._said:
            self._said = bool(remarks)
            _log.warning("mien: %s", *(remarks or ("the picture changes again",)))
