"""Photographs decoded once: their luma, end to end in one file that later runs map into memory."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from mien_train.data import files, store
from mien_train.training.progress import progress


def decoded(key: str, names: Sequence[str], read: Callable[[str], NDArray[np.uint8]]) -> list[NDArray[np.uint8]]:
    """Luma of photographs, from the cache or read and kept there.

    Args:
        key: of this list of photographs; must change when they do.
        names: of the photographs.
        read: decodes one, uint8 (H, W); its errors end the work and leave no cache.

    Returns:
        uint8 (H, W) each, read-only.
    """
    pixels, shapes = store.cache() / f"{key}.pixels", store.cache() / f"{key}.npz"
    sizes = _kept(pixels, shapes)
    if sizes is None:
        found = []
        with files.aside(pixels, store.CACHE_REMEDY) as partial, partial.open("wb") as file:
            for name in progress(names, "decode", unit="photographs"):
                luma = read(name)
                found.append(luma.shape)
                file.write(np.ascontiguousarray(luma).data)
        sizes = np.array(found, np.int64).reshape(-1, 2)
        store.save_arrays(shapes, shapes=sizes)
    if not len(sizes):
        return []
    ends = np.cumsum(sizes.prod(axis=1))
    flat = np.memmap(pixels, np.uint8, "r")
    return [
        flat[end - height * width : end].reshape(height, width)
        for end, (height, width) in zip(ends.tolist(), sizes.tolist(), strict=True)
    ]


def _kept(pixels: Path, shapes: Path) -> NDArray[np.int64] | None:
    """Heights and widths int64 (n, 2) of the cached photographs; None where the cache is not whole."""
    stored = store.load_arrays(shapes, ("shapes",))
    if stored is None or not pixels.is_file():
        return None
    sizes = stored["shapes"].astype(np.int64, copy=False)
    return sizes if pixels.stat().st_size == int(sizes.prod(axis=1).sum()) else None
