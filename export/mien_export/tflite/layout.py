"""Axes and padding: pictures are (1, C, H, W) in ONNX and (1, H, W, C) in TFLite."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from numpy.typing import NDArray

from mien.errors import MienError


def channels_last(shape: Sequence[int]) -> tuple[int, ...]:
    """(N, C, H, W) → (N, H, W, C); other ranks as they are."""
    return (shape[0], shape[2], shape[3], shape[1]) if len(shape) == 4 else tuple(shape)


def to_channels_last(data: NDArray[Any]) -> NDArray[Any]:
    """An array (N, C, H, W) → (N, H, W, C); other ranks as they are."""
    return data.transpose(0, 2, 3, 1) if data.ndim == 4 else data


def padding(
    size: Sequence[int],
    kernel: Sequence[int],
    strides: Sequence[int],
    pads: Sequence[int],
    output: Sequence[int],
    where: str,
) -> str:
    """How TFLite spells a window's padding.

    SAME in TFLite means ⌈size / stride⌉ outputs, and of the padding needed for that the smaller half first.

    Args:
        size, kernel, strides, output: (height, width) in pixels.
        pads: ONNX's (top, left, bottom, right).
        where: operator and name of the node, for the message.

    Returns:
        "VALID" or "SAME".

    Raises:
        MienError: it is neither.
    """
    valid = [(n - k) // s + 1 for n, k, s in zip(size, kernel, strides, strict=True)]
    if not any(pads) and list(output) == valid:
        return "VALID"
    same = [-(-n // s) for n, s in zip(size, strides, strict=True)]
    needed = [max((o - 1) * s + k - n, 0) for o, s, k, n in zip(same, strides, kernel, size, strict=True)]
    wanted = [needed[0] // 2, needed[1] // 2, needed[0] - needed[0] // 2, needed[1] - needed[1] // 2]
    if list(pads) == wanted and list(output) == same:
        return "SAME"
    raise MienError(
        f"{where}: padding {list(pads)} of a {kernel[0]}×{kernel[1]} window, stride {strides[0]}×{strides[1]}"
        f" on {size[0]}×{size[1]} is neither SAME {wanted} nor VALID in TFLite; pad the network differently"
    )
