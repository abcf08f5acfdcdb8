"""A call into a camera's library that may never return, made in a thread of its own."""

from __future__ import annotations

import atexit
import contextlib
import logging
import os
import signal
import sys
import threading
from collections.abc import Callable

_EXIT_SECONDS = 2.0

_left_behind = False


class Errand:
    """Runs a call at once; whoever started it waits for as long as he likes.

    Args:
        call: what may hang.
        done: is called when it has ended, in its thread.

    Attributes:
        error: what the call raised; None while it runs.
    """

    def __init__(self, call: Callable[[], None], done: Callable[[], None] = lambda: None) -> None:
        self.error: Exception | None = None
        self._call, self._done = call, done
        self._ended = threading.Event()
        # A daemon: the interpreter must be able to exit while it hangs.
        threading.Thread(target=self._run, name="mien-camera", daemon=True).start()

    def _run(self) -> None:
        try:
            self._call()
        except Exception as error:  # for whoever waits
            self.error = error
        self._ended.set()
        self._done()

    @property
    def ended(self) -> bool:
        """Whether the call has returned or raised."""
        return self._ended.is_set()

    def wait(self, seconds: float) -> bool:
        """Wait for the end of the call, so many seconds at most; whether it has ended."""
        return self._ended.wait(seconds)


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
    """End the process with this status, if a call was left behind; else return.

    On the usual way out, Python and the libraries take away what that call still works with: one process in a hundred
    is aborted there. The caller has closed everything of its own.
    """
    if not _left_behind:
        return
    logging.shutdown()
    for stream in (sys.stdout, sys.stderr):
        with contextlib.suppress(OSError, ValueError):  # nobody reads it any more, or it is closed
            stream.flush()
    os._exit(status)


def _set_alarm() -> None:
    with contextlib.suppress(ValueError):  # not the main thread of an embedding program
        signal.signal(signal.SIGALRM, signal.SIG_DFL)
        signal.setitimer(signal.ITIMER_REAL, _EXIT_SECONDS)
