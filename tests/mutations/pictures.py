"""Pictures damaged in every format that mien reads."""

from __future__ import annotations

from pathlib import Path
from random import Random

import cv2
import numpy as np

from mien.cameras.demo import photograph
from mien.cameras.luma import MOST_PIXELS, read_image
from mutations import damage
from mutations.kinds import ImplausibleError, Trial


def encodings() -> dict[str, bytes]:
    """One small picture in each format and flavour, by a name that ends in its suffix."""
    colour = cv2.resize(np.asarray(cv2.imread(str(photograph())))[40:240, 120:330], (64, 61))
    grey = cv2.cvtColor(colour, cv2.COLOR_BGR2GRAY)
    alpha = np.dstack([colour, grey])
    deep = colour.astype(np.uint16) * 257
    wanted: dict[str, tuple[np.ndarray, list[int]]] = {
        "plain.jpg": (colour, []),
        "grey.jpg": (grey, []),
        "progressive.jpg": (colour, [cv2.IMWRITE_JPEG_PROGRESSIVE, 1]),
        "restarts.jpg": (colour, [cv2.IMWRITE_JPEG_RST_INTERVAL, 2]),
        "plain.png": (colour, []),
        "deep.png": (deep, []),
        "alpha.png": (alpha, []),
        "lossy.webp": (colour, [cv2.IMWRITE_WEBP_QUALITY, 60]),
        "lossless.webp": (colour, [cv2.IMWRITE_WEBP_QUALITY, 101]),
        "alpha.webp": (alpha, [cv2.IMWRITE_WEBP_QUALITY, 60]),
        "plain.bmp": (colour, []),
        "grey.bmp": (grey, []),
        "plain.tiff": (colour, []),
        "deep.tiff": (deep, []),
        "grey.pgm": (grey, []),
        "plain.ppm": (colour, []),
    }
    return {name: bytes(cv2.imencode(Path(name).suffix, *how)[1]) for name, how in wanted.items()}


def prepare(folder: Path) -> Trial:
    """Pictures as they are, and what is read of them."""
    raws = encodings()
    whole = {}
    for name, raw in raws.items():
        (folder / name).write_bytes(raw)
        whole[name] = read_image(folder / name)

    def trial(generator: Random) -> None:
        name = generator.choice(tuple(raws))
        path = folder / f"damaged-{name}"
        short = generator.random() < 0.25
        raw = damage.cut(generator, raws[name]) if short else damage.bytes_of(generator, raws[name])
        path.write_bytes(raw)
        luma = read_image(path)
        if luma.dtype != np.uint8 or luma.ndim != 2 or not 0 < luma.size <= MOST_PIXELS:
            raise ImplausibleError(f"{name} is read as {luma.dtype} {luma.shape}")
        # Bits of a pixel may change unseen, but what is missing must not be made up.
        if short and not np.array_equal(luma, whole[name]):
            raise ImplausibleError(f"{len(raw)} of {len(raws[name])} bytes of {name} are read as a whole picture")

    return trial
