"""A call into a camera's library that may never return, made in a thread of its own."""

from __future__ import annotations

import threading
from collections.abc import Callable


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
