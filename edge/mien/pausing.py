"""A switch that anybody may turn: while anybody holds it off, nothing is read."""

from __future__ import annotations

import json
import logging
import threading
from collections.abc import Collection
from pathlib import Path

from mien.errors import MienError
from mien.outputs.files import write_whole

_log = logging.getLogger("mien.pause")


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


class PauseMemory:
    """A file that says who holds a run off, so that one that is started anew after a fault or a power cut stays off.

    Args:
        path: of the file, which is there as long as somebody does.
        names: who is written down; others take hold of the run again by themselves, or could not let go of it.
    """

    def __init__(self, path: Path, names: Collection[str]) -> None:
        self._path, self._names = path, names
        self._turn = threading.Lock()

    def read(self) -> tuple[str, ...]:
        """Who held the run before off; the first of the names if the file cannot be read: rather off than on."""
        try:
            held = json.loads(self._path.read_text(encoding="utf-8"))
            return tuple(name for name in self._names if name in held)
        except FileNotFoundError:
            return ()
        except (OSError, ValueError, TypeError):
            return tuple(self._names)[:1]

    def keep(self, switch: PauseSwitch) -> None:
        """Write down who holds the switch now."""
        with self._turn:
            held = [name for name in switch.holders if name in self._names]
            try:
                if held:
                    write_whole(self._path, json.dumps(held).encode())
                else:
                    self._path.unlink(missing_ok=True)
            except (MienError, OSError) as error:
                _log.warning("mien: a restart will not know of this pause, or of its end (%s)", error)
