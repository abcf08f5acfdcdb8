"""A camera that must go on for months: stalls are noticed, mended within a time limit, and nothing hangs with it."""

from __future__ import annotations

import logging
import threading
import time
from collections.abc import Callable, Iterator
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from mien.cameras.base import Camera
from mien.cameras.errand import Errand
from mien.cameras.inbox import Inbox
from mien.cameras.settings import CameraSettings
from mien.errors import MienError
from mien.frame import Frame
from mien.leaving import bound_exit

CLOSE_SECONDS = 3.0
"""That closing a camera may take before it is given up."""

_CALL_SECONDS = 5.0
_OPEN_SECONDS = 20.0
_STALL_SECONDS = 2.0
_FIRST_SECONDS = 5.0
_STALL_FRAMES = 5
_PAUSES = (0.5, 8.0)  # before opening again: the first, and the longest

_log = logging.getLogger("mien.camera")


class Device(Protocol):
    """A camera that is open and delivers into an `Inbox` from a thread of its own.

    Attributes:
        name: for messages, short.
        description: one line for the user.
        doing: the call of the library that is under way, or was last.
        restartable: whether `restart` is worth trying before it is opened again.
        interruptible: whether a call that takes long may still end by itself, so that waiting is worth it.
    """

    name: str
    description: str
    doing: str
    restartable: bool
    interruptible: bool

    def restart(self) -> None:
        """Stop and start; may hang."""

    def close(self) -> None:
        """Stop and release; may hang."""

    def forget(self) -> None:
        """Undo what would call the library once more when the process exits."""

    def recycle(self, luma: NDArray[np.uint8]) -> None:
        """The luma may be overwritten from now on."""


class LiveCamera(Camera):
    """Frames of a device. Every call of it that may hang is an errand: nothing here waits for one without a limit.

    Args:
        opening: opens the device, or raises MienError; it delivers into the inbox from then on.
        settings: `recover_seconds` and `rate` count here.
        stall: seconds without a new frame after which the device is taken for stalled; of a slow one, five
            frames' time.
        first: seconds that its first frame may take.
        pause: seconds before it is opened again for the first time; it doubles each time, up to 8 s.
        call: seconds that stopping and starting may take.

    Attributes:
        state: "running", "recovering" or "failed".
        restarts: how often the device was restarted or opened again.

    Raises:
        MienError: the device cannot be opened.
    """

    live = True

    def __init__(
        self,
        opening: Callable[[Inbox], Device],
        settings: CameraSettings,
        *,
        stall: float = _STALL_SECONDS,
        first: float = _FIRST_SECONDS,
        pause: float = _PAUSES[0],
        call: float = _CALL_SECONDS,
    ) -> None:
        self._opening, self._recover_seconds = opening, settings.recover_seconds
        self._stall = max(stall, _STALL_FRAMES / settings.rate) if settings.rate else stall
        self._first, self._pause, self._call = max(first, self._stall), pause, call
        self._opened_at = time.monotonic()
        self._news = threading.Condition()
        self._closed = False
        self._given_up = False
        self._spoilt = 0  # of devices before the present one
        self._errand: Errand | None = None
        self._device: Device | None = None
        self._inbox = Inbox(self._news, coloured=self._is_coloured)
        self._described = ""
        errand = self._start(self._open)
        if not errand.wait(_OPEN_SECONDS):
            self._give_up()
            self._closed = True
            raise MienError(f"the camera did not open within {_OPEN_SECONDS:g} s; power it off and on, then try again")
        if errand.error is not None:
            raise errand.error
        self.description = self._described

    @property
    def damaged(self) -> int:  # type: ignore[override]
        """See `Camera`."""
        return self._spoilt + self._inbox.damaged

    def _is_coloured(self) -> bool:
        return self._coloured

    def _start(self, call: Callable[[], None]) -> Errand:
        def news() -> None:
            with self._news:
                self._news.notify_all()

        self._errand = Errand(call, news)
        return self._errand

    def _open(self) -> None:
        self._spoilt += self._inbox.damaged
        # One of its own for each device: what a thread of the last one still delivers is nobody's.
        self._inbox = Inbox(self._news, self._inbox.sequence, self._is_coloured)
        device = self._opening(self._inbox)
        with self._news:
            late = self._closed
            self._device = None if late else device
            self._described = device.description
            self._opened_at = time.monotonic()
        if late:
            device.close()

    def frames(self) -> Iterator[Frame]:
        """The newest frame each time; see `Camera.frames`.

        A device that stalls or fails is restarted, then opened again and again, for `recover_seconds` at most.

        Raises:
            MienError: it did not come back, or a call of its library hangs.
        """
        while True:
            news = self._inbox.take(self._due, lambda: self._closed)
            if isinstance(news, Frame) and not self._closed:
                yield news
                continue
            if self._closed:
                return
            if self.state == "failed":
                raise MienError(f"{self._name}: was given up before; open it again")
            self._recover(news if isinstance(news, Exception) else None)

    def _due(self) -> float:
        """When the next frame must have come, seconds of the monotonic clock."""
        last = self._inbox.arrived
        return self._opened_at + self._first if last is None else last + self._stall

    @property
    def _name(self) -> str:
        return self.description.split(",")[0]

    def _recover(self, cause: Exception | None) -> None:
        """Restart the device, then open it again until a frame has come or the camera is closed.

        Raises:
            MienError: the time is over, or a call hangs.
        """
        began = time.monotonic()
        why = str(cause) if cause else f"no frame for {began - (self._inbox.arrived or self._opened_at):.1f} s"
        self.state = "recovering"
        pause, attempts = self._pause, 0
        while not self._closed:
            if time.monotonic() - began >= self._recover_seconds:
                self.state = "failed"
                raise MienError(
                    f"{self._name}: {why}, and not recovered in {time.monotonic() - began:.0f} s by {attempts} "
                    "attempts; check its cable and power, then reboot"
                )
            attempts += 1
            self.restarts += 1
            restarting = attempts == 1 and self._device is not None and self._device.restartable
            _log.warning("mien: %s: %s; %s it", self._name, why, "restarting" if restarting else "opening")
            try:
                if restarting:
                    self._do(self._restart, began)
                    self._inbox.failure()  # what went wrong before it
                else:
                    self._do(self._shut, began)
                    if attempts > 1 or cause is not None:
                        self._sleep(min(pause, began + self._recover_seconds - time.monotonic()))
                        pause = min(2 * pause, _PAUSES[1])
                    self._do(self._open, began)
            except MienError as error:
                if self._given_up:
                    raise
                why = str(error)
                continue
            except Exception as error:  # whatever the library raises: the next step may still help
                why = f"{type(error).__name__}: {error}"
                continue
            if self._comes(began):
                self.state = "running"
                took = time.monotonic() - began
                _log.warning("mien: %s: runs again after %.1f s, attempt %d", self._name, took, attempts)
                return
            failure = self._inbox.failure()
            why = str(failure) if failure else f"no frame for {self._first:g} s after attempt {attempts}"

    def _comes(self, began: float) -> bool:
        """Whether a frame arrives in time, and before an error; both stay in the inbox."""
        inbox = self._inbox
        since, now = inbox.sequence, time.monotonic()
        until = min(now + self._first, max(now, began + self._recover_seconds) + self._stall)
        with self._news:
            self._news.wait_for(
                lambda: inbox.sequence > since or inbox.failed or self._closed, until - time.monotonic()
            )
            return inbox.sequence > since

    def _do(self, call: Callable[[], None], began: float) -> None:
        """An errand with its limit; returns early when the camera is closed.

        Raises:
            MienError: it hangs: the camera is given up.
            Exception: what the call raised.
        """
        device = self._device
        limit = _OPEN_SECONDS if call == self._open else self._call
        if device is not None and device.interruptible:
            limit = max(1.0, began + self._recover_seconds - time.monotonic())
        with self._news:
            if self._closed:
                return
            errand = self._start(call)
            self._news.wait_for(lambda: errand.ended or self._closed, limit)
        if errand.ended:
            if errand.error is not None and not self._closed:
                raise errand.error
        elif not self._closed:
            doing = self._give_up()
            raise MienError(
                f"{self._name}: {doing} has not returned for {limit:.0f} s, so it was given up; power the camera off "
                "and on, or reboot"
            )

    def _restart(self) -> None:
        if self._device is not None:
            self._device.restart()

    def _shut(self) -> None:
        if self._device is not None:
            self._device.close()
            self._device = None

    def _sleep(self, seconds: float) -> None:
        with self._news:
            self._news.wait_for(lambda: self._closed, max(0.0, seconds))

    def _give_up(self) -> str:
        """The device is left as it is; returns what hangs."""
        self.state, self._given_up = "failed", True
        bound_exit()
        if self._device is None:
            return "opening it"
        self._device.forget()
        return self._device.doing

    def recycle(self, frame: Frame) -> None:
        """Use the frame's buffer again; see `Camera.recycle`."""
        device = self._device
        if device is not None:
            device.recycle(frame.luma)

    def close(self) -> None:
        """Stop and release the device, for three seconds at most; what hangs then is left behind with a warning."""
        with self._news:
            if self._closed:
                return
            self._closed = True
            self._news.notify_all()
            errand = self._errand
        if self._given_up:
            return
        end = time.monotonic() + CLOSE_SECONDS
        if errand is None or errand.wait(CLOSE_SECONDS):
            errand = self._start(self._shut)
            errand.wait(end - time.monotonic())
        if not errand.ended:
            doing = self._give_up()
            _log.warning("mien: %s: %s has not returned for %g s; left behind", self._name, doing, CLOSE_SECONDS)
