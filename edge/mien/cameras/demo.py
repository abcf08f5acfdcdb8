"""A moving clip made from one real photograph: pan, zoom, roll and light, the same on every machine."""

from __future__ import annotations

import functools
import importlib.util
import math
import time
from collections.abc import Iterator
from pathlib import Path

import cv2
import numpy as np
from numpy.typing import NDArray

from mien.cameras import chroma
from mien.cameras.base import Camera
from mien.cameras.buffers import LumaPool
from mien.cameras.luma import read_image
from mien.errors import MienError
from mien.frame import Frame

WIDTH, HEIGHT = 640, 480
FRAMES = 150
PERIOD_NS = 40_000_000

# Of the face in the photograph, in its pixels: its centre, and from the hair line to the chin.
_FACE = (223.0, 120.0)
_FACE_HEIGHT = 125.0
_SMALLEST, _LARGEST = 66.0, 212.0


def photograph() -> Path:
    """Path of scikit-image's astronaut (NASA, public domain), found without importing scikit-image.

    Raises:
        MienError: scikit-image is not installed.
    """
    spec = importlib.util.find_spec("skimage")
    path = Path(spec.origin).parent / "data" / "astronaut.png" if spec and spec.origin else None
    if path is None or not path.is_file():
        raise MienError(
            "the demo's photograph is not installed; it comes with scikit-image: pip install --no-deps scikit-image"
        )
    return path


def pose(index: int) -> tuple[NDArray[np.float32], float, float]:
    """Where the photograph stands in a frame of the clip.

    Args:
        index: number of the frame, from 0.

    Returns:
        float32 (2, 3), the affine matrix from photograph to frame pixels; gain; and offset of the light in
        luma steps. The face is 66 to 212 pixels high and stays inside the frame.
    """
    turn = 2 * math.pi * index / FRAMES
    # Geometric, so that every size of face gets the same share of the clip.
    height = _SMALLEST * (_LARGEST / _SMALLEST) ** (0.5 - 0.5 * math.cos(2 * turn))
    scale, roll = height / _FACE_HEIGHT, math.radians(16 * math.sin(3 * turn))
    x, y = WIDTH / 2 + 110 * math.sin(turn), HEIGHT / 2 - 10 + 45 * math.sin(2 * turn + 1)
    cos, sin = scale * math.cos(roll), scale * math.sin(roll)
    matrix = np.array(
        [[cos, -sin, x - cos * _FACE[0] + sin * _FACE[1]], [sin, cos, y - sin * _FACE[0] - cos * _FACE[1]]],
        dtype=np.float32,
    )
    return matrix, 0.85 + 0.25 * math.sin(2 * turn + 2), 8 * math.sin(5 * turn)


class DemoCamera(Camera):
    """The clip: 640×480, 25 frames a second of its own time, delivered as fast as they are read.

    Args:
        frames: length of the clip.

    Raises:
        MienError: the photograph is not installed.
    """

    period_ns = PERIOD_NS

    def __init__(self, frames: int = FRAMES) -> None:
        self._photograph = read_image(photograph())
        self._backdrop = _backdrop(self._photograph, 1)
        self._frames = frames
        self._pool = LumaPool(HEIGHT, WIDTH)
        self._closed = False
        self.description = f"demo clip {WIDTH}x{HEIGHT}"

    def frames(self) -> Iterator[Frame]:
        """Frames 0 to `frames` − 1; see `Camera.frames`."""
        for sequence in range(self._frames):
            if self._closed:
                return
            luma = self._pool.take()
            matrix, gain, offset = pose(sequence)
            np.copyto(luma, self._backdrop)
            _lay(self._photograph, matrix, luma)
            cv2.convertScaleAbs(luma, dst=luma, alpha=gain, beta=offset)
            colours = self._chroma(matrix, gain) if self._coloured else None
            yield Frame(luma, time.monotonic_ns(), sequence, media_time=sequence * PERIOD_NS, chroma=colours)

    def _chroma(self, matrix: NDArray[np.float32], gain: float) -> NDArray[np.uint8]:
        """Of the frame with the photograph there, in light of that strength."""
        photographed, backdrop = _colours()
        frame = backdrop.copy()
        # Both at a quarter of their size: a matrix between them has a quarter of the shift.
        _lay(photographed, matrix * np.array([1, 1, 0.25], dtype=np.float32), frame)
        return np.asarray(cv2.convertScaleAbs(frame, alpha=gain, beta=128 * (1 - gain)), dtype=np.uint8)

    def recycle(self, frame: Frame) -> None:
        """Use the frame's buffer again; see `Camera.recycle`."""
        self._pool.give(frame.luma)

    def close(self) -> None:
        """End `frames` after the present one."""
        self._closed = True


@functools.cache
def _colours() -> tuple[NDArray[np.uint8], NDArray[np.uint8]]:
    """Chroma of photograph and backdrop, at a quarter of their size: it costs little where frames come fast."""
    whole = np.asarray(cv2.imread(str(photograph()), cv2.IMREAD_COLOR), dtype=np.uint8)
    half = cv2.resize(whole, None, fx=0.5, fy=0.5, interpolation=cv2.INTER_AREA)
    small = chroma.of_bgr(np.asarray(half, dtype=np.uint8))
    return small, _backdrop(small, 4)


def _backdrop(photograph: NDArray[np.uint8], smaller: int) -> NDArray[np.uint8]:
    """Around the photograph a blur of itself: no grey border, and no second face as mirroring would make.

    Args:
        photograph: uint8 (H, W) or (H, W, C).
        smaller: how many times smaller than the photograph it is.
    """
    part = photograph[100 // smaller : 484 // smaller]
    wide = cv2.resize(part, (WIDTH // smaller, HEIGHT // smaller), interpolation=cv2.INTER_AREA)
    return np.asarray(cv2.GaussianBlur(wide, (0, 0), 40 / smaller), dtype=np.uint8)


def _lay(photograph: NDArray[np.uint8], matrix: NDArray[np.float32], frame: NDArray[np.uint8]) -> None:
    """Lay the photograph over the frame, where the matrix (2, 3) puts it."""
    cv2.warpAffine(
        photograph,
        matrix,
        (frame.shape[1], frame.shape[0]),
        dst=frame,
        flags=cv2.INTER_LINEAR,
        borderMode=cv2.BORDER_TRANSPARENT,
    )
