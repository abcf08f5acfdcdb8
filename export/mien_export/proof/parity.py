"""How far two artefacts of one quantization are apart when they run."""

from __future__ import annotations

from dataclasses import dataclass

import cv2
import numpy as np
import onnx
from numpy.typing import NDArray

from mien_export.proof.runners import Onnx, Runner, TfLite
from mien_train.training.progress import progress

WORST, EXACT, ARGMAX = 1, 0.999, 0.995
"""Thresholds: most int8 steps apart, least share of equal values, least share of images of equal class."""


@dataclass(frozen=True, slots=True)
class Parity:
    """Two runners compared.

    Attributes:
        images: inputs compared.
        values: output values compared.
        worst: largest absolute difference, in steps of the int8 output.
        exact: share of values that are equal.
        within_one: share of values at most one step apart.
        argmax: share of images whose best class is the same; None unless the model is a classifier.
    """

    images: int
    values: int
    worst: int
    exact: float
    within_one: float
    argmax: float | None

    @property
    def passed(self) -> bool:
        """Whether all thresholds hold."""
        return self.worst <= WORST and self.exact >= EXACT and (self.argmax is None or self.argmax >= ARGMAX)

    def __str__(self) -> str:
        classes = "" if self.argmax is None else f", same class {self.argmax:.2%}"
        return f"worst {self.worst} LSB, exact {self.exact:.3%} of {self.values} values{classes}"


def parity(model: onnx.ModelProto | bytes, tflite: bytes, images: NDArray[np.uint8]) -> Parity:
    """Compare LiteRT (XNNPACK) with ONNX Runtime.

    Args:
        model: the bared QDQ graph, or its file's bytes.
        tflite: the TFLite file's bytes.
        images: uint8 (n, H, W), luma, at least one.

    Raises:
        MienError: a runtime refuses its model.
    """
    content = model if isinstance(model, bytes) else model.SerializeToString()
    return compare(Onnx(content), TfLite(tflite), images)


def compare(one: Runner, other: Runner, images: NDArray[np.uint8]) -> Parity:
    """Compare two runners on uint8 images (n, H, W) or (n, C, H, W)."""
    values = equal = near = worst = same = 0
    classifier = False
    for image in progress(images, "parity", unit="images"):
        ours, theirs = one.run(image), other.run(image)
        classifier = all(output.ndim == 2 for output in ours)
        for a, b in zip(ours, theirs, strict=True):
            apart = np.abs(a.astype(np.int16) - b)
            values += apart.size
            equal += int((apart == 0).sum())
            near += int((apart <= 1).sum())
            worst = max(worst, int(apart.max()))
        if classifier:
            same += all(int(a.argmax()) == int(b.argmax()) for a, b in zip(ours, theirs, strict=True))
    argmax = same / len(images) if classifier else None
    return Parity(len(images), values, worst, equal / values, near / values, argmax)


def noise(count: int, height: int, width: int, seed: int) -> NDArray[np.uint8]:
    """Independent uniform pixels, uint8 (count, height, width)."""
    return np.random.default_rng(seed).integers(0, 256, (count, height, width), dtype=np.uint8)


def structured(count: int, height: int, width: int, seed: int) -> NDArray[np.uint8]:
    """Smooth random surfaces, straight gradients, and both under noise; uint8 (count, height, width)."""
    rng = np.random.default_rng(seed)
    rows, columns = np.mgrid[0 : 1 : height * 1j, 0 : 1 : width * 1j]
    pictures = np.empty((count, height, width), np.uint8)
    for index in range(count):
        if index % 2:
            coarse = rng.uniform(0, 255, (rng.integers(2, 9), rng.integers(2, 9))).astype(np.float32)
            surface = np.asarray(cv2.resize(coarse, (width, height), interpolation=cv2.INTER_LINEAR), np.float64)
        else:
            angle = rng.uniform(0, 2 * np.pi)
            surface = rng.uniform(0, 255) + 255 * (np.cos(angle) * rows + np.sin(angle) * columns)
        grain = rng.normal(0, 12 * (index % 4 >= 2), surface.shape)
        pictures[index] = np.clip(np.rint(surface + grain), 0, 255).astype(np.uint8)
    return pictures
