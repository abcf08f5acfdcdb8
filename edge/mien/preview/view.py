"""The live view: the one place where a run's pixels become pictures, and only while somebody looks."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable

import cv2
import numpy as np
from numpy.typing import NDArray

from mien.cameras.chroma import to_bgr
from mien.closing import Closing
from mien.frame import Frame
from mien.outputs.overlay import annotate, marks
from mien.pipeline import Pipeline
from mien.reading import FrameResult
from mien.roles import Preview

_QUALITY = 80
_JOIN_SECONDS = 5.0


class View(Closing):
    """Draws and encodes a run's newest frame, once for all who look, in a thread of its own.

    While nobody looks, the pipeline's `preview` is what it was before, no pixel is kept, and no colour is asked for.

    Args:
        pipeline: whose frames; what its `preview` was is called as before.
        rate: pictures a second, at most.
        on_picture: is called, in the view's thread, when there is a new picture.
        colour: is told when somebody looks and when nobody does: the camera's `colour`; None for a grey view.
    """

    def __init__(
        self,
        pipeline: Pipeline,
        rate: float,
        on_picture: Callable[[], None],
        colour: Callable[[bool], None] | None = None,
    ) -> None:
        self._colour = colour or (lambda wanted: None)
        self._pipeline, self._period, self._on_picture = pipeline, 1 / rate, on_picture
        self._changed = threading.Condition()
        self._viewers = 0
        self._before: Preview | None = None
        self._waiting: tuple[NDArray[np.uint8], NDArray[np.uint8] | None, FrameResult] | None = None
        self._picture: tuple[int, bytes] | None = None
        self._due = 0.0
        self._ended = False
        self.encoded = 0
        self._thread = threading.Thread(target=self._draw, name="mien-view", daemon=True)
        self._thread.start()

    @property
    def viewers(self) -> int:
        """How many look."""
        return self._viewers

    def join(self) -> None:
        """One more looks: the first opens the door."""
        with self._changed:
            self._viewers += 1
            if self._viewers == 1:
                self._before = self._pipeline.preview
                self._pipeline.preview = self._see
                self._colour(True)

    def leave(self) -> None:
        """One looks no longer: the last closes the door, and nothing is kept."""
        with self._changed:
            self._viewers -= 1
            if not self._viewers:
                self._colour(False)
                self._pipeline.preview, self._before = self._before, None
                self._waiting = self._picture = None

    def forget(self) -> None:
        """Keep nothing of what was seen so far: during a pause nobody who comes is shown the past."""
        with self._changed:
            self._waiting = self._picture = None

    def newest(self, after: int = 0) -> tuple[int, bytes] | None:
        """The newest picture's number, from 1, and its JPEG; None in a pause, or if none comes after number `after`."""
        if self._pipeline.paused:  # by whomever: a switch or `mien pause` does not tell the view
            self.forget()
            return None
        picture = self._picture
        return picture if picture is not None and picture[0] > after else None

    def _see(self, frame: Frame, result: FrameResult) -> None:
        # In the pipeline's thread: no more than a copy, and that not for every frame.
        before = self._before
        if before is not None:
            before(frame, result)
        now = time.monotonic()
        if now < self._due:
            return
        # Kept to the beat, so that 15 frames a second give 10 pictures and not 7.5; after a gap from anew.
        self._due = (now if now - self._due > self._period else self._due) + self._period
        with self._changed:
            if self._viewers:
                self._waiting = (frame.luma.copy(), frame.chroma, result)
                self._changed.notify()

    def _draw(self) -> None:
        while True:
            with self._changed:
                self._changed.wait_for(lambda: self._waiting is not None or self._ended)
                if self._ended or self._waiting is None:
                    return
                (luma, chroma, result), self._waiting = self._waiting, None
            picture = annotate(self._coloured(luma, chroma), marks(result, numbered=True))
            good, encoded = cv2.imencode(".jpg", picture, [cv2.IMWRITE_JPEG_QUALITY, _QUALITY])
            with self._changed:
                if not good or not self._viewers or self._pipeline.paused:
                    continue
                self.encoded += 1
                self._picture = (self.encoded, encoded.tobytes())
            self._on_picture()

    def _coloured(self, luma: NDArray[np.uint8], chroma: NDArray[np.uint8] | None) -> NDArray[np.uint8]:
        """The frame in colour; in grey where there is none, or a camera of somebody's own gives what is no chroma."""
        try:
            return luma if chroma is None else to_bgr(luma, chroma)
        except (cv2.error, IndexError, AttributeError):
            return luma

    def close(self) -> None:
        """Close the door and end the thread."""
        with self._changed:
            if self._ended:
                return
            self._ended = True
            if self._viewers:
                self._viewers = 1
            self._changed.notify()
        if self._viewers:
            self.leave()
        self._thread.join(_JOIN_SECONDS)
