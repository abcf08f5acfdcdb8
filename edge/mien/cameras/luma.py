"""Full-range BT.601 luma out of every pixel format a source delivers."""

from __future__ import annotations

from pathlib import Path
from typing import Literal

import cv2
import numpy as np
from numpy.typing import NDArray

from mien.errors import MienError

# ITU-R BT.601 limited ("studio") range: 16 is black, 235 is white.
_EXPAND = np.clip(np.rint((np.arange(256) - 16.0) * 255.0 / 219.0), 0, 255).astype(np.uint8)


def to_luma(image: NDArray[np.uint8], order: Literal["bgr", "rgb"] = "bgr") -> NDArray[np.uint8]:
    """Luma of a picture that is grey already, or in colour.

    Args:
        image: uint8 (H, W), (H, W, 1), (H, W, 3), or (H, W, 4) whose fourth channel (alpha) is left out.
        order: of the colours; OpenCV's own is "bgr".

    Returns:
        uint8 (H, W), full-range BT.601; a grey picture's own pixels, not a copy.

    Raises:
        MienError: no such picture.
    """
    good = isinstance(image, np.ndarray) and image.dtype == np.uint8 and image.ndim in (2, 3) and image.size
    if not good or (image.ndim == 3 and image.shape[2] not in (1, 3, 4)):
        got = f"{image.dtype} {image.shape}" if isinstance(image, np.ndarray) else type(image).__name__
        raise MienError(f"a picture must be uint8 (H, W), (H, W, 3) or (H, W, 4), not {got}")
    if order not in ("bgr", "rgb"):
        raise MienError(f"colour order is {order!r}; give 'bgr' or 'rgb'")
    if image.ndim == 2:
        return image
    if image.shape[2] == 1:
        return image[:, :, 0]
    colours = image[:, :, :3] if order == "bgr" else image[:, :, 2::-1]
    return from_bgr(np.ascontiguousarray(colours))


def from_bgr(image: NDArray[np.uint8]) -> NDArray[np.uint8]:
    """Luma of a colour picture.

    Args:
        image: uint8 (H, W, 3), colour order blue, green, red, full range.

    Returns:
        uint8 (H, W), 0.299 R + 0.587 G + 0.114 B (BT.601).
    """
    return np.asarray(cv2.cvtColor(image, cv2.COLOR_BGR2GRAY), dtype=np.uint8)


def from_yuyv(packed: NDArray[np.uint8], *, limited_range: bool = True) -> NDArray[np.uint8]:
    """Luma of a packed YUYV (YUY2) picture, the raw format of most USB cameras.

    Args:
        packed: uint8 (H, W, 2); channel 0 is Y, channel 1 alternates U and V.
        limited_range: whether Y runs from 16 to 235, as USB video class cameras deliver it.

    Returns:
        uint8 (H, W), full range, newly allocated.
    """
    luma = packed[..., 0]
    return expand_limited(luma) if limited_range else luma.copy()


def expand_limited(luma: NDArray[np.uint8], out: NDArray[np.uint8] | None = None) -> NDArray[np.uint8]:
    """Stretch limited-range luma (16 to 235) to full range.

    Args:
        luma: uint8 (H, W).
        out: uint8 (H, W), contiguous, gets the result; may be `luma` itself. Newly allocated if None.

    Returns:
        uint8 (H, W); values outside 16..235 are clipped to 0 and 255.
    """
    return np.asarray(cv2.LUT(np.ascontiguousarray(luma), _EXPAND, dst=out), dtype=np.uint8)


def read_image(path: Path) -> NDArray[np.uint8]:
    """Luma of a picture file, upright (the EXIF orientation is applied).

    Args:
        path: any still format that OpenCV decodes.

    Returns:
        uint8 (H, W), full range.

    Raises:
        MienError: the file is missing or is no picture.
    """
    try:
        data = np.fromfile(path, dtype=np.uint8)
    except OSError as error:
        raise MienError(f"{path}: cannot be read ({error.strerror}); check the path") from None
    try:
        image = cv2.imdecode(data, cv2.IMREAD_GRAYSCALE) if data.size else None
    except cv2.error:  # a header that promises more pixels than OpenCV decodes
        image = None
    if image is None:
        raise MienError(f"{path}: not a picture that OpenCV can decode; give a JPEG, PNG or WebP file")
    return np.asarray(image, dtype=np.uint8)
