"""Which frames of a live camera are read: all of them, or fewer while nobody is in view or it is hot."""

from __future__ import annotations

import logging
import math
import threading
import time
from collections.abc import Callable

from mien import machine
from mien.machine import Warmth
from mien.pace.heat import SECONDS, Heat
from mien.pace.settings import PaceSettings
from mien.reading import FrameResult

_GAP_SECONDS = 2.0
"""Frames further apart (a pause, a camera that is restarted) do not tell of the time between them. A camera that is
always so slow has nothing to lower: two seconds a frame is the lowest `idle_rate`."""

_log = logging.getLogger("mien.pace")


class Pace:
    """Is asked of each frame that comes and told each result; from any thread.

    Frames that are not read go by like those of a pause: the camera runs on, its faults are seen and mended, and none
    of them counts as dropped.

    Args:
        settings: the defaults if None.
        clock: seconds of a monotonic clock.
        feel: how warm it is.

    Attributes:
        passed: frames so far that went by unread.
    """

    def __init__(
        self,
        settings: PaceSettings | None = None,
        *,
        clock: Callable[[], float] = time.monotonic,
        feel: Callable[[], Warmth] = machine.warmth,
    ) -> None:
        self._settings = settings or PaceSettings()
        self._clock = clock
        self._heat = Heat(self._settings, feel)
        self._turn = threading.Lock()
        self._came_at = -math.inf
        self._face_at = self._looked_at = 0.0
        self._idle = False
        self._come = self._read = 0  # since heat was looked at
        self._due = 0.0
        self.passed = 0

    @property
    def idle(self) -> bool:
        """Whether fewer frames are read because nobody is in view."""
        return self._idle

    @property
    def limit(self) -> float | None:
        """Frames a second that are read at most; None for as many as come."""
        idle = self._settings.idle_rate if self._idle else None
        return min((rate for rate in (idle, self._heat.limit) if rate is not None), default=None)

    @property
    def remarks(self) -> tuple[str, ...]:
        """Why fewer frames are read, for people; empty if all are."""
        heat = self._heat.remark
        return (*[f"nobody in view: {self._allowed()}"] * self._idle, *[heat] * bool(heat))

    def _allowed(self) -> str:
        return f"at most {self._settings.idle_rate:g} frames a second are read"

    def wants(self) -> bool:
        """Whether a frame that came just now is to be read."""
        now = self._clock()
        with self._turn:
            if now - self._came_at > _GAP_SECONDS:  # the first frame, too
                self._begin(now)
            self._came_at = now
            self._feel(now)
            self._doze(now)
            limit = self.limit
            if limit is None:
                self._due = now
                return True
            if now < self._due:
                self.passed += 1
                return False
            # Kept to the beat, so that 7 of 30 frames are no 6; after a gap from anew.
            self._due = (now if now - self._due > 1 / limit else self._due) + 1 / limit
            return True

    def _begin(self, now: float) -> None:
        """Measure from anew: how many frames come, and for how long nobody is in view."""
        self._face_at = self._looked_at = now
        self._come = self._read = 0

    def _feel(self, now: float) -> None:
        self._come += 1
        elapsed = now - self._looked_at
        if elapsed >= SECONDS:
            self._heat.step(self._come / elapsed, self._read / elapsed)
            self._looked_at, self._come, self._read = now, 0, 0

    def _doze(self, now: float) -> None:
        after = self._settings.idle_after
        if after and not self._idle and now - self._face_at >= after:
            self._idle, self._due = True, now
            _log.info("mien: nobody in view for %g s: %s", after, self._allowed())

    def see(self, result: FrameResult) -> None:
        """A frame was read."""
        with self._turn:
            self._read += 1
            if result.readings:
                self._face_at = self._clock()
                if self._idle:
                    self._idle = False
                    _log.info("mien: somebody in view: every frame is read again")
