"""A recording played at its own speed, as if it were a camera."""

from __future__ import annotations

import dataclasses
import logging
import threading
import time
from collections.abc import Callable, Iterator

from mien.cameras.base import Camera
from mien.frame import Frame

_log = logging.getLogger("mien.camera")


class RealTimeCamera(Camera):
    """A recording whose frames come when they are due: from the first one on, at their own times.

    A frame that is decoded more than a period after it was due is dropped, and leaves a gap in the numbers as a
    camera's does. Where the recording cannot be decoded so fast at all, it runs slower, with a warning.

    Args:
        camera: the recording, with `period_ns` and media times; closed with this one.
        clock: nanoseconds of the monotonic clock.
        wait: sleeps so many seconds; returns at once, and True, when the camera is closed. A real one if None.
    """

    live = True

    def __init__(
        self,
        camera: Camera,
        clock: Callable[[], int] = time.monotonic_ns,
        wait: Callable[[float], bool] | None = None,
    ) -> None:
        self._camera, self._clock = camera, clock
        self._closed = threading.Event()
        self._wait = wait or self._closed.wait
        self.related, self.period_ns = camera.related, camera.period_ns
        self.description = f"{camera.description}, in real time"

    @property
    def damaged(self) -> int:  # type: ignore[override]
        """Of the recording; see `Camera`."""
        return self._camera.damaged

    def frames(self) -> Iterator[Frame]:
        """See `Camera.frames`; `captured_at` is when a frame was due, and its media time is the recording's."""
        began: int | None = None
        dropped = 0  # lateness of the frame before, if that was dropped
        period = self.period_ns or 0
        warned = False
        for sequence, frame in enumerate(self._camera.frames()):
            now, at = self._clock(), frame.time
            began = now - at if began is None else began
            late = now - began - at
            if late > period and dropped and late >= dropped:  # dropping does not help: it is slower than time
                began, late = now - at, 0
                if not warned:
                    _log.warning("mien: %s: cannot be decoded in real time here; it runs slower", self._name)
                warned = True
            if late > period:
                dropped = late
                self._camera.recycle(frame)
                continue
            dropped = 0
            if self._closed.is_set() or (late < 0 and self._wait(-late / 1e9)):
                return
            yield dataclasses.replace(frame, captured_at=began + at, sequence=sequence)

    @property
    def _name(self) -> str:
        return self._camera.description.split(",")[0]

    def colour(self, wanted: bool) -> None:
        """See `Camera.colour`."""
        self._camera.colour(wanted)

    def recycle(self, frame: Frame) -> None:
        """See `Camera.recycle`."""
        self._camera.recycle(frame)

    def close(self) -> None:
        """End `frames`, also while it waits, and close the recording."""
        self._closed.set()
        self._camera.close()
