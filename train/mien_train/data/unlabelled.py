"""Faces of the detector's photographs, cut as the kiosk cuts them; what they feel nobody has said."""

from __future__ import annotations

import hashlib
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from mien.emotions.align import crop, landmarks_of
from mien.faces.detector import FaceDetector
from mien.models import bundle
from mien_train.data import crops, duplicates, faces, store
from mien_train.data.fer import Fer
from mien_train.data.fer_csv import USAGES
from mien_train.training.progress import progress

LEAST_HEIGHT = 36
"""Pixels of a face's box in its photograph: a smaller one would be enlarged to a crop of 48 by more than a quarter."""


def load(folder: Path, source: Fer, detector: str = "face-base") -> NDArray[np.uint8]:
    """The faces that the bundled detector finds in the training photographs of a folder; minutes of work, kept cached.

    Args:
        folder: data folder, with photographs as `mien_train.data.faces` reads them.
        source: FER2013. A face that shows a photograph of its validation or test images is left out.
        detector: name of the bundled one.

    Returns:
        uint8 (n, 48, 48), in the order of the photographs.

    Raises:
        MienError: there are no photographs, or no bundled models.
    """
    photos = faces.load(folder, "train")
    model = FaceDetector(detector)
    template = crops.template_of("emotion-base")
    told = f"{photos.sha256} {bundle.sha256(model.bundle.artefact('tflite'))} {template.tolist()} {source.sha256}"
    told += f" {crops.LEAST_SCORE} {LEAST_HEIGHT}"
    cached = store.cache() / f"unlabelled-{hashlib.sha256(told.encode()).hexdigest()[:16]}.npz"
    if stored := store.load_arrays(cached, ("images",)):
        return stored["images"].astype(np.uint8, copy=False)
    with model:
        found = [_cut(model, photo.luma, template) for photo in progress(photos.photos, "faces", unit="photographs")]
    images = np.concatenate([np.empty((0, 48, 48), np.uint8), *found])
    images = images[~_known(images, source)]
    store.save_arrays(cached, images=images)
    return images


def _cut(model: FaceDetector, luma: NDArray[np.uint8], template: NDArray[np.float32]) -> NDArray[np.uint8]:
    """Crops uint8 (n, 48, 48) of the faces in a photograph uint8 (H, W) that are large and plain enough."""
    seen = [
        face
        for face in model.detect(luma)
        if face.score >= crops.LEAST_SCORE and face.box.bottom - face.box.top >= LEAST_HEIGHT
    ]
    return crop(luma, landmarks_of(seen), template)


def _known(images: NDArray[np.uint8], source: Fer) -> NDArray[np.bool_]:
    """Which of uint8 (n, 48, 48) show a photograph of FER2013's validation or test images → bool (n,)."""
    held_out = source.images[source.usage != list(USAGES).index("train")]
    ours = np.arange(len(images) + len(held_out)) < len(images)
    pairs = duplicates.find(np.concatenate([images, held_out])).between(ours, ~ours)
    known = np.zeros(len(images), np.bool_)
    known[pairs.first] = True
    return known
