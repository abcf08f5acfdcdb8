"""The two that the contract suite holds to the same: the double, and picamera2 itself where MIEN_CONTRACT is "real"."""

from __future__ import annotations

import os
import sys

import numpy as np
from contract_faults import Faults
from numpy.typing import NDArray
from picamera2_double import picamera2_modules

REAL = os.environ.get("MIEN_CONTRACT") == "real"

# White, yellow, cyan, green, magenta, red, blue, black: (66 R + 129 G + 25 B + 4224) >> 8, limited range.
BARS = np.array([235, 210, 169, 144, 107, 82, 41, 16], dtype=np.uint8)

COLOURS = np.array(
    [[1, 1, 1], [0, 1, 1], [1, 1, 0], [0, 1, 0], [1, 0, 1], [0, 0, 1], [1, 0, 0], [0, 0, 0]], dtype=np.uint8
)
"""Blue, green and red of the bars, off or on."""

_B, _G, _R = (COLOURS * 255).astype(int).T
_CHROMA = np.stack([(112 * _B - 74 * _G - 38 * _R + 32896) >> 8, (112 * _R - 94 * _G - 18 * _B + 32896) >> 8], 1)
_CHROMA = _CHROMA.astype(np.uint8)


def bars(height: int, width: int, sequence: int) -> NDArray[np.uint8]:
    """Luma of frame `sequence` since the camera's start: eight bars that move left one column a frame.

    Returns:
        uint8 (height, width), limited range.
    """
    column = (np.arange(width) + sequence + 1) % width
    return np.tile(BARS[column // (width // 8) % 8], (height, 1))


def bar_colours(height: int, width: int, sequence: int) -> NDArray[np.uint8]:
    """Cb and Cr of that frame, those of the left one of two pixels: uint8 (height / 2, width / 2, 2), limited range."""
    column = (np.arange(0, width, 2) + sequence + 1) % width
    return np.tile(_CHROMA[column // (width // 8) % 8], (height // 2, 1, 1))


def install(faults: Faults) -> None:
    """Let the next `PiCamera` find two cameras, "Bars" and "Lines", that have these faults."""
    if REAL:
        import real_picamera2

        real_picamera2.install(faults)
        return
    modules = picamera2_modules(
        cameras=({"Model": "Bars"}, {"Model": "Lines"}),
        limited=True,
        follows=True,
        unscaled=(1,),
        picture=bars,
        colours=bar_colours,
        period=1 / 60,
        faults=faults,
    )
    sys.modules.update(modules)
