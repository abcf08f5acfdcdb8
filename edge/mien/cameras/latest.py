"""A box for one frame: what joins a camera's thread to the one that infers."""

from __future__ import annotations

import threading

from mien.frame import Frame


class Latest:
    """Holds the newest frame only; a frame that nobody took in time is replaced, never queued."""

    def __init__(self) -> None:
        self._changed = threading.Condition()
        self._frame: Frame | None = None
        self._ended = False
        self._error: BaseException | None = None

    def put(self, frame: Frame) -> Frame | None:
        """Put a frame in; returns the one that it replaces, if that was not taken."""
        with self._changed:
            replaced, self._frame = self._frame, frame
            self._changed.notify()
        return replaced

    def end(self, error: BaseException | None = None) -> None:
        """Say that no more frames come, and why if it was an error."""
        with self._changed:
            self._ended, self._error = True, error
            self._changed.notify()

    def take(self) -> Frame | None:
        """Wait for a frame and take it out; None once the frames have ended.

        Raises:
            BaseException: the error that ended the frames, after the last frame was taken.
        """
        with self._changed:
            self._changed.wait_for(lambda: self._frame is not None or self._ended)
            frame, self._frame = self._frame, None
            if frame is None and self._error is not None:
                raise self._error
            return frame
