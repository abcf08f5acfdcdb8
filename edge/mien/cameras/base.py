"""Where frames come from: the protocol of every source, and the one that a source's name stands for."""

from __future__ import annotations

import importlib.util
from collections.abc import Iterator
from pathlib import Path
from types import TracebackType
from typing import Protocol, Self

from mien.errors import MienError
from mien.frame import Frame

SOURCES = "auto, picamera2, v4l2:N, demo, or the path of a picture, a folder of pictures or a video"
"""What `open_source` understands, for help texts and errors."""

_OLDEST_NS = 10_000_000_000


class Camera(Protocol):
    """A source of frames.

    Attributes:
        live: whether time goes on without us: frames of a live source that nobody fetches are lost.
        period_ns: nanoseconds between two frames of a recording; None for a live source, whose frames carry
            the time of their exposure.
        description: one line for the user.
    """

    live: bool
    period_ns: int | None
    description: str

    def frames(self) -> Iterator[Frame]:
        """The frames in order, until the recording ends or `close` is called (from whichever thread).

        Raises:
            MienError: the source failed and could not be recovered.
        """
        ...

    def recycle(self, frame: Frame) -> None:
        """Hand a frame back: its luma may be overwritten from now on. Frames kept are never touched again."""
        return

    def close(self) -> None:
        """Let go of the device or file; safe to call twice, and from another thread."""

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()


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


def open_source(spec: str) -> Camera:
    """Open a source by name.

    Args:
        spec: one of `SOURCES`.

    Raises:
        MienError: unknown source, missing path, empty folder, absent camera or package.
    """
    # Each source's module is imported when it is chosen: a picture needs no camera library.
    if spec == "auto":
        return _first_camera()
    if spec == "picamera2":
        from mien.cameras.picamera2 import PiCamera

        return PiCamera()
    if spec == "demo":
        from mien.cameras.demo import DemoCamera

        return DemoCamera()
    if spec.startswith("v4l2:"):
        from mien.cameras.v4l2 import V4L2Camera

        number = spec.removeprefix("v4l2:")
        if not (number.isascii() and number.isdigit()):
            raise MienError(f"source {spec!r}: v4l2 takes the number of a device, as in v4l2:0 for /dev/video0")
        return V4L2Camera(int(number))
    if Path(spec).exists():
        from mien.cameras.files import open_path

        return open_path(Path(spec))
    raise MienError(f"source {spec!r}: no such file or folder, and no source of that name; give {SOURCES}")


def _first_camera() -> Camera:
    from mien.cameras.v4l2 import V4L2Camera, devices

    if importlib.util.find_spec("picamera2") is not None:
        from mien.cameras.picamera2 import PiCamera, listed

        if listed():
            return PiCamera()
    found = devices()
    if found:
        return V4L2Camera(found[0])
    raise MienError(
        "no camera found: picamera2 lists none and there is no capture device /dev/video*; "
        "connect one and run `mien doctor`, or try `--source demo`"
    )
