"""A switch that anybody may turn: while it is off, nothing is read."""

from __future__ import annotations

import threading


class PauseSwitch:
    """On or off, from any thread."""

    def __init__(self) -> None:
        self._running = threading.Event()
        self._running.set()

    @property
    def paused(self) -> bool:
        """Whether it is off."""
        return not self._running.is_set()

    def pause(self) -> None:
        """Turn it off."""
        self._running.clear()

    def resume(self) -> None:
        """Turn it on again, and let go on who waits."""
        self._running.set()

    def wait(self) -> None:
        """Wait while it is off."""
        self._running.wait()
