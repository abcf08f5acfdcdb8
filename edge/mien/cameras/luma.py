"""Full-range BT.601 luma out of every pixel format a source delivers."""

from __future__ import annotations

from pathlib import Path
from typing import Literal

import cv2
import numpy as np
from numpy.typing import NDArray

from mien import contents
from mien.cameras import header
from mien.errors import MienError
from mien.quiet import native_stderr_closed

MOST_PIXELS = 64_000_000
"""Pixels of a picture or of a video's frame that are decoded: more than a telephone's 48 million. It takes 250 MB."""

MOST_BYTES = 512 << 20
"""Of a picture file: so many pixels, uncompressed, with four channels of two bytes."""

_MOST_SCANS = 100  # of a progressive JPEG, which has ten or so; hundreds of empty ones take minutes

# ITU-R BT.601 limited ("studio") range: 16 is black, 235 is white. As a matrix for `cv2.transform`, which rounds and
# clips; none of the 256 results lies near a half. A table of them takes nearly twice as long.
_EXPAND = np.array([[255 / 219, -16 * 255 / 219]])


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
        luma: uint8 (H, W), its rows perhaps padded.
        out: uint8 (H, W), contiguous, gets the result; may be `luma` itself. Newly allocated if None.

    Returns:
        uint8 (H, W); values outside 16..235 are clipped to 0 and 255.
    """
    return np.asarray(cv2.transform(luma, _EXPAND, dst=out), dtype=np.uint8)


def read_image(path: str | Path, most_pixels: int = MOST_PIXELS) -> NDArray[np.uint8]:
    """Luma of a picture file, upright (the EXIF orientation is applied).

    Args:
        path: a JPEG, PNG, WebP, BMP, TIFF, PGM or PPM file.
        most_pixels: that it may state in its header; a larger one is not decoded.

    Returns:
        uint8 (H, W), full range.

    Raises:
        MienError: the file is missing, no picture, damaged, cut short, or too large.
    """
    data = contents.read(Path(path), MOST_BYTES)
    stated = header.size(data)
    if stated is None or 0 in stated:
        raise MienError(f"{path}: not a picture that mien reads; give a {header.FORMATS} file")
    height, width = stated
    if height * width > most_pixels:
        raise MienError(
            f"{path}: states {width}×{height} pixels, {height * width / 1e6:.1f} million; at most "
            f"{most_pixels / 1e6:g} million are read; make it smaller"
        )
    if header.scans(data, _MOST_SCANS) > _MOST_SCANS:
        raise MienError(f"{path}: passes more than {_MOST_SCANS} times over its pixels; save it as a plain JPEG")
    image = None
    try:
        if header.intact(data):
            with native_stderr_closed():
                image = _decoded(np.frombuffer(data, dtype=np.uint8), header.unscaled(data))
    except (cv2.error, MemoryError) as error:  # OpenCV's word is of its own source lines
        if isinstance(error, MemoryError) or error.code == cv2.Error.StsNoMem:
            raise MienError(f"{path}: for {width}×{height} pixels there is no memory; free some") from None
    # More pixels than the header states would be a decoder that somebody has thought of misleading.
    if image is None or image.size > height * width:
        raise MienError(f"{path}: not a picture that OpenCV can decode; it is damaged, or of a kind it does not know")
    return np.asarray(image, dtype=np.uint8)


def _decoded(data: NDArray[np.uint8], largest: int) -> NDArray[np.uint8] | None:
    """Luma of a picture; None if OpenCV cannot decode it.

    Args:
        data: the file, uint8 (n,).
        largest: value of white, where OpenCV does not look at it; else 0.
    """
    if not largest:
        return cv2.imdecode(data, cv2.IMREAD_GRAYSCALE)  # type: ignore[return-value]
    image = cv2.imdecode(data, cv2.IMREAD_UNCHANGED)
    if image is None:
        return None
    image = cv2.convertScaleAbs(image, alpha=255 / largest)
    return image if image.ndim == 2 else cv2.cvtColor(image, cv2.COLOR_BGR2GRAY)  # type: ignore[return-value]
