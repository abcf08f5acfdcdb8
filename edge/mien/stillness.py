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

_GAP_SECONDS = 5.0  # without a frame: what came before says nothing of what comes
_ROWS = 32  # one of so many is looked at, and the others only where none of these has changed


class Stillness:
    """Looks at a live camera's frames. It says so and does no more: under a lens cap or in the dark it is the same.

    Keeps checksums of the last frame, and no pixel.

    Args:
        seconds: see `SECONDS`.
        clock: seconds of a monotonic clock.
    """

    def __init__(self, seconds: float = SECONDS, clock: Callable[[], float] = time.monotonic) -> None:
        self._seconds, self._clock = seconds, clock
        self._turn = threading.Lock()
        self._part: int | None = None
        self._whole: int | None = None  # None where it was not needed
        self._since = self._newest = self._same = clock()
        self._said = False

    @property
    def remarks(self) -> tuple[str, ...]:
        """What is odd, for people; empty if nothing is. From any thread."""
        with self._turn:
            still = self._newest - self._since >= self._seconds
        if not still:
            return ()
        return (
            f"the picture has stayed the same to the last bit for {self._seconds:g} s or longer: the camera is frozen "
            "or covered, or there is no light at all, or far too much",
        )

    def see(self, luma: NDArray[np.uint8]) -> None:
        """A frame was read, uint8 (H, W)."""
        now = self._clock()
        changed = self._changed(luma)
        with self._turn:
            if changed or now - self._newest > _GAP_SECONDS:
                self._since = now
            self._newest = now
        if not changed:
            self._same = now
        remarks = self.remarks
        # Mended is what changes in every frame: a bit of noise now and then in a dark night would fill the log.
        if bool(remarks) > self._said or (self._said and now - self._same >= self._seconds):
            self._said = not self._said
            _log.warning("mien: %s", *(remarks or ("the picture changes again",)))

    def _changed(self, luma: NDArray[np.uint8]) -> bool:
        part, before = zlib.crc32(np.ascontiguousarray(luma[::_ROWS]).data, luma.shape[0]), self._part
        self._part = part
        if part != before:
            self._whole = None
            return True
        whole, seen = zlib.crc32(np.ascontiguousarray(luma).data), self._whole
        self._whole = whole
        return seen is not None and whole != seen
