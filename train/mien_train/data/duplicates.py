"""Pictures that a data set holds more than once: the same bytes, or the same photograph cut a little differently."""

from __future__ import annotations

from dataclasses import dataclass

import cv2
import numpy as np
from numpy.typing import NDArray

from mien_train.training.progress import progress

COARSE = 0.9
"""Least correlation of two images shrunk to 16×16: what follows only looks at such pairs."""
FINE = 0.93
"""Least correlation at full size, at the best of the shifts by up to `SHIFT` pixels.

Both were set by looking at samples of FER2013's pairs: from here up nearly all are one photograph (a different
watermark, light or cut); between 0.90 and 0.92 a third are two faces that look alike.
"""
SHIFT = 4
"""Pixels by which two cuts of one photograph may be shifted against each other, in both directions."""

_SIDE = 16
_BLOCK = 512


@dataclass(frozen=True, slots=True, eq=False)
class Pairs:
    """Pairs of images that show the same picture.

    Attributes:
        first, second: int64 (n,), rows of the images, `first` < `second`.
        correlation: float32 (n,), at full size and the best shift, `FINE` to 1.
        exact: bool (n,), whether every pixel is the same.
    """

    first: NDArray[np.int64]
    second: NDArray[np.int64]
    correlation: NDArray[np.float32]
    exact: NDArray[np.bool_]

    def only(self, chosen: NDArray[np.bool_] | NDArray[np.int64]) -> Pairs:
        """The chosen pairs, by a mask or by indices."""
        return Pairs(self.first[chosen], self.second[chosen], self.correlation[chosen], self.exact[chosen])

    def between(self, ours: NDArray[np.bool_], theirs: NDArray[np.bool_]) -> Pairs:
        """Pairs of an image of ours with one of theirs, in `first` and `second`.

        Args:
            ours, theirs: bool (N,), over all images; no image may be in both.
        """
        straight = self.only(ours[self.first] & theirs[self.second])
        turned = self.only(ours[self.second] & theirs[self.first])
        return Pairs(
            np.concatenate([straight.first, turned.second]),
            np.concatenate([straight.second, turned.first]),
            np.concatenate([straight.correlation, turned.correlation]),
            np.concatenate([straight.exact, turned.exact]),
        )


def blank(images: NDArray[np.uint8]) -> NDArray[np.bool_]:
    """Which of uint8 (N, H, W) have one value everywhere → bool (N,)."""
    flat = images.reshape(len(images), -1)
    return np.asarray((flat == flat[:, :1]).all(axis=1))


def find(images: NDArray[np.uint8], coarse: float = COARSE, fine: float = FINE) -> Pairs:
    """All pairs of images that show the same picture; every pair of images is compared.

    Correlation does not change with brightness and contrast, so copies that were edited are found too; mirrored or
    turned copies are not. Blank images resemble none.

    Args:
        images: uint8 (N, H, W), at least 16 pixels high and wide.
        coarse, fine: see `COARSE` and `FINE`; from 0 to 1.

    Returns:
        Pairs by `first`, then `second`.
    """
    vectors = _vectors(images)
    bar = progress(range(0, len(images), _BLOCK), "duplicates", unit="blocks")
    first, second, correlation, exact = [], [], [], []
    for start in bar:
        likeness = vectors[start : start + _BLOCK] @ vectors[start:].T  # (block, N − start)
        for i, j in np.argwhere(np.triu(likeness >= coarse, 1)).tolist():
            one, other = images[start + i], images[start + j]
            found = _best_correlation(one, other)
            if found >= fine:
                first.append(start + i)
                second.append(start + j)
                correlation.append(found)
                exact.append(np.array_equal(one, other))
    return Pairs(
        np.array(first, np.int64),
        np.array(second, np.int64),
        np.array(correlation, np.float32),
        np.array(exact, np.bool_),
    )


def _vectors(images: NDArray[np.uint8]) -> NDArray[np.float32]:
    """float32 (N, 256) of length 1 whose products are correlations; blank images are 0."""
    small = np.stack([cv2.resize(image, (_SIDE, _SIDE), interpolation=cv2.INTER_AREA) for image in images])
    vectors = small.reshape(len(images), -1).astype(np.float32)
    vectors -= vectors.mean(axis=1, keepdims=True)
    vectors /= np.maximum(np.linalg.norm(vectors, axis=1, keepdims=True), 1e-6)
    return vectors


def _best_correlation(one: NDArray[np.uint8], other: NDArray[np.uint8]) -> float:
    middle = one[SHIFT:-SHIFT, SHIFT:-SHIFT]
    return min(1.0, float(cv2.matchTemplate(other, middle, cv2.TM_CCOEFF_NORMED).max()))
