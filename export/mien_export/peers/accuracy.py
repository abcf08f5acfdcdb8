"""The peers' classifiers on FER+'s strict test set, each with its own preprocessing."""

from __future__ import annotations

import contextlib
from pathlib import Path
from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray

from mien.errors import MienError
from mien_export.peers.catalogue import CLASSIFIERS, Classifier, filled_by, interpreter
from mien_train.data import fer

_MINI = ("anger", "disgust", "fear", "happiness", "sadness", "surprise", "neutral")
_EDGE = ("anger", "contempt", "disgust", "fear", "happiness", "neutral", "sadness", "surprise")
LABELS = {
    "mini_xception_119.tflite": _MINI,
    "mini_xception_int8.tflite": _MINI,
    "fer_package_mini_xception.tflite": _MINI,
    "fer_at_edge_f16.tflite": _EDGE,
}
"""File to its labels, in the order of its outputs. MobileFaceNet is missing: it wants faces aligned by landmarks that
FER's images do not have."""


def measure(where: Path, data: Path) -> dict[str, float]:
    """Percent of right answers of every peer that is there, by the name in `CLASSIFIERS`.

    Args:
        where: folder of the peers.
        data: data folder with FER2013 and FER+.

    Raises:
        MienError: the data cannot be read.
    """
    split = fer.split(fer.load(data), "test", "strict")
    found = {}
    for spec in CLASSIFIERS:
        if spec.file in LABELS and (where / spec.file).is_file():
            # A damaged file is skipped here too; the contest says why.
            with contextlib.suppress(ValueError, RuntimeError, MienError):
                found[spec.name] = round(100 * _accuracy(where / spec.file, spec, split), 2)
    return found


def _accuracy(path: Path, spec: Classifier, split: fer.Split) -> float:
    opened, invoke = interpreter(path.read_bytes())
    detail = opened.get_input_details()[0]
    _, height, width, _ = (int(n) for n in detail["shape"])
    filled = np.zeros((1, height, width, spec.channels), detail["dtype"])
    names = LABELS[spec.file]
    right = 0
    for image, label in zip(split.images, split.labels, strict=True):
        filled_by(_resized(image, (width, height)), spec, filled)
        opened.set_tensor(detail["index"], filled)
        outputs: Any = invoke()
        scores = np.asarray(outputs[0])[0]
        if scores.size != len(names):
            raise MienError(f"{path}: gives {scores.size} values, expected {len(names)}")
        right += names[int(scores.argmax())] == split.names[label]
    return right / len(split.labels)


def _resized(image: NDArray[np.uint8], size: tuple[int, int]) -> NDArray[np.uint8]:
    return image if image.shape == size[::-1] else np.asarray(cv2.resize(image, size), np.uint8)
