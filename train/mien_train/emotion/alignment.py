"""`align`: where the detector's landmarks fall in FER's own images, so that the kiosk's crops look like them."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from mien.emotions.align import SIZE
from mien.errors import MienError
from mien.faces.detector import FaceDetector
from mien_train.data import crops, emotion_data
from mien_train.recipes.choosing import recipe_of
from mien_train.recipes.emotion import EmotionRecipe
from mien_train.training import checkpoint
from mien_train.training.progress import progress


def measure(detector: FaceDetector, images: NDArray[np.uint8]) -> tuple[NDArray[np.float64], int]:
    """Median position of the five landmarks in face images.

    Args:
        detector: finds the landmarks.
        images: uint8 (n, 48, 48).

    Returns:
        float64 (5, 2) in image pixels, mirrored about the middle (faces look left as often as right), and
        the number of images in which a face was found.
    """
    top, left = crops.corner()
    points = []
    for image in progress(images, "landmarks", unit="images"):
        faces = detector.detect(crops.enlarged(image))
        if faces and faces[0].score >= crops.LEAST_SCORE:
            points.append((np.array(faces[0].landmarks) - [left, top]) * SIZE / crops.FACE)
    if not points:
        raise MienError("the detector found no face in the training images; train it longer first")
    median = np.median(points, axis=0)
    mirrored = median[[1, 0, 2, 4, 3]] * [-1, 1] + [SIZE, 0]
    return (median + mirrored) / 2, len(points)


def store(run: Path, detector: str, data: Path, count: int, seed: int = 0) -> Mapping[str, object]:
    """Measure the template on seeded training images and write it into an emotion run's checkpoint."""
    path = run / "checkpoint.pt" if run.is_dir() else run
    stored = checkpoint.finished(path)
    if stored.task != "emotion":
        raise MienError(f"{path}: is a checkpoint for {stored.task!r}; only emotion classifiers are given crops")
    recipe = recipe_of(stored.task, stored.recipe)
    assert isinstance(recipe, EmotionRecipe)
    opened = emotion_data.open_data(recipe, data)
    if opened.sha256 != stored.data_sha256:
        raise MienError(f"{path}: was trained on other data than {data}; give those with --data")
    images = opened.images
    rows = np.random.default_rng(seed).permutation(len(images))[:count]
    model = FaceDetector(detector)
    template, found = measure(model, images[rows])
    alignment: Mapping[str, object] = {
        "template": [[round(x, 2), round(y, 2)] for x, y in template.tolist()],
        "measured": {"detector": model.bundle.name, "images": len(rows), "faces": found},
    }
    checkpoint.save(dataclasses.replace(stored, metrics={**stored.metrics, "alignment": alignment}), path)
    return alignment
