"""A camera frame as mien sees it: the luma plane, when it was exposed, and its number."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray


@dataclass(frozen=True, slots=True, eq=False)
class Frame:
    """One frame of a camera, a file or the demo.

    Attributes:
        luma: uint8 (H, W), full-range BT.601 luma, 0 is black and 255 is white.
        captured_at: nanoseconds of the monotonic clock at exposure, as near as the source knows.
        sequence: number of the frame since the source was opened, from 0; gaps are dropped frames.
        name: path of the picture for files and folders, else the empty string.
    """

    luma: NDArray[np.uint8]
    captured_at: int
    sequence: int
    name: str = ""
