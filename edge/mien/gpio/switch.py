"""A switch or a button that pauses a run."""

from __future__ import annotations

import logging
import threading
from typing import Protocol

from mien.closing import Closing
from mien.gpio.pins import SwitchPin

_log = logging.getLogger("mien.gpio")

_SECONDS = 0.5


class Pausable(Protocol):
    """What is needed of a `mien.Pipeline`."""

    @property
    def paused(self) -> bool:
        """Whether nothing is read."""
        ...

    def pause(self, by: str = "") -> None:
        """Read nothing more."""
        ...

    def resume(self, by: str = "") -> None:
        """Read again, unless somebody else holds it."""
        ...


class Switch(Closing):
    """Pauses a run while its line is active, whatever others do, or turns it at each press; until it is closed.

    Args:
        pin: closed with this.
        pipeline: that is paused before this returns, if the switch says so.
        name: of the line, for people.
        pressed: whether each press pauses or resumes, in place of the line's level.
        look: seconds after which the line is looked at where no change was told: one that went unseen is found so.
    """

    def __init__(
        self, pin: SwitchPin, pipeline: Pausable, name: str, *, pressed: bool = False, look: float = _SECONDS
    ) -> None:
        self._pin, self._pipeline, self._pressed, self._look = pin, pipeline, pressed, look
        self._by = f"the switch at {name}"
        self._held = False
        self._closed = threading.Event()
        if not pressed:
            self._follow_level()
        self._thread = threading.Thread(target=self._work, name="mien-switch", daemon=True)
        self._thread.start()

    def _work(self) -> None:
        while not self._closed.is_set():
            try:
                presses = self._pin.wait(self._look)
                if self._pressed:
                    for _ in range(presses):
                        self._turn()
                else:
                    self._follow_level()
            except OSError as error:
                self._fail(error)
                return

    def _follow_level(self) -> None:
        active = self._pin.active
        if active != self._held:
            self._held = active
            (self._pipeline.pause if active else self._pipeline.resume)(self._by)
            _log.info("mien: %s by %s", "paused" if active else "resumed", self._by)

    def _turn(self) -> None:
        pausing = not self._pipeline.paused
        (self._pipeline.pause if pausing else self._pipeline.resume)()
        still = "" if pausing or not self._pipeline.paused else "; others still pause"
        _log.info("mien: %s by the button%s", "paused" if pausing else "resumed", still)

    def _fail(self, error: OSError) -> None:
        if not self._pressed:  # whoever closes it relies on it
            self._pipeline.pause(self._by)
        after = "" if self._pressed else "; paused until mien is started anew"
        _log.error("mien: %s cannot be read any more (%s)%s", self._by, error.strerror, after)

    def close(self) -> None:
        """Let go of the line; what is paused stays so."""
        if not self._closed.is_set():
            self._closed.set()
            self._thread.join()
            self._pin.close()
