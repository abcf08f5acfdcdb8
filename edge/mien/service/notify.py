"""What systemd is told: ready, how it goes, alive, stopping; see sd_notify(3). Without NOTIFY_SOCKET nothing is."""

from __future__ import annotations

import contextlib
import os
import threading
from collections.abc import Mapping

from mien.closing import Closing
from mien.health import Health, Pulse

_LONGEST = 1.0
"""Seconds between two looks at the pulse, at most."""


def told(environment: Mapping[str, str]) -> bool:
    """Whether a service manager started this process and wants to hear of it."""
    return bool(environment.get("NOTIFY_SOCKET"))


def send(message: str, environment: Mapping[str, str]) -> None:
    """Send lines such as "READY=1" to the service manager, if there is one; one that has gone is no error."""
    path = environment.get("NOTIFY_SOCKET", "")
    if path[:1] not in ("/", "@"):
        return
    import socket  # only a service needs it

    address = "\0" + path[1:] if path[0] == "@" else path
    with contextlib.suppress(OSError), socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM | socket.SOCK_CLOEXEC) as end:
        end.sendto(message.encode(), socket.MSG_DONTWAIT, address)  # a manager that does not listen must not hang us


class Watchdog(Closing):
    """Tells the service manager of a run, from now until it is closed; a context manager.

    The manager's watchdog is fed while the pulse is alive: new frames are processed, or somebody paused it, or it is
    starting or recovering within its time. One that is not fed kills the process and starts it anew.

    Args:
        pulse: of the run.
        environment: `os.environ` if None.
    """

    def __init__(self, pulse: Pulse, environment: Mapping[str, str] | None = None) -> None:
        self._pulse = pulse
        self._environment = dict(os.environ if environment is None else environment)
        self._closed = threading.Event()
        self._thread: threading.Thread | None = None
        if told(self._environment):
            send("READY=1", self._environment)
            self._thread = threading.Thread(target=self._follow, name="mien-watchdog", daemon=True)
            self._thread.start()

    def _follow(self) -> None:
        microseconds = self._environment.get("WATCHDOG_USEC", "")
        interval = min(_LONGEST, int(microseconds) / 4e6) if microseconds.isdecimal() else _LONGEST
        said = ""
        while True:
            health = self._pulse.now()
            lines = [_status(health)] if _status(health) != said else []
            said = _status(health)
            if health.alive:
                lines.append("WATCHDOG=1")
            if lines:
                send("\n".join(lines), self._environment)
            if self._closed.wait(interval):
                return

    def close(self) -> None:
        """Say that the run is ending; safe to call twice."""
        if self._thread is not None and not self._closed.is_set():
            self._closed.set()
            self._thread.join()
            send("STOPPING=1", self._environment)


def _status(health: Health) -> str:
    # The reasons of what is not healthy hold an age, which would be news every second.
    return f"STATUS={': '.join([health.state, *(health.reasons if health.healthy else ())])}"
