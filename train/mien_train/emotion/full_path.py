"""`evaluate --full-path`: a classifier's figures at the end of a frame's whole way, found, aligned and read.

The face pictures of a split are set into scenes without faces; a face that is not found counts as an error.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from mien.emotions import align
from mien.roles import Detector
from mien_train.emotion import scenes
from mien_train.emotion.classification import scores
from mien_train.training.progress import progress

_SEED = 0
"""Of scenes, places and sizes: every model is shown the same frames."""


def measure(
    read: Callable[[NDArray[np.uint8]], NDArray[np.int64]],
    detector: Detector,
    template: NDArray[np.float32],
    images: NDArray[np.uint8],
    labels: NDArray[np.int64],
    names: tuple[str, ...],
    scenery: Sequence[NDArray[np.uint8]],
) -> dict[str, Any]:
    """A classifier's figures on faces that were found in scenes.

    Args:
        read: the chosen label of each crop, uint8 (n, 48, 48) → int64 (n,).
        detector: finds the faces.
        template: float32 (5, 2), where the classifier wants the landmarks, crop pixels.
        images: face pictures, uint8 (n, 48, 48), n above 0.
        labels: int64 (n,), index into `names`.
        names: of the labels.
        scenery: photographs without faces, uint8 (H, W) each.

    Returns:
        JSON types: how the frames were made, and for each size of `scenes.FRAMES` "found", the share of faces that
        were found; "accuracy" and "recall" of each label (None where there are no images of it), where a missed face
        counts as an error; "accuracy_of_found", without those (None if there is none).
    """
    return {
        "n": len(images),
        "sides": list(scenes.SIDES),
        "scenes": len(scenery),
        "seed": _SEED,
        "frames": [
            {
                "frame": list(frame),
                **_figures(read(crops) if len(crops) else np.empty(0, np.int64), rows, labels, names),
            }
            for frame in scenes.FRAMES
            for crops, rows in [_crops(detector, template, images, scenery, frame)]
        ],
    }


def _crops(
    detector: Detector,
    template: NDArray[np.float32],
    images: NDArray[np.uint8],
    scenery: Sequence[NDArray[np.uint8]],
    frame: tuple[int, int],
) -> tuple[NDArray[np.uint8], NDArray[np.int64]]:
    """Crops uint8 (m, 48, 48) of the faces that were found, and which those are, int64 (m,)."""
    crops, rows = [np.empty((0, align.SIZE, align.SIZE), np.uint8)], []
    frames = scenes.composed(images, scenery, np.random.default_rng(_SEED), frame=frame)
    title = f"faces in frames of {frame[1]}×{frame[0]}"
    for row, scene in enumerate(progress(frames, title, total=len(images), unit="faces")):
        face = scene.face(detector.detect(scene.luma))
        if face is not None:
            crops.append(align.crop(scene.luma, align.landmarks_of([face]), template))
            rows.append(row)
    return np.concatenate(crops), np.array(rows, np.int64)


def _figures(
    read: NDArray[np.int64], rows: NDArray[np.int64], labels: NDArray[np.int64], names: tuple[str, ...]
) -> dict[str, Any]:
    missed = len(names)
    chosen = np.full(len(labels), missed, np.int64)
    chosen[rows] = read
    found = scores(chosen, labels, missed + 1)
    return {
        "found": round(len(rows) / len(labels), 5),
        "accuracy": round(found.accuracy, 5),
        "accuracy_of_found": round(float((read == labels[rows]).mean()), 5) if len(rows) else None,
        "recall": {
            name: round(float(found.recall[k]), 4) if found.support[k] else None for k, name in enumerate(names)
        },
    }
