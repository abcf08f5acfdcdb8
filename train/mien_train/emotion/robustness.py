"""`evaluate --robustness`: a classifier's figures when what it sees is noisy, blurred, dark, covered, hazy or moved.

Every change is the same for every model and in every run, and the same strength for all images, so that figures can be
compared; what networks are trained on is drawn at random (`mien_train.emotion.corruptions`).
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray

from mien_train.emotion.classification import scores

Images = NDArray[np.uint8]
"""uint8 (n, 48, 48), luma."""

NOISE = 20.0
"""Standard deviation of Gaussian noise, luma steps."""
_NOISE_SEED = 0
BLUR = 20
"""Side in pixels to which an image is averaged before it is enlarged again."""
GAMMA = 2.5
COVER = (28, 200)
"""First row of a cover that reaches to the lower edge, and its luma."""
CONTRAST = 0.4
QUALITY = 15
"""Of JPEG."""


def _noise(images: Images) -> Images:
    drawn = np.random.default_rng(_NOISE_SEED).normal(0, NOISE, images.shape)
    return _rounded(images + drawn)


def _blur(images: Images) -> Images:
    def blurred(image: Images) -> Any:
        small = cv2.resize(image, (BLUR, BLUR), interpolation=cv2.INTER_AREA)
        return cv2.resize(small, (image.shape[1], image.shape[0]), interpolation=cv2.INTER_LINEAR)

    return _each(blurred, images)


def _gamma(images: Images) -> Images:
    return _rounded(255 * (np.arange(256) / 255) ** GAMMA)[images]


def _cover(images: Images) -> Images:
    covered = images.copy()
    covered[:, COVER[0] :] = COVER[1]
    return covered


def _contrast(images: Images) -> Images:
    mean = images.mean(axis=(1, 2), keepdims=True)
    return _rounded(mean + (images - mean) * CONTRAST)


def _jpeg(images: Images) -> Images:
    def coded(image: Images) -> Any:
        return cv2.imdecode(cv2.imencode(".jpg", image, [cv2.IMWRITE_JPEG_QUALITY, QUALITY])[1], cv2.IMREAD_GRAYSCALE)

    return _each(coded, images)


CHANGES: Mapping[str, Callable[[Images], Images]] = {
    "noise": _noise,
    "blur": _blur,
    "gamma": _gamma,
    "cover": _cover,
    "contrast": _contrast,
    "jpeg": _jpeg,
}
"""What is done to the images, by name; each gives new ones."""


def shifted(images: Images) -> tuple[Images, Images, Images, Images]:
    """Images whose content lies one pixel further left, right, up and down; the last pixels are repeated."""
    wide = np.pad(images, ((0, 0), (1, 1), (1, 1)), mode="edge")
    return wide[:, 1:-1, 2:], wide[:, 1:-1, :-2], wide[:, 2:, 1:-1], wide[:, :-2, 1:-1]


def measure(
    read: Callable[[Images], NDArray[np.int64]], images: Images, labels: NDArray[np.int64], names: tuple[str, ...]
) -> dict[str, Any]:
    """A classifier's figures under every change.

    Args:
        read: the chosen label of each image, int64 (n,).
        images: uint8 (n, 48, 48), n above 0.
        labels: int64 (n,), index into `names`.
        names: of the labels.

    Returns:
        JSON types: "clean" and the names of `CHANGES` to accuracy, macro-F1 and the recall of each label (None where
        there are no images of it); "shift" to the share of choices that a shift by one pixel changes, mean of four
        directions.
    """
    clean = read(images)
    found: dict[str, Any] = {"clean": _figures(clean, labels, names)}
    for name, change in CHANGES.items():
        found[name] = _figures(read(change(images)), labels, names)
    changed = [(read(np.ascontiguousarray(moved)) != clean).mean() for moved in shifted(images)]
    return {**found, "shift": {"changed": round(float(np.mean(changed)), 5)}}


def _figures(chosen: NDArray[np.int64], labels: NDArray[np.int64], names: tuple[str, ...]) -> dict[str, Any]:
    found = scores(chosen, labels, len(names))
    recall = {name: round(float(found.recall[k]), 4) if found.support[k] else None for k, name in enumerate(names)}
    return {"accuracy": round(found.accuracy, 5), "macro_f1": round(found.macro_f1, 5), "recall": recall}


def _each(change: Callable[[Images], Any], images: Images) -> Images:
    return np.stack([np.asarray(change(image), np.uint8) for image in images])


def _rounded(values: NDArray[np.floating[Any]]) -> Images:
    return np.asarray(np.clip(np.rint(values), 0, 255), np.uint8)
