"""What every source of frames is: its protocol, and the time stamp that can be believed."""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Iterator
from typing import Literal

from mien.closing import Closing
from mien.frame import Frame

State = Literal["running", "recovering", "failed"]

_OLDEST_NS = 10_000_000_000


class Camera(Closing):
    """A source of frames; a context manager.

    Attributes:
        live: whether time goes on without us: frames of a live source that nobody fetches are lost.
        related: whether frames follow one another in time, so that a face in one may be the same in the next.
        period_ns: nanoseconds between two frames of a recording; None for a camera or unrelated pictures.
        description: one line for the user.
        damaged: frames or pictures so far that could not be decoded and were left out.
        state: "running"; "recovering" while a live source gives no frames and is being restarted; "failed" once it was
            given up.
        turned: whether the frames are turned and mirrored already, as the settings want it.
        restarts: attempts so far to get a live source to run again.
    """

    live: bool = False
    related: bool = True
    period_ns: int | None = None
    description: str = ""
    damaged: int = 0
    state: State = "running"
    restarts: int = 0
    turned: bool = False
    _coloured: bool = False

    @abstractmethod
    def frames(self) -> Iterator[Frame]:
        """The frames in order, until the recording ends or `close` is called (from whichever thread).

        Raises:
            MienError: the source failed and could not be recovered.
        """

    def colour(self, wanted: bool) -> None:
        """Say whether frames are to bring their chroma from now on, for who looks at them; at first they do not.

        From any thread. A source without colour brings none.
        """
        self._coloured = wanted

    def recycle(self, frame: Frame) -> None:
        """Hand a frame back: its luma may be overwritten from now on. Frames kept are never touched again."""


def exposure_time(stamp_ns: int, now_ns: int) -> int:
    """A device's time stamp if it can be true, else the time of arrival.

    Args:
        stamp_ns: what the device says, nanoseconds of the monotonic clock.
        now_ns: the monotonic clock at arrival.

    Returns:
        `stamp_ns` if it lies within the ten seconds before `now_ns`: some drivers leave it 0, or use
        another clock.
    """
    return stamp_ns if 0 <= now_ns - stamp_ns <= _OLDEST_NS else now_ns
