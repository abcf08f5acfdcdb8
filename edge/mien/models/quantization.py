"""The affine quantization that every tensor of a model uses: real = (quantized − zero point) × scale."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray


@dataclass(frozen=True, slots=True)
class Quantization:
    """Per-tensor int8 quantization.

    Attributes:
        scale: real units per step, above 0.
        zero_point: the int8 value, −128 to 127, that stands for 0.
    """

    scale: float
    zero_point: int

    def quantize(self, values: NDArray[np.float32]) -> NDArray[np.int8]:
        """float32 of any shape → int8 of the same shape: scale, round half to even, clip, cast."""
        steps = np.rint(values / np.float32(self.scale)) + self.zero_point
        clipped: NDArray[np.int8] = np.clip(steps, -128, 127).astype(np.int8)
        return clipped

    def dequantize(self, values: NDArray[np.int8]) -> NDArray[np.float32]:
        """int8 of any shape → float32 of the same shape; widened before the zero point is taken off."""
        return (values.astype(np.float32) - np.float32(self.zero_point)) * np.float32(self.scale)

    def table(self) -> NDArray[np.float32]:
        """What each int8 value stands for, float32 (256,), in the order of their bits taken for uint8.

        `table.take(values.view(np.uint8))` is `dequantize(values)` in one call of numpy where that takes three.
        """
        return self.dequantize(np.arange(256, dtype=np.uint8).view(np.int8))
