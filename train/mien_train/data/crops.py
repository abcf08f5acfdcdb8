"""FER2013's images cut again by the detector's landmarks, as the kiosk cuts its faces."""

from __future__ import annotations

import dataclasses
import functools
import hashlib

import cv2
import numpy as np
from numpy.typing import NDArray

from mien.emotions.align import crop, landmarks_of
from mien.faces.detector import FaceDetector
from mien.models import bundle
from mien_train.data import store
from mien_train.data.fer import Fer
from mien_train.training.progress import progress

FACE = 160
"""Side in pixels to which an image is enlarged on the canvas: a size at which the detector is at its best."""
CANVAS = (256, 320)
LEAST_SCORE = 0.6


def enlarged(image: NDArray[np.uint8]) -> NDArray[np.uint8]:
    """A face image uint8 (48, 48) in the middle of a canvas uint8 (256, 320) of its mean luma."""
    top, left = corner()
    canvas = np.full(CANVAS, int(image.mean()), np.uint8)
    canvas[top : top + FACE, left : left + FACE] = cv2.resize(image, (FACE, FACE), interpolation=cv2.INTER_CUBIC)
    return canvas


def corner() -> tuple[int, int]:
    """Top and left of the enlarged image in the canvas."""
    return (CANVAS[0] - FACE) // 2, (CANVAS[1] - FACE) // 2


def cut(source: Fer, detector: str = "face-base") -> Fer:
    """The same data with each image replaced by the detector's crop; where it finds no face the image stays."""
    model = FaceDetector(detector)
    template = template_of("emotion-base")
    seen_by = bundle.sha256(model.bundle.artefact("tflite"))
    cut_sha256 = hashlib.sha256(f"{source.sha256} {seen_by} {template.tolist()}".encode()).hexdigest()
    cached = store.cache() / f"crops-{cut_sha256[:16]}.npz"
    if stored := store.load_arrays(cached, ("images",)):
        return dataclasses.replace(source, images=stored["images"].astype(np.uint8, copy=False), sha256=cut_sha256)
    images = source.images.copy()
    for index, image in enumerate(progress(images, "crops", unit="images")):
        canvas = enlarged(image)
        faces = model.detect(canvas)
        if faces and faces[0].score >= LEAST_SCORE:
            images[index] = crop(canvas, landmarks_of(faces[:1]), template)[0]
    store.save_arrays(cached, images=images)
    return dataclasses.replace(source, images=images, sha256=cut_sha256)


@functools.cache
def template_of(model: str) -> NDArray[np.float32]:
    """Where a bundled classifier wants the five landmarks: float32 (5, 2), crop pixels."""
    return np.array(bundle.load(model).alignment.template, np.float32)
