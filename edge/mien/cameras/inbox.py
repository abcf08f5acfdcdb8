"""What a camera's own thread hands over: the newest frame, or what went wrong."""

from __future__ import annotations

import logging
import threading
import time
from collections.abc import Callable

import numpy as np
from numpy.typing import NDArray

from mien.frame import Frame

_log = logging.getLogger("mien.camera")


class Inbox:
    """Holds the newest frame of one opened device, and the first error that nobody has taken.

    Args:
        news: is notified of each arrival.
        first: number of the first frame.
        coloured: whether frames are to bring their chroma; asked anew for each.

    Attributes:
        sequence: number of the next frame.
        arrived: when the newest frame came, seconds of the monotonic clock; None before the first.
        damaged: frames that the device could not decode.
    """

    def __init__(self, news: threading.Condition, first: int = 0, coloured: Callable[[], bool] = lambda: False) -> None:
        self._news = news
        self._frame: Frame | None = None
        self._error: Exception | None = None
        self.sequence = first
        self.arrived: float | None = None
        self.damaged = 0
        self._coloured, self._colourless = coloured, False

    def put(
        self,
        luma: NDArray[np.uint8],
        captured_at: int,
        chroma: NDArray[np.uint8] | None = None,
        small: NDArray[np.uint8] | None = None,
    ) -> NDArray[np.uint8] | None:
        """Put a frame in, uint8 (H, W), full range, exposed at `captured_at` ns; the others as in `Frame`.

        Returns:
            The luma of the frame that it replaces, if nobody took that.
        """
        with self._news:
            replaced, self._frame = self._frame, Frame(luma, captured_at, self.sequence, chroma=chroma, small=small)
            self.sequence += 1
            self.arrived = time.monotonic()
            self._news.notify_all()
        return None if replaced is None else replaced.luma

    def colours(self, taking: Callable[[], NDArray[np.uint8]]) -> NDArray[np.uint8] | None:
        """The chroma that `taking` gives, if it is wanted.

        What fails there is warned of once, and not tried again: a camera whose luma is good goes on in grey.
        """
        if self._colourless or not self._coloured():
            return None
        try:
            return taking()
        except Exception as error:
            self._colourless = True
            _log.warning(
                "mien: the camera's colour cannot be read, so it stays grey (%s: %s)", type(error).__name__, error
            )
            return None

    def spoilt(self) -> None:
        """Count a frame that cannot be decoded."""
        with self._news:
            self.damaged += 1

    def fail(self, error: Exception) -> None:
        """Say what went wrong; the frames may go on all the same."""
        with self._news:
            self._error = self._error or error
            self._news.notify_all()

    def failure(self) -> Exception | None:
        """The error that nobody has taken; it is taken now."""
        with self._news:
            error, self._error = self._error, None
            return error

    @property
    def failed(self) -> bool:
        """Whether there is an error that nobody has taken."""
        return self._error is not None

    def take(self, until: Callable[[], float], ended: Callable[[], bool]) -> Frame | Exception | None:
        """Wait for news.

        Args:
            until: when to stop waiting, seconds of the monotonic clock.
            ended: whether to stop waiting at once.

        Returns:
            A frame; else an error; else None.
        """
        with self._news:
            while not (self._frame or self._error or ended()):
                left = until() - time.monotonic()
                if left <= 0:
                    return None
                self._news.wait(left)
            if self._frame is not None:
                frame, self._frame = self._frame, None
                return frame
            error, self._error = self._error, None
            return error
