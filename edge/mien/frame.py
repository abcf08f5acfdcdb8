"""A camera frame as mien sees it: the luma plane, when it was exposed, and its number; colour for who looks."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from mien.errors import MienError


@dataclass(frozen=True, slots=True, eq=False)
class Frame:
    """One frame of a camera, a file or the demo.

    Attributes:
        luma: uint8 (H, W), full-range BT.601 luma, 0 is black and 255 is white.
        captured_at: nanoseconds of the monotonic clock at exposure, as near as the source knows.
        sequence: number of the frame since the source was opened, from 0; gaps are dropped frames.
        name: path of the picture for files and folders, else the empty string.
        media_time: nanoseconds since the beginning of a recording; None where the frame is of the present.
        chroma: uint8 (h, w, 2), Cb and Cr of the same view, full range about 128, of any size; None where nobody asked
            for it (`Camera.colour`), or the source has none.
        small: uint8 (h, w), the luma of the same view, smaller, as the camera's own scaler made it; None where it was
            not asked for (`[camera] lores`).
    """

    luma: NDArray[np.uint8]
    captured_at: int
    sequence: int
    name: str = ""
    media_time: int | None = None
    chroma: NDArray[np.uint8] | None = None
    small: NDArray[np.uint8] | None = None

    @property
    def time(self) -> int:
        """Nanoseconds on the clock by which what is seen moves on: a recording's own, else the monotonic one."""
        return self.captured_at if self.media_time is None else self.media_time


def checked_luma(luma: NDArray[np.uint8]) -> NDArray[np.uint8]:
    """The frame itself if it is one, rows of it copied only where OpenCV could not read them.

    Args:
        luma: should be uint8 (H, W), one pixel or more.

    Raises:
        MienError: it is something else; says what, and what to do.
    """
    if not isinstance(luma, np.ndarray):
        raise MienError(f"a frame must be a numpy array of luma, uint8 (H, W), not {type(luma).__name__}")
    if luma.dtype != np.uint8 or luma.ndim != 2:
        hint = (
            "scale it to 0..255 and give uint8" if luma.dtype != np.uint8 else "convert a colour picture with to_luma"
        )
        raise MienError(f"a frame must be luma, uint8 (H, W), not {luma.dtype} {luma.shape}; {hint}")
    if not luma.size:
        raise MienError(f"a frame of shape {luma.shape} holds no pixel; give uint8 (H, W)")
    # A mirrored or strided view: OpenCV takes rows that lie apart, but no pixels that do.
    return luma if luma.strides[1] == 1 and luma.strides[0] >= luma.shape[1] else np.ascontiguousarray(luma)
