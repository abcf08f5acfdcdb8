"""A sink in a thread of its own behind a bounded queue: whatever becomes of it, the others and the camera go on."""

from __future__ import annotations

import logging
import threading
import time
from collections import deque
from dataclasses import dataclass
from typing import Literal, Protocol

from mien.closing import Closing
from mien.errors import MienError, one_line
from mien.outputs.names import shown
from mien.outputs.target import TakenError, Target
from mien.reading import FrameResult

LOG = logging.getLogger("mien.sinks")

ROOM = 2000
"""Results that wait for a slow or failing sink; then the oldest is lost."""

_FIRST_PAUSE, _LONGEST_PAUSE = 0.25, 5.0  # seconds between two tries of a sink that fails
_IDLE_SECONDS = 1.0


class Thin(Protocol):
    """Picks what is worth waiting for."""

    def __call__(self, result: FrameResult) -> FrameResult | None:
        """Of a result; None for nothing."""
        ...

    def gone(self) -> FrameResult | None:
        """While no result comes; None for nothing. From another thread."""
        ...


@dataclass(frozen=True, slots=True)
class SinkState:
    """How a sink is doing.

    Attributes:
        name: as it was asked for, such as "jsonl:readings.jsonl".
        state: "ok"; "failing" while it cannot write; "ended" when whoever read standard output has gone.
        failures: how often a write has failed.
        dropped: results lost, because there was no room for them to wait or they could not be written.
        waiting: results in the queue.
        problem: the last failure in a line; empty if there was none.
    """

    name: str
    state: Literal["ok", "failing", "ended"]
    failures: int
    dropped: int
    waiting: int
    problem: str

    @property
    def said(self) -> str:
        """What a failing one has to say in a line. What its target kept back to write later is lost too, uncounted."""
        lost = f"{self.dropped} results lost" if self.dropped else "what waited is lost"
        return f"sink {self.name}: {self.problem or 'does not end'}; {lost}"


class Queued(Closing):
    """Hands results to a target in a thread of its own.

    Args:
        target: where they go; closed in that thread.
        name: for people.
        thin: applied before a result is queued, so that a long wait costs little memory.
        patient: where the queue is full, wait for room rather than lose the oldest, unless the target fails: right
            for recordings, wrong for a camera.
        room: results that may wait.
    """

    def __init__(
        self, target: Target, name: str, *, thin: Thin | None = None, patient: bool = False, room: int = ROOM
    ) -> None:
        self._target, self._name, self._thin, self._patient, self._room = target, shown(name), thin, patient, room
        self._waiting: deque[FrameResult] = deque()
        self._lock = threading.Lock()
        self._filled, self._emptied = threading.Condition(self._lock), threading.Condition(self._lock)
        self._state: Literal["ok", "failing", "ended"] = "ok"
        self._failures = self._dropped = self._dropped_before = 0
        self._busy = self._lossy = False
        self._problem = ""
        self._closing, self._abandoned = threading.Event(), threading.Event()
        self._thread = threading.Thread(target=self._work, name=f"mien-sink-{name[:20]}", daemon=True)
        self._thread.start()

    @property
    def state(self) -> SinkState:
        """How the sink is doing. From any thread."""
        with self._lock:
            waiting = len(self._waiting) + self._busy
            return SinkState(self._name, self._state, self._failures, self._dropped, waiting, self._problem)

    @property
    def ended(self) -> bool:
        """Whether whoever read standard output has gone."""
        return self._state == "ended"

    def write(self, result: FrameResult) -> None:
        """Queue a result; returns at once unless `patient`."""
        kept = self._thin(result) if self._thin is not None else result
        if kept is None:
            return
        lossy = False
        with self._lock:
            while self._patient and len(self._waiting) >= self._room and self._state == "ok":
                self._emptied.wait()
            if self._state == "ended" or self._closing.is_set():
                return
            if len(self._waiting) >= self._room:
                self._waiting.popleft()
                self._dropped += 1
                lossy, self._lossy = not self._lossy, True
            self._waiting.append(kept)
            self._filled.notify()
        if lossy:
            LOG.warning("sink %s: too slow or failing; from here on its oldest readings are lost", self._name)

    def reopen(self) -> None:
        """See `Target.reopen`."""
        self._target.reopen()

    def flush(self, seconds: float) -> bool:
        """Wait until all that was queued is written; False if that took too long, or the sink fails."""
        deadline = time.monotonic() + seconds
        with self._lock:
            while (self._waiting or self._busy) and self._state == "ok":
                if not self._emptied.wait(max(0.0, deadline - time.monotonic())) and time.monotonic() >= deadline:
                    return False
            return not self._waiting and not self._busy

    def end(self) -> None:
        """Take nothing more, and end when what waits is written, or cannot be. Does not wait; `join` does."""
        with self._lock:
            self._closing.set()
            self._filled.notify()

    def join(self, deadline: float) -> None:
        """Wait for the end, until a time of `time.monotonic`; a patient sink that does not fail is waited for."""
        try:
            while self._thread.is_alive():
                self._thread.join(0.2)
                if time.monotonic() >= deadline and not (self._patient and self.state.state == "ok"):
                    break
        finally:  # also after Ctrl-C
            self._abandoned.set()
        if self._thread.is_alive():
            self._thread.join(0.5)
        if self._thread.is_alive():
            lost = self.state.waiting
            LOG.warning("sink %s: does not end; left behind with %d results unwritten", self._name, lost)
            with self._lock:
                self._state, self._dropped = "failing", self._dropped + lost
                self._waiting.clear()

    def close(self) -> None:
        """End and wait for it, 5 s at most unless it is patient and does not fail."""
        self.end()
        self.join(time.monotonic() + 5.0)

    def _work(self) -> None:
        try:
            while (result := self._next()) is not False:
                if self._abandoned.is_set():
                    self._lose(result)
                elif result is None:
                    gone = self._thin.gone() if self._thin is not None and not self._patient else None
                    if gone is not None:
                        self._deliver(gone)
                    else:
                        self._idle()
                else:
                    self._deliver(result)
                with self._lock:
                    self._busy = False
                    self._emptied.notify_all()
        finally:
            try:
                self._target.close()
            except Exception as error:  # whatever it is, the other sinks close as well
                self._failed(error)
            else:
                if self._dropped == self._dropped_before:  # what its target had kept back is written now
                    self._recovered()

    def _next(self) -> FrameResult | Literal[False] | None:
        """The next result; None if there was none for a while; False at the end."""
        with self._lock:
            if not self._waiting and not self._closing.is_set():
                self._filled.wait(_IDLE_SECONDS)
            if self._waiting:
                self._busy = True
                return self._waiting.popleft()
            return False if self._closing.is_set() else None

    def _deliver(self, result: FrameResult) -> None:
        pause = _FIRST_PAUSE
        while True:
            try:
                self._target.write(result)
            except BrokenPipeError:
                self._ended()
                return
            except TakenError as error:
                self._failed(error)
                return
            except TimeoutError as error:
                if not self._patient:
                    self._failed(error)
            except (MienError, OSError) as error:
                self._failed(error)
            except Exception as error:  # of a callback, or a mistake of ours: this result, not the sink, is lost
                self._failed(error)
                self._lose(result)
                return
            else:
                self._recovered()
                return
            if self._abandoned.is_set() or (self._closing.is_set() and self._state == "failing"):
                self._lose(result)  # tried once more at the end, not for ever and not one by one
                with self._lock:
                    self._dropped += len(self._waiting)
                    self._waiting.clear()
                return
            if self._state == "failing":
                self._closing.wait(pause)
                pause = min(2 * pause, _LONGEST_PAUSE)

    def _idle(self) -> None:
        try:
            self._target.idle()
        except Exception as error:  # like one of `write`
            self._failed(error)
        else:
            self._recovered()

    def _lose(self, result: FrameResult | None) -> None:
        if result is not None:
            with self._lock:
                self._dropped += 1

    def _ended(self) -> None:
        with self._lock:
            self._state = "ended"
            self._waiting.clear()
            self._emptied.notify_all()

    def _failed(self, error: Exception) -> None:
        problem = one_line(str(error) or type(error).__name__)
        with self._lock:
            first = self._state == "ok"
            if first:
                self._dropped_before = self._dropped
            self._failures += 1
            self._problem = problem
            if self._state != "ended":
                self._state = "failing"
            self._emptied.notify_all()
        if first:
            LOG.warning("sink %s: %s; the other sinks go on", self._name, problem)

    def _recovered(self) -> None:
        with self._lock:
            again = self._state == "failing"
            self._state = "ok"
            # Losing has ended only where there is room again, or a slow sink would say so again and again.
            if len(self._waiting) < self._room // 2:
                self._lossy = False
            dropped = self._dropped
        if again:
            LOG.warning("sink %s: writes again; %d results lost so far", self._name, dropped)
