"""A camera's device as fast as the pipeline, which fails when it is told to; behind `mien.cameras.live.LiveCamera`."""

from __future__ import annotations

import threading
import time
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from mien.cameras.buffers import LumaPool
from mien.cameras.inbox import Inbox
from mien.errors import MienError

_UNDER_WAY = 2
"""Frames that may wait or be read: one of each, so that there always is a next one and few are dropped."""
_BURST = 64
"""At every so manieth frame another follows at once, and one of both is dropped."""
_PAUSE_SECONDS = 0.0003
"""After each frame: enough for whoever waits for it to take it, so that the next one does not replace it."""
_LOOK_SECONDS = 0.05
"""How often the script is looked at while no frame is wanted."""


@dataclass
class Script:
    """What the device is to do; set from another thread. A count falls to 0 by itself.

    Attributes:
        delivered: frames handed over so far, of all devices together.
        silent: whether it gives nothing until it is restarted.
        deaf: whether a restart does not help against that.
        unplugged: whether its thread is to fail.
        refused: openings that are to fail.
        spoilt: frames that cannot be decoded.
        odd: frames of other sizes.
        black: frames without light.
        wrong_times: frames whose time stamps run backwards or stand still.
    """

    delivered: int = 0
    silent: bool = False
    deaf: bool = False
    unplugged: bool = False
    refused: int = 0
    spoilt: int = 0
    odd: int = 0
    black: int = 0
    wrong_times: int = 0


class SoakDevice:
    """See `mien.cameras.live.Device`.

    Args:
        inbox: to deliver to.
        script: what to do.
        loop: the frames, one after the other.

    Raises:
        MienError: the script refuses the opening.
    """

    name = description = "the soak's camera"
    doing = "reading"
    restartable = interruptible = True

    def __init__(self, inbox: Inbox, script: Script, loop: Sequence[NDArray[np.uint8]]) -> None:
        if script.refused:
            script.refused -= 1
            raise MienError("the soak's camera is not there; plug it in")
        self._inbox, self._script, self._loop = inbox, script, loop
        self._pool = LumaPool(*loop[0].shape)
        self._turn = threading.Condition()
        self._under_way: set[int] = set()
        """Of the buffers that were handed over and have not come back, their identities."""
        self._stopping = False
        self._thread = threading.Thread(target=self._work, name="soak-camera", daemon=True)
        self._thread.start()

    def restart(self) -> None:
        """Deliver again, unless the script is deaf to it."""
        if not self._script.deaf:
            self._script.silent = False

    def close(self) -> None:
        """End the thread."""
        with self._turn:
            self._stopping = True
            self._turn.notify()
        self._thread.join()

    def forget(self) -> None:
        """Nothing is called at exit."""

    def recycle(self, luma: NDArray[np.uint8]) -> None:
        """A frame has been read, or dropped."""
        with self._turn:
            self._under_way.discard(id(luma))
            self._turn.notify()
        self._pool.give(luma)

    def _work(self) -> None:
        script, number = self._script, 0
        script.silent = script.deaf = False  # whoever is opened anew works
        while not self._stopping:
            with self._turn:
                free = self._turn.wait_for(lambda: len(self._under_way) < _UNDER_WAY or self._stopping, _LOOK_SECONDS)
            if script.unplugged:
                script.unplugged = False
                self._inbox.fail(MienError("the soak's camera was unplugged; plug it in again"))
                return
            if script.silent:
                time.sleep(0.01)
                continue
            if not free:
                continue
            for _ in range(script.spoilt):
                self._inbox.spoilt()
            script.spoilt = 0
            self._deliver(number)
            number += 1
            if number % _BURST == 0:
                self._deliver(number)
                number += 1

    def _deliver(self, number: int) -> None:
        script, luma = self._script, self._pool.take()
        np.copyto(luma, self._loop[number % len(self._loop)])
        if script.black:
            script.black -= 1
            luma[:] = 0
        if script.odd:
            script.odd -= 1
            luma = (luma[:1, :1], luma[:1], np.repeat(np.repeat(luma, 4, 0), 4, 1), luma[:, ::2])[script.odd % 4].copy()
        now = time.monotonic_ns()
        if script.wrong_times:
            script.wrong_times -= 1
            now = now - 5 * 10**8 if script.wrong_times % 2 else 1
        with self._turn:
            self._under_way.add(id(luma))
        replaced = self._inbox.put(luma, now)
        script.delivered += 1
        time.sleep(_PAUSE_SECONDS)
        if replaced is not None:
            self.recycle(replaced)
