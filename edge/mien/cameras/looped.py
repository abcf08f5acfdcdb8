"""A recording that begins anew at its end."""

from __future__ import annotations

import dataclasses
import threading
from collections.abc import Callable, Iterator

from mien.cameras.base import Camera
from mien.frame import Frame


class LoopedCamera(Camera):
    """A recording, again and again: numbers and times go on from round to round.

    Args:
        camera: the first round; closed with this one.
        opening: opens the recording for each further round.
    """

    def __init__(self, camera: Camera, opening: Callable[[], Camera]) -> None:
        self._camera, self._opening = camera, opening
        self._turn = threading.Lock()
        self._closed = False
        self._spoilt = 0  # of the rounds before
        self.related, self.period_ns = camera.related, camera.period_ns
        self.description = f"{camera.description}, again and again"

    @property
    def damaged(self) -> int:  # type: ignore[override]
        """Of all rounds; see `Camera`."""
        return self._spoilt + self._camera.damaged

    def frames(self) -> Iterator[Frame]:
        """See `Camera.frames`; a round without a frame is the last.

        Raises:
            MienError: the recording cannot be opened for another round.
        """
        first, began, period = 0, 0, self.period_ns or 0
        while True:
            last: Frame | None = None
            for frame in self._camera.frames():
                at = None if frame.media_time is None else began + frame.media_time
                last = dataclasses.replace(frame, sequence=first + frame.sequence, media_time=at)
                yield last
            if last is None or not self._again():
                return
            first, began = last.sequence + 1, (last.media_time or 0) + period

    def _again(self) -> bool:
        """Open the next round, unless it is closed."""
        with self._turn:
            if self._closed:
                return False
            self._camera.close()
            self._spoilt += self._camera.damaged
            self._camera.damaged = 0  # counted; the recording may be gone by now
            self._camera = self._opening()
            self._camera.colour(self._coloured)
            return True

    def colour(self, wanted: bool) -> None:
        """See `Camera.colour`; of further rounds too."""
        with self._turn:
            super().colour(wanted)
            self._camera.colour(wanted)

    def recycle(self, frame: Frame) -> None:
        """See `Camera.recycle`."""
        self._camera.recycle(frame)

    def close(self) -> None:
        """End `frames`, and close the recording."""
        with self._turn:
            self._closed = True
            self._camera.close()
