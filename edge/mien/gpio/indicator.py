"""An LED that is on only while frames are taken from a camera, tied to the taking itself."""

from __future__ import annotations

import logging
import threading
import time
from collections.abc import Callable

from mien.closing import Closing
from mien.errors import MienError
from mien.gpio.pins import LedPin

_log = logging.getLogger("mien.gpio")

STALE_SECONDS = 2.0


class Indicator(Closing):
    """Is told of each frame that is taken, before anybody sees it, and goes off by itself when none comes any more.

    Args:
        pin: closed with this.
        stale: seconds without a frame after which it goes off: the camera has stalled.
        clock: seconds of a monotonic clock.
    """

    def __init__(self, pin: LedPin, stale: float = STALE_SECONDS, clock: Callable[[], float] = time.monotonic) -> None:
        self._pin, self._stale, self._clock = pin, stale, clock
        self._changed = threading.Condition()
        self._lit = self._closed = False
        self._seen = 0.0
        self._thread = threading.Thread(target=self._follow, name="mien-led", daemon=True)
        self._thread.start()

    def on(self) -> None:
        """A frame is taken.

        Raises:
            MienError: the LED cannot be turned on, and nothing may be taken unseen.
        """
        with self._changed:
            self._seen = self._clock()
            if self._lit or self._closed:
                return
            try:
                self._pin.set(True)
            except OSError as error:
                raise MienError(
                    f"the indicator LED cannot be turned on ({error.strerror}), and without it no frame is taken; "
                    "check led_line in [gpio], or take it out"
                ) from None
            self._lit = True
            self._changed.notify()

    def off(self) -> None:
        """No frame is taken for the present."""
        with self._changed:
            if not self._lit:
                return
            self._lit = False
            try:
                self._pin.set(False)
            except OSError as error:  # the run goes on; lit for nothing it harms nobody
                _log.warning("mien: the indicator LED cannot be turned off (%s)", error.strerror)

    def stalled(self) -> None:
        """Go off if no frame was taken lately; the indicator's own thread asks."""
        with self._changed:
            if self._lit and self._clock() - self._seen >= self._stale:
                self.off()

    def _follow(self) -> None:
        while not self._closed:
            with self._changed:
                self._changed.wait_for(lambda: self._lit or self._closed)
                left = self._seen + self._stale - self._clock()
                if left > 0 and not self._closed:
                    self._changed.wait(left)
            self.stalled()

    def close(self) -> None:
        """Go off, and let go of the line."""
        self.off()
        with self._changed:
            if self._closed:
                return
            self._closed = True
            self._changed.notify()
        self._thread.join()
        self._pin.close()
