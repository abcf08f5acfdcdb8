"""Telling a run that is under way to pause or to go on: by a signal, which needs no port, no file and no token."""

from __future__ import annotations

import os
import signal
from pathlib import Path

from mien.errors import MienError
from mien.service import installation

PAUSE, RESUME = signal.SIGUSR1, signal.SIGUSR2


def tell(number: signal.Signals, process: int = 0) -> int:
    """Send a signal to a run.

    Args:
        number: `PAUSE` or `RESUME`.
        process: its id; the service's if 0.

    Returns:
        The id of the process that was told.

    Raises:
        MienError: there is no such run, or it belongs to another user.
    """
    if not process:
        process = int(installation.status().get("MainPID") or 0)
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
    return process


def _listens(process: int, number: signal.Signals) -> bool:
    """Whether it handles the signal, which would end any program that does not."""
    try:
        status = Path(f"/proc/{process}/status").read_text()
        words = Path(f"/proc/{process}/cmdline").read_bytes().split(b"\0")
    except OSError:
        return False
    caught = next((line.split()[1] for line in status.splitlines() if line.startswith("SigCgt:")), "0")
    named = any(word == b"mien" or word.endswith(b"/mien") for word in words) and b"run" in words
    return named and bool(int(caught, 16) >> (number - 1) & 1)
