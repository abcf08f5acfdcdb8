from __future__ import annotations

import cv2
import numpy as np
from numpy.typing import NDArray

from mien_train.data import duplicates


def _pictures(count: int, seed: int = 0) -> NDArray[np.uint8]:
    """Smooth pictures, uint8 (count, 64, 64): as like one another as photographs of different things."""
    rng = np.random.default_rng(seed)
    coarse = rng.integers(40, 200, (count, 8, 8)).astype(np.uint8)
    return np.stack([cv2.resize(c, (64, 64), interpolation=cv2.INTER_CUBIC) for c in coarse]).astype(np.uint8)


def test_copies_are_found_though_shifted_or_brighter_and_nothing_else() -> None:
    wide = _pictures(20)
    images = wide[:, 8:56, 8:56].copy()
    images[15] = images[2]  # the same bytes
    images[16] = np.clip(images[3] * 0.7 + 40, 0, 255).astype(np.uint8)  # another light
    images[17] = wide[4][9:57, 6:54]  # cut elsewhere: one pixel down, two to the left
    images[18] = images[5][:, ::-1]  # mirrored: not looked for
    pairs = duplicates.find(images, coarse=0.6)
    assert list(zip(pairs.first.tolist(), pairs.second.tolist(), strict=True)) == [(2, 15), (3, 16), (4, 17)]
    assert pairs.exact.tolist() == [True, False, False]
    assert pairs.correlation.min() > 0.99


def test_blank_images_are_known_and_resemble_none() -> None:
    images = np.zeros((4, 48, 48), np.uint8)
    images[2] = 200
    images[3, 0, 0] = 1
    assert duplicates.blank(images).tolist() == [True, True, True, False]
    assert not len(duplicates.find(images).first)


def test_pairs_between_two_groups_have_ours_first() -> None:
    pairs = duplicates.Pairs(
        np.array([0, 0, 1]), np.array([1, 2, 3]), np.array([0.96, 0.97, 0.98], np.float32), np.zeros(3, np.bool_)
    )
    ours, theirs = np.array([False, False, True, True]), np.array([True, True, False, False])
    found = pairs.between(ours, theirs)
    assert found.first.tolist() == [2, 3]
    assert found.second.tolist() == [0, 1]
    assert np.allclose(found.correlation, [0.97, 0.98])
