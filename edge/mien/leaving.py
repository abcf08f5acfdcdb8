"""The end of a process in which something still runs that nobody can end."""

from __future__ import annotations

import atexit
import contextlib
import os
import signal
import sys
import threading

_EXIT_SECONDS = 2.0

_left_behind = False


def bound_exit() -> None:
    """From now on the process ends within two seconds of its end, whatever hangs on the way out.

    Libraries close their devices once more when the interpreter exits; a call that hung then hangs again. The kernel's
    alarm ends the process there: no thread and no lock can keep it from that. A program of its own calls `leave` at its
    end, and has no such way out at all.
    """
    global _left_behind
    _left_behind = True
    atexit.unregister(_set_alarm)
    atexit.register(_set_alarm)


def leave(status: int) -> None:
    """End the process with this status, if a call was left behind or a thread still runs that nobody waits for.

    On the usual way out, Python and the libraries take away what those still work with, and whoever returns from a
    library then is ended in the midst of it: one process in a hundred is aborted there. The caller has closed
    everything of its own. Returns where there is no such call and no such thread.
    """
    if not (_left_behind or any(thread.daemon for thread in threading.enumerate())):
        return
    if logs := sys.modules.get("logging"):
        logs.shutdown()
    for stream in (sys.stdout, sys.stderr):
        with contextlib.suppress(OSError, ValueError):  # nobody reads it any more, or it is closed
            stream.flush()
    os._exit(status)


def _set_alarm() -> None:
    with contextlib.suppress(ValueError):  # not the main thread of an embedding program
        signal.signal(signal.SIGALRM, signal.SIG_DFL)
        signal.setitimer(signal.ITIMER_REAL, _EXIT_SECONDS)
