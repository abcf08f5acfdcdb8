"""Readings as lines for people, in columns that stay where they are."""

from __future__ import annotations

from mien.errors import one_line
from mien.outputs.changes import Changes
from mien.reading import UNCERTAIN, FrameResult, Reading


def text(result: FrameResult, reading: Reading) -> str:
    """A reading as one line; of a picture, with its path at the end, its line ends and terminal codes escaped."""
    left, top, right, bottom = (round(v) for v in reading.face.box)
    latency = (result.read_at - result.captured_at) / 1e6
    # As wide as the longest caption that these labels can give.
    width = len(f"{UNCERTAIN} ( 100%)") + max(len(label) for label in reading.probabilities)
    picture = f"  {one_line(result.name)}" if result.name and result.media_time is None else ""
    return (
        f"frame {result.sequence:6d}  track {reading.track:3d}  {reading.caption:<{width}s}  "
        f"score {reading.face.score:.2f}  {latency:6.1f} ms  box {left},{top} {right},{bottom}{picture}"
    )


class TextLines:
    """The readings of a frame that tell of a change, as text; see `Changes`."""

    def __init__(self) -> None:
        self._changes = Changes()

    def __call__(self, result: FrameResult) -> list[str]:
        """The lines, without their ends."""
        return [text(result, reading) for reading in self._changes(result)]
