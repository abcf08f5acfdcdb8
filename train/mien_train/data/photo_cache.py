"""Photographs decoded once: their luma, end to end in one file that later runs map into memory."""

from __future__ import annotations

import os
from collections.abc import Callable, Sequence

import numpy as np
from numpy.typing import NDArray
from tqdm import tqdm

from mien_train.data import store


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
    if not shapes.is_file():
        partial = pixels.with_suffix(f".{os.getpid()}.partial")
        sizes = []
        try:
            with partial.open("wb") as file:
                for name in tqdm(names, desc="decode", unit=" photos", disable=None):
                    luma = read(name)
                    sizes.append(luma.shape)
                    file.write(np.ascontiguousarray(luma).data)
            os.replace(partial, pixels)
        finally:
            partial.unlink(missing_ok=True)
        store.save_arrays(shapes, shapes=np.array(sizes, np.int64).reshape(-1, 2))
    with np.load(shapes) as stored:
        sizes_kept = stored["shapes"]
    ends = np.cumsum(sizes_kept.prod(axis=1))
    if not len(ends):
        return []
    flat = np.memmap(pixels, np.uint8, "r")
    return [
        flat[end - height * width : end].reshape(height, width)
        for end, (height, width) in zip(ends.tolist(), sizes_kept.tolist(), strict=True)
    ]
