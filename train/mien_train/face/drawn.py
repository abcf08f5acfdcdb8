"""Boxes that people drew: they follow another convention than any detector.

A person's box runs from the brows to the chin or the mask's edge, a detector's starts at the forehead, and no two
detectors agree. So each detector gets one fixed mapping of its boxes, fitted on training photographs: to be scored, and
the labeller, itself a detector, to be corrected by.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from mien.faces.decode import Detections
from mien.faces.face import iou
from mien_train.data.faces import Photo

_LEAST_IOU, _LEAST_SCORE = 0.4, 0.5


@dataclass(frozen=True, slots=True)
class Mapping:
    """A shift of a box's centre, and factors of its size, all in units of its own width and height."""

    shift_x: float = 0.0
    shift_y: float = 0.0
    width: float = 1.0
    height: float = 1.0

    def __call__(self, boxes: NDArray[np.float32]) -> NDArray[np.float32]:
        """Boxes (n, 4) of a detector → boxes as a person would draw them."""
        size = boxes[:, 2:] - boxes[:, :2]
        centre = (boxes[:, :2] + boxes[:, 2:]) / 2 + size * np.array([self.shift_x, self.shift_y], np.float32)
        half = size * np.array([self.width, self.height], np.float32) / 2
        return np.concatenate([centre - half, centre + half], axis=1).astype(np.float32)

    def back(self, boxes: NDArray[np.float32]) -> NDArray[np.float32]:
        """The other way round: boxes (n, 4) of a person → as the detector would give them."""
        size = (boxes[:, 2:] - boxes[:, :2]) / np.array([self.width, self.height], np.float32)
        centre = (boxes[:, :2] + boxes[:, 2:]) / 2 - size * np.array([self.shift_x, self.shift_y], np.float32)
        return np.concatenate([centre - size / 2, centre + size / 2], axis=1).astype(np.float32)


def fit(found: Sequence[Detections], drawn: Sequence[NDArray[np.float32]]) -> Mapping:
    """The median mapping from a detector's boxes to the drawn boxes that they overlap most.

    Args:
        found: detections of each training photograph.
        drawn: float32 (n, 4) of each, NaN rows where a face has no drawn box; in the same pixels.
    """
    rows = []
    for detections, boxes in zip(found, drawn, strict=True):
        known = boxes[np.isfinite(boxes).all(axis=1)]
        seen = detections.boxes[detections.scores >= _LEAST_SCORE]
        if not len(known) or not len(seen):
            continue
        overlap = iou(seen, known)
        best = overlap.argmax(axis=1)
        for box, other in zip(
            seen[overlap.max(axis=1) >= _LEAST_IOU], best[overlap.max(axis=1) >= _LEAST_IOU], strict=True
        ):
            size, target = box[2:] - box[:2], known[other]
            shift = ((target[:2] + target[2:]) - (box[:2] + box[2:])) / 2 / size
            rows.append([*shift, *((target[2:] - target[:2]) / size)])
    if not rows:
        return Mapping()
    return Mapping(*(round(float(v), 4) for v in np.median(rows, axis=0)))


def corrected(photos: Sequence[Photo], share: float) -> tuple[Photo, ...]:
    """Training photographs in which people have a say in where a face is, and all boxes follow one convention.

    Args:
        photos: as they are labelled.
        share: 0 to 1, of a person in a box that the labeller gives too, in the labeller's convention; the labeller has
            the rest. What a person alone drew is taken over into that convention. With 0 nothing changes.
    """
    if not share:
        return tuple(photos)
    both = [photo for photo in photos if _theirs(photo).any()]
    mapping = fit([_labelled(photo) for photo in both], [photo.drawn for photo in both])
    return tuple(_corrected(photo, mapping, share) for photo in photos)


def _theirs(photo: Photo) -> NDArray[np.bool_]:
    """Which faces' boxes a person drew, bool (n,)."""
    theirs: NDArray[np.bool_] = np.isfinite(photo.drawn).all(axis=1) & ~photo.ignore
    return theirs


def _alone(photo: Photo) -> NDArray[np.bool_]:
    """Which boxes only a person drew, bool (n,): these are the labels themselves."""
    alone: NDArray[np.bool_] = _theirs(photo) & (photo.boxes == photo.drawn).all(axis=1)
    return alone


def _labelled(photo: Photo) -> Detections:
    chosen = ~photo.ignore & ~_alone(photo)
    boxes, landmarks = photo.boxes[chosen], photo.landmarks[chosen]
    return Detections(boxes, landmarks, np.ones(len(boxes), np.float32))


def _corrected(photo: Photo, mapping: Mapping, share: float) -> Photo:
    theirs = _theirs(photo)
    if not theirs.any():
        return photo
    boxes = photo.boxes.copy()
    labelled, person = boxes[theirs], mapping.back(photo.drawn[theirs])
    weight = np.where(_alone(photo)[theirs], 1.0, share).astype(np.float32)
    # A pair that overlaps less is no pair.
    weight[~_alone(photo)[theirs] & (np.diag(iou(labelled, person)) < _LEAST_IOU)] = 0
    boxes[theirs] = labelled + weight[:, None] * (person - labelled)
    return replace(photo, boxes=boxes)
