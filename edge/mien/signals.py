"""What a run does when it is told to end, to pause, or to open its files anew: from its first moment to its last."""

from __future__ import annotations

import logging
import os
import signal
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from types import FrameType

from mien.closing import Closing

_log = logging.getLogger("mien.run")


class Signals(Closing):
    """Takes SIGINT, SIGTERM, SIGHUP, SIGUSR1 and SIGUSR2 until it is closed; a context manager. In another thread than
    the main one it does nothing.

    SIGINT (Ctrl-C) and SIGTERM, by which a service is stopped, raise KeyboardInterrupt where the main thread is. What
    comes after is ignored, for the run is ending already; only Ctrl-C raises again, for whoever can't wait. SIGHUP, by
    which logrotate says that it renamed a file, calls `reopen`; from a terminal that was closed it ends the run.
    SIGUSR1 and SIGUSR2, which `mien pause` and `mien resume` send, are for `told_to`.

    Args:
        terminal: whether somebody sits before it.

    Attributes:
        reopen: is called at SIGHUP; until there is something to open anew, does nothing.
    """

    def __init__(self, terminal: bool) -> None:
        self.reopen: Callable[[], None] = lambda: None
        self._told = self._raised = self._held = False
        self._before: dict[signal.Signals, signal._HANDLER] = {}
        self._pipe: tuple[int, int] | None = None
        self._follower: threading.Thread | None = None
        if threading.current_thread() is not threading.main_thread():
            return
        self._take(signal.SIGTERM, self._end)
        # Ignored where a shell started it in the background, or nohup did: then it stays so.
        if signal.getsignal(signal.SIGINT) is not signal.SIG_IGN:
            self._take(signal.SIGINT, self._end)
        if not terminal:
            self._take(signal.SIGHUP, lambda *_: self.reopen())
        elif signal.getsignal(signal.SIGHUP) is not signal.SIG_IGN:
            self._take(signal.SIGHUP, self._end)
        # Python runs handlers between two of its steps, the lowest number first: what came while a model was loaded
        # would be heard in another order. So each signal's number goes into a pipe when it comes.
        self._pipe = os.pipe()
        os.set_blocking(self._pipe[1], False)
        self._wakeup_before = signal.set_wakeup_fd(self._pipe[1], warn_on_full_buffer=False)
        self._take(signal.SIGUSR1, lambda *_: None)
        self._take(signal.SIGUSR2, lambda *_: None)

    def _take(self, number: signal.Signals, handler: Callable[[int, FrameType | None], None]) -> None:
        self._before[number] = signal.signal(number, handler)

    def _end(self, number: int, _: FrameType | None) -> None:
        again, self._told = self._told, True
        if again and number != signal.SIGINT:
            return
        if again or not self._held:
            self._raised = True
            raise KeyboardInterrupt

    def told_to(self, turn: Callable[[bool], None]) -> None:
        """Have a function called with whether the run is to pause, at each such signal, in the order of their coming.

        A signal that came before is not lost. It is called in a thread of its own until this is closed, since what it
        locks may be locked where the main thread was interrupted. Once.
        """
        if self._pipe is None:
            return
        reading = self._pipe[0]

        def follow() -> None:
            while numbers := os.read(reading, 64):
                for number in numbers:
                    if number in (signal.SIGUSR1, signal.SIGUSR2):
                        try:
                            turn(number == signal.SIGUSR1)
                        except Exception as error:  # the next one must still be heard
                            _log.warning("mien: pausing or resuming failed (%s: %s)", type(error).__name__, error)
            os.close(reading)

        self._follower = threading.Thread(target=follow, name="mien-told", daemon=True)
        self._follower.start()

    @contextmanager
    def held(self) -> Iterator[None]:
        """Meanwhile the first signal to end waits: an import or a model that is cut short fails with an odd error.

        Raises:
            KeyboardInterrupt: afterwards, if one came.
        """
        self._held = True
        try:
            yield
        finally:
            self._held = False
        if self._told and not self._raised:
            self._raised = True
            raise KeyboardInterrupt

    def close(self) -> None:
        """Put back what was there before; see `Closing`."""
        for number, handler in self._before.items():
            signal.signal(number, handler)
        self._before = {}
        if self._pipe is not None:
            signal.set_wakeup_fd(self._wakeup_before)
            reading, writing = self._pipe
            self._pipe = None
            os.close(writing)  # by which the thread ends
            if self._follower is None:
                os.close(reading)
            else:
                self._follower.join()
                self._follower = None
