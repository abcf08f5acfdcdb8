"""What luma lacks to be in colour: taken from a camera only while somebody looks at a live view."""

from __future__ import annotations

import cv2
import numpy as np
from numpy.typing import NDArray

# Of limited ("studio") range, in which chroma runs from 16 to 240 about 128: full range of each value.
_EXPANDED = ((np.arange(256) - 128) * (255 / 224) + 128).round().clip(0, 255).astype(np.uint8)


def of_planes(
    buffer: NDArray[np.uint8], form: str, size: tuple[int, int], stride: int, *, limited_range: bool
) -> NDArray[np.uint8]:
    """Chroma of a planar 4:2:0 picture.

    Args:
        buffer: uint8 (N,), the plane of luma, behind it those of chroma, rows padded as the luma's are.
        form: of the buffer: YUV420, YVU420, NV12 or NV21.
        size: width and height in pixels, even.
        stride: bytes of a row of luma.
        limited_range: whether chroma runs from 16 to 240.

    Returns:
        uint8 (H / 2, W / 2, 2), Cb and Cr, full range about 128, newly allocated.
    """
    width, height = size[0] // 2, size[1] // 2
    planes = buffer[size[1] * stride :]
    if form in ("NV12", "NV21"):
        pairs = planes[: height * stride].reshape(height, stride)[:, : 2 * width].reshape(height, width, 2)
    else:
        first, second = planes[: height * stride].reshape(2, height, stride // 2)[:, :, :width]
        pairs = np.asarray(cv2.merge([first, second]), dtype=np.uint8)
    if form in ("YVU420", "NV21"):
        pairs = pairs[:, :, ::-1]
    return _taken(pairs, limited_range)


def of_yuyv(packed: NDArray[np.uint8], *, limited_range: bool = True) -> NDArray[np.uint8]:
    """Chroma of a packed YUYV (YUY2) picture.

    Args:
        packed: uint8 (H, W, 2); channel 1 alternates Cb and Cr; W is even.
        limited_range: whether it runs from 16 to 240, as USB video class cameras deliver it.

    Returns:
        uint8 (H, W / 2, 2), Cb and Cr, full range about 128, newly allocated.
    """
    return _taken(packed[:, :, 1].reshape(packed.shape[0], -1, 2), limited_range)


def of_bgr(image: NDArray[np.uint8]) -> NDArray[np.uint8]:
    """Chroma of a colour picture, at half its size, as cameras deliver it.

    Args:
        image: uint8 (H, W, 3), blue, green, red, full range.

    Returns:
        uint8 (⌈H / 2⌉, ⌈W / 2⌉, 2), Cb and Cr, full range about 128.
    """
    size = ((image.shape[1] + 1) // 2, (image.shape[0] + 1) // 2)
    half = cv2.cvtColor(cv2.resize(image, size, interpolation=cv2.INTER_AREA), cv2.COLOR_BGR2YCrCb)
    pairs = np.empty((*half.shape[:2], 2), dtype=np.uint8)
    cv2.mixChannels([half], [pairs], [2, 0, 1, 1])
    return pairs


def to_bgr(luma: NDArray[np.uint8], chroma: NDArray[np.uint8]) -> NDArray[np.uint8]:
    """A frame in colour.

    Args:
        luma: uint8 (H, W), full-range BT.601.
        chroma: uint8 (h, w, 2), Cb and Cr of the same view, of any size.

    Returns:
        uint8 (H, W, 3), blue, green, red.
    """
    wide = cv2.resize(chroma, (luma.shape[1], luma.shape[0]), interpolation=cv2.INTER_LINEAR)
    return np.asarray(cv2.cvtColor(cv2.merge([luma, wide[:, :, 1], wide[:, :, 0]]), cv2.COLOR_YCrCb2BGR), np.uint8)


def _taken(pairs: NDArray[np.uint8], limited_range: bool) -> NDArray[np.uint8]:
    """Full-range pairs in an array of their own."""
    return np.asarray(cv2.LUT(pairs, _EXPANDED), dtype=np.uint8) if limited_range else pairs.copy(order="C")
