"""Hard-example mining: photographs drawn by how badly the network finds the faces in them.

Or, of photographs without a face, by how surely it sees one there.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence

import numpy as np
import torch
from numpy.random import Generator
from numpy.typing import NDArray
from torch import Tensor

from mien.faces.decode import Detections
from mien.faces.face import iou
from mien_train.data.faces import Photo
from mien_train.face.compose import Chosen

MISSED = 0.3
"""Faces that score less are as hard as faces can be: the network does not see them."""

_OVERLAP = 0.4
"""Least intersection over union with a face of what counts as a detection of it."""
_LEAST = 12.0
"""Faces lower than this in the network's input are of middling difficulty: the whole photograph does not show them."""
_MIDDLING, _EASIEST = 0.1, 0.05
"""Weights of these faces, and least weight of any; missed ones have 1."""
_STEEP = 3
"""Power of the weight between the two. A trained detector gives half of all faces less than 0.77, as its score says how
well a box fits too: in proportion to what is missing to 1, a tenth of the faces with the lowest scores would come in a
fifth of the draws, with this power in half of them."""


class Mine:
    """Photographs to draw from, evenly or by difficulty.

    Args:
        photos: of the training split.
    """

    def __init__(self, photos: Sequence[Photo]) -> None:
        self.with_faces = [photo for photo in photos if not photo.face_free]
        self.free = [photo for photo in photos if photo.face_free]
        self._faces = [Chosen(photo, int(face)) for photo in self.with_faces for face in np.flatnonzero(~photo.ignore)]
        self._weights: dict[str, NDArray[np.float64]] = {}

    @property
    def memory(self) -> dict[str, Tensor]:
        """Weights of faces and of face-free photographs, float64 (n,) each; empty before the first look."""
        return {name: torch.from_numpy(weights) for name, weights in self._weights.items()}

    def recall(self, memory: Mapping[str, Tensor]) -> None:
        """Take back what `memory` gave."""
        self._weights = {name: weights.numpy() for name, weights in memory.items()}

    def draw(self, free: bool, mined: float, rng: Generator) -> Chosen:
        """A photograph with or without faces, by difficulty in a share of `mined`, evenly otherwise.

        Args:
            free: one without faces, if there are any.
            mined: 0 to 1; before the first look all are drawn evenly.
            rng: of the choice.
        """
        kind = "free" if free and self.free else "faces"
        pool = self.free if kind == "free" else self.with_faces
        if kind in self._weights and rng.random() < mined:
            ends = np.cumsum(self._weights[kind])
            at = int(np.searchsorted(ends, rng.random() * ends[-1], side="right"))
            return Chosen(pool[at]) if kind == "free" else self._faces[at]
        return Chosen(pool[rng.integers(len(pool))])

    def learn(self, seen: Iterable[tuple[Photo, float, Detections]]) -> None:
        """Weigh everything anew.

        Args:
            seen: of every photograph, those with faces first, each with its scale in the network's input, and what the
                network sees there, in input pixels.
        """
        faces, free = [], []
        for photo, scale, found in seen:
            if photo.face_free:
                free.append(max(_EASIEST, float(found.scores.max(initial=0))))
            else:
                faces.append(difficulties(photo.boxes[~photo.ignore] * np.float32(scale), found))
        self._weights = {}
        if faces and sum(len(each) for each in faces):
            self._weights["faces"] = np.concatenate(faces)
        if free:
            self._weights["free"] = np.array(free, np.float64)


def difficulties(boxes: NDArray[np.float32], found: Detections) -> NDArray[np.float64]:
    """How hard the faces of one photograph are: float64 (n,), `_EASIEST` to 1.

    Args:
        boxes: float32 (n, 4), input pixels.
        found: detections there.
    """
    scores = np.zeros(len(boxes))
    if len(boxes) and len(found.boxes):
        scores = np.where(iou(boxes, found.boxes) >= _OVERLAP, found.scores[None], 0).max(axis=1)
    hard = np.clip(((1 - scores) / (1 - MISSED)) ** _STEEP, _EASIEST, 1)
    return np.where(boxes[:, 3] - boxes[:, 1] < _LEAST, _MIDDLING, hard)
