"""What is measured on: one 640×480 frame in memory, and a number of faces placed in it."""

from __future__ import annotations

import time
from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from mien.cameras.base import Camera
from mien.cameras.demo import DemoCamera
from mien.cameras.luma import expand_limited
from mien.errors import MienError
from mien.faces.face import Box, Face, Landmarks, Point
from mien.frame import Frame
from mien.laps import Laps
from mien.roles import Detector

WIDTH, HEIGHT = 640, 480
MOST_FACES = 20

_STRIDE = 768  # a Raspberry Pi 5's for 640 columns: rows of a camera's buffer are padded
_COLUMNS, _CELL = 5, (126, 118)
_FACE_WIDTH, _FACE_HEIGHT = 84, 105


@dataclass(frozen=True, slots=True, eq=False)
class Scene:
    """The frame.

    Attributes:
        luma: uint8 (480, 640).
        description: what is seen on it, in words.
    """

    luma: NDArray[np.uint8]
    description: str


def scene() -> Scene:
    """The first frame of the demo, a real photograph with one face; noise where the photograph is not installed."""
    try:
        camera = DemoCamera(frames=1)
    except MienError:
        noise = np.random.default_rng(0).integers(0, 256, (HEIGHT, WIDTH), dtype=np.uint8)
        return Scene(noise, "noise (scikit-image's photograph is not installed)")
    return Scene(next(camera.frames()).luma.copy(), "a photograph with one face (scikit-image's astronaut)")


def placed(count: int) -> tuple[Face, ...]:
    """Faces of one size, side by side on the frame, row by row.

    Args:
        count: 0 to `MOST_FACES`.

    Raises:
        MienError: more than fit.
    """
    if not 0 <= count <= MOST_FACES:
        raise MienError(f"{count} faces do not fit into the frame; give 0 to {MOST_FACES}")
    return tuple(_face(6.0 + _CELL[0] * (i % _COLUMNS), 6.0 + _CELL[1] * (i // _COLUMNS)) for i in range(count))


def _face(left: float, top: float) -> Face:
    eyes_nose_mouth = ((0.30, 0.38), (0.70, 0.38), (0.50, 0.58), (0.34, 0.77), (0.66, 0.77))
    landmarks = Landmarks(*(Point(left + _FACE_WIDTH * x, top + _FACE_HEIGHT * y) for x, y in eyes_nose_mouth))
    return Face(Box(left, top, left + _FACE_WIDTH, top + _FACE_HEIGHT), landmarks, 0.9)


class PlacedDetector:
    """A detector that runs in full on the frame, and whose finds are then replaced by placed faces.

    Args:
        detector: the real one.
        faces: what `detect` returns.
    """

    def __init__(self, detector: Detector, faces: tuple[Face, ...]) -> None:
        self._detector, self._faces = detector, faces

    def detect(self, luma: NDArray[np.uint8], laps: Laps | None = None) -> tuple[Face, ...]:
        """See `mien.roles.Detector.detect`."""
        self._detector.detect(luma, laps)
        return self._faces

    def close(self) -> None:
        """Close the real one."""
        self._detector.close()


class MemoryCamera(Camera):
    """One frame again and again, out of a buffer laid out as a Raspberry Pi's camera gives it: rows are padded.

    Args:
        luma: uint8 (480, 640), full range.
        limited: the buffer holds limited range (16 to 235), which is expanded, as from a camera that does not grant the
            full range that is asked for. It gives `luma` back, but for rounding.

    Attributes:
        laps: "capture", finding the luma plane in the buffer, and "luma", taking it out of there.
    """

    period_ns = 33_000_000
    description = "a still frame in memory"

    def __init__(self, luma: NDArray[np.uint8], limited: bool = False) -> None:
        self._limited = limited
        self._buffer = np.zeros((HEIGHT, _STRIDE), dtype=np.uint8)
        self._buffer[:, :WIDTH] = np.rint(luma * (219 / 255) + 16) if limited else luma
        self._plane = np.empty((HEIGHT, WIDTH), dtype=np.uint8)
        self._sequence = 0
        self.laps = Laps()

    def frames(self) -> Iterator[Frame]:
        """Frames without end; see `Camera.frames`."""
        while True:
            self.laps.start()
            plane = self._buffer[:, :WIDTH]
            self.laps.lap("capture")
            if self._limited:
                expand_limited(plane, out=self._plane)
            else:
                np.copyto(self._plane, plane)
            self.laps.lap("luma")
            self.laps.finish()
            yield Frame(self._plane, time.monotonic_ns(), self._sequence)
            self._sequence += 1

    def close(self) -> None:
        """Nothing is held: the next run goes on."""
