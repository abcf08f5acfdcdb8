"""Seeded pictures: noise, and simple drawings of faces; and real faces where they are."""

from __future__ import annotations

import csv
import itertools
import lzma
import os
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

_DATA = Path(os.environ.get("MIEN_DATA") or Path(__file__).parents[3] / "shared" / "data")


def noise(count: int, height: int, width: int, seed: int) -> NDArray[np.uint8]:
    """Independent uniform pixels, uint8 (count, height, width)."""
    return np.random.default_rng(seed).integers(0, 256, (count, height, width), dtype=np.uint8)


def drawn(count: int, height: int, width: int, seed: int) -> NDArray[np.uint8]:
    """Faces of a few ellipses (head, eyes, brows, nose, mouth) under slanting light and grain.

    Unlike noise they have what the networks answer to, so that most of the answers are no toss-up.

    Returns:
        uint8 (count, height, width).
    """
    rng = np.random.default_rng(seed)
    rows, columns = np.mgrid[-1 : 1 : height * 1j, -1 : 1 : width * 1j]
    pictures = np.empty((count, height, width), np.uint8)
    for picture in pictures:
        down, across = rng.uniform(-60, 60, 2)
        surface = rng.uniform(40, 120) + down * rows + across * columns
        eyes, apart = rng.uniform(-0.35, -0.15), rng.uniform(0.3, 0.45)
        brows = eyes - rng.uniform(0.15, 0.25)
        # Centre (y, x), half axes (y, x), brighter or darker by
        parts = [((0.0, 0.0), rng.uniform((0.8, 0.65), (1.1, 0.9)), rng.uniform(40, 90))]
        for x in (-apart, apart):
            parts.append(((eyes, x), rng.uniform((0.04, 0.1), (0.14, 0.2)), rng.uniform(-90, -40)))
            parts.append(((brows, x), np.array([0.04, 0.2]), rng.uniform(-60, -20)))
        parts.append(((0.15, 0.0), np.array([0.12, 0.08]), rng.uniform(-40, -10)))
        parts.append(((rng.uniform(0.4, 0.6), 0.0), rng.uniform((0.03, 0.15), (0.25, 0.45)), rng.uniform(-90, 60)))
        for (y, x), (tall, wide), change in parts:
            surface[((rows - y) / tall) ** 2 + ((columns - x) / wide) ** 2 < 1] += change
        surface += rng.normal(0, rng.uniform(0, 8), surface.shape)
        picture[:] = np.clip(np.rint(surface), 0, 255)
    return pictures


def fer2013(count: int) -> NDArray[np.uint8] | None:
    """The first faces of FER2013, uint8 (count, 48, 48); None where the data is not beside this checkout."""
    path = _DATA / "fer2013.csv.xz"
    if not path.is_file():
        return None
    with lzma.open(path, "rt", encoding="utf-8") as file:
        rows = [row["pixels"].split() for row in itertools.islice(csv.DictReader(file), count)]
    return np.array(rows, dtype=np.uint8).reshape(-1, 48, 48)
