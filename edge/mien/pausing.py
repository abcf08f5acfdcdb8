"""A switch that anybody may turn: while anybody holds it off, nothing is read."""

from __future__ import annotations

import threading


class PauseSwitch:
    """On, or held off by one or more; from any thread."""

    def __init__(self) -> None:
        self._turn = threading.Lock()
        self._holders: dict[str, None] = {}  # a set that keeps its order
        self._running = threading.Event()
        self._running.set()

    @property
    def paused(self) -> bool:
        """Whether it is off."""
        return not self._running.is_set()

    @property
    def holders(self) -> tuple[str, ...]:
        """Who holds it off, first come first."""
        return tuple(self._holders)

    def pause(self, by: str) -> None:
        """Hold it off."""
        with self._turn:
            self._holders[by] = None
            self._running.clear()

    def resume(self, by: str) -> None:
        """Hold it off no longer; it is on, and whoever waits goes on, once nobody does."""
        with self._turn:
            self._holders.pop(by, None)
            if not self._holders:
                self._running.set()

    def lift(self) -> None:
        """Turn it on, whoever holds it."""
        with self._turn:
            self._holders.clear()
            self._running.set()

    def wait(self) -> None:
        """Wait while it is off."""
        self._running.wait()
