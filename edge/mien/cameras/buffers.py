"""Luma buffers that are used again, so that a live camera allocates nothing per frame."""

from __future__ import annotations

from collections import deque

import numpy as np
from numpy.typing import NDArray


class LumaPool:
    """Buffers of one size. Taking and giving are safe from different threads.

    Args:
        height, width: of every buffer, in pixels.
        most: buffers kept for later; more than that are left to the garbage collector.
    """

    def __init__(self, height: int, width: int, most: int = 4) -> None:
        self._shape = (height, width)
        # A deque's append and pop are atomic, and its bound drops the oldest buffer.
        self._free: deque[NDArray[np.uint8]] = deque(maxlen=most)

    def take(self) -> NDArray[np.uint8]:
        """A buffer that nobody else holds, uint8 (height, width), with whatever was in it."""
        try:
            return self._free.pop()
        except IndexError:
            return np.empty(self._shape, dtype=np.uint8)

    def give(self, luma: NDArray[np.uint8]) -> None:
        """Hand a buffer back; one of another size is ignored."""
        if luma.shape == self._shape:
            self._free.append(luma)
