"""A box for one frame: what joins a camera's thread to the one that infers."""

from __future__ import annotations

import threading

from mien.frame import Frame


class Latest:
    """Holds the newest frame only; a frame that nobody took in time is replaced, never queued, and counts as lost."""

    def __init__(self) -> None:
        self._changed = threading.Condition()
        self._frame: Frame | None = None
        self._lost = 0
        self._ended = False
        self._error: BaseException | None = None

    def put(self, frame: Frame, missed: int = 0) -> Frame | None:
        """Put a frame in, before which the camera itself lost so many.

        Returns:
            The one that it replaces, if that was not taken.
        """
        with self._changed:
            replaced, self._frame = self._frame, frame
            self._lost += missed + (replaced is not None)
            self._changed.notify()
        return replaced

    def end(self, error: BaseException | None = None) -> None:
        """Say that no more frames come, and why if it was an error."""
        with self._changed:
            self._ended, self._error = True, error
            self._changed.notify()

    def take(self) -> tuple[Frame, int] | None:
        """Wait for a frame and take it out; None once the frames have ended.

        Returns:
            The frame, and how many were lost before it since the first.

        Raises:
            BaseException: the error that ended the frames, after the last frame was taken.
        """
        with self._changed:
            self._changed.wait_for(lambda: self._frame is not None or self._ended)
            frame, self._frame = self._frame, None
            if frame is not None:
                return frame, self._lost
            if self._error is not None:
                raise self._error
            return None
