"""All images of a data folder with their labels: what `explore` looks at, whether FER2013 or a user's class folders."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from mien.errors import MienError
from mien_train.data import emotion_data, fer, fer_csv, folders
from mien_train.data.fer import Split
from mien_train.recipes.emotion import EmotionRecipe

SPLITS = tuple(fer_csv.USAGES)


@dataclass(frozen=True, slots=True, eq=False)
class Collection:
    """Images with one or two sets of labels.

    Attributes:
        images: uint8 (N, 48, 48), luma.
        usage: uint8 (N,), index into `SPLITS`.
        protocols: name of a set of labels to its splits; `rows` of a split count `images`. "fer2013" and, with FER+,
            "strict"; or "folders".
        votes: uint8 (N, 10) of FER+, see `mien_train.data.fer.Fer`, or None.
        sha256: of the data.
    """

    images: NDArray[np.uint8]
    usage: NDArray[np.uint8]
    protocols: Mapping[str, Mapping[str, Split]]
    votes: NDArray[np.uint8] | None
    sha256: str

    @property
    def best(self) -> str:
        """The set of labels to go by: FER+ where it is there."""
        return list(self.protocols)[-1]

    def labels(self, protocol: str) -> NDArray[np.int64]:
        """The label of each image, int64 (N,); −1 where the protocol gives none."""
        labels = np.full(len(self.images), -1, np.int64)
        for split in self.protocols[protocol].values():
            labels[split.rows] = split.labels
        return labels

    def names(self, protocol: str) -> tuple[str, ...]:
        """Label names of a protocol."""
        return self.protocols[protocol]["train"].names


def load(folder: Path) -> Collection:
    """Read FER2013 (with FER+ where it is there), or class folders.

    Raises:
        MienError: neither is there, or a file is malformed.
    """
    plain = EmotionRecipe(name="explore", epochs=1, batch=1, learning_rate=1.0, weight_decay=0.0)
    if emotion_data.suited(plain, folder).labels == "folders":
        return _of_folders(folders.load(folder))
    source = fer.load(folder)
    if not (source.usage == SPLITS.index("train")).any():
        raise MienError(f"{folder}: no row has the Usage {fer_csv.USAGES['train']}; there is nothing to compare with")
    protocols = ("fer2013",) if source.votes is None else ("fer2013", "strict")
    return Collection(
        source.images,
        source.usage,
        {protocol: {name: fer.split(source, name, protocol) for name in SPLITS} for protocol in protocols},
        source.votes,
        source.sha256,
    )


def _of_folders(source: folders.Folders) -> Collection:
    images = np.empty((len(source.paths), fer_csv.SIDE, fer_csv.SIDE), np.uint8)
    usage = np.empty(len(source.paths), np.uint8)
    for index, name in enumerate(SPLITS):
        split = source.splits[name]
        images[split.rows], usage[split.rows] = split.images, index
    return Collection(images, usage, {"folders": source.splits}, None, source.sha256)
