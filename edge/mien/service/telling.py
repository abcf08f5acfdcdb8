"""Telling a run that is under way to pause or to go on: by a signal, which needs no port, no file and no token."""

from __future__ import annotations

import os
import signal
import time
from pathlib import Path

from mien.errors import MienError
from mien.service import installation

PAUSE, RESUME = signal.SIGUSR1, signal.SIGUSR2

_TAKEN_SECONDS = 5.0
"""That a run may need to take a signal; one that is stopped takes none."""
_NOTED_SECONDS = 0.1
"""That a thread may need between taking a signal and noting it."""


def tell(number: signal.Signals, process: int = 0) -> int:
    """Send a signal to a run, and wait until it has taken it.

    Args:
        number: `PAUSE` or `RESUME`.
        process: its id; the service's if 0.

    Returns:
        The id of the process that was told.

    Raises:
        MienError: there is no such run, or it belongs to another user.
    """
    if not process:
        try:
            process = int(installation.status().get("MainPID") or 0)
        except MienError as error:
            raise MienError(f"{error}; give --pid of a run that was started by hand") from None
        if not process:
            raise MienError("the service does not run; start it, or give --pid of another run")
    if not _listens(process, number):
        raise MienError(f"process {process}: is no run of mien that can be paused; give --pid of one")
    try:
        os.kill(process, number)
    except PermissionError:
        raise MienError(f"process {process}: belongs to another user; use sudo") from None
    except ProcessLookupError:
        raise MienError(f"process {process}: has just ended") from None
    # Of two signals that wait for a busy run, the kernel calls the later one's handler first: pause after resume would
    # be the last word. So the next one is not sent before this one is taken.
    until = time.monotonic() + _TAKEN_SECONDS
    while _of(process, "ShdPnd") >> (number - 1) & 1 and time.monotonic() < until:
        time.sleep(0.005)
    # The thread that has taken it may be held up before it has noted it, and another thread take the next one first.
    time.sleep(_NOTED_SECONDS)
    return process


def _listens(process: int, number: signal.Signals) -> bool:
    """Whether it handles the signal, which would end any program that does not."""
    try:
        words = Path(f"/proc/{process}/cmdline").read_bytes().split(b"\0")
    except OSError:
        return False
    named = any(word == b"mien" or word.endswith(b"/mien") for word in words) and b"run" in words
    return named and bool(_of(process, "SigCgt") >> (number - 1) & 1)


def _of(process: int, which: str) -> int:
    """A set of signals of a process, a bit each: "SigCgt" are handled, "ShdPnd" wait; none if it has ended."""
    try:
        status = Path(f"/proc/{process}/status").read_text()
    except OSError:
        return 0
    return int(next((line.split()[1] for line in status.splitlines() if line.startswith(f"{which}:")), "0"), 16)
