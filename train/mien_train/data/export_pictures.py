"""Pictures for the exporter: what activations are measured on, and what both artefacts are compared on."""

from __future__ import annotations

from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from mien.errors import MienError
from mien.faces.letterbox import Letterbox
from mien_train.data import emotion_data, faces, fer
from mien_train.data.fer import Split
from mien_train.recipes.choosing import recipe_of
from mien_train.recipes.emotion import EmotionRecipe
from mien_train.training.checkpoint import Checkpoint


def images(checkpoint: Checkpoint, data: Path, count: int, seed: int, size: tuple[int, int]) -> NDArray[np.uint8]:
    """Seeded pictures of the training split: equally many of each emotion, or of each set of photographs.

    Args:
        checkpoint: what the pictures are for.
        data: data folder.
        count: wanted number; classes with too few images give all they have.
        seed: of the choice.
        size: (height, width) of the network's input.

    Returns:
        uint8 (n, H, W).
    """
    if count < 1:
        raise MienError(f"calibration size is {count}; give 1 or more")
    rng = np.random.default_rng(seed)
    if checkpoint.task == "emotion":
        split = _emotion(checkpoint, data, "train")
        return split.images[_balanced(split.labels, count, rng)]
    photos = faces.load(data, "train").photos
    sets = np.array([photo.name.split("/")[0] for photo in photos])
    _, kinds = np.unique(sets, return_inverse=True)
    return _letterboxed([photos[row] for row in _balanced(kinds, count, rng)], size)


def held_out(checkpoint: Checkpoint, data: Path, size: tuple[int, int]) -> NDArray[np.uint8]:
    """All pictures of the validation split, uint8 (n, H, W)."""
    if checkpoint.task == "emotion":
        return _emotion(checkpoint, data, "val").images
    return _letterboxed(list(faces.load(data, "val").photos), size)


def _emotion(checkpoint: Checkpoint, data: Path, name: str) -> Split:
    recipe = recipe_of(checkpoint.task, checkpoint.recipe)
    assert isinstance(recipe, EmotionRecipe)
    if recipe.usual and not recipe.exclude:
        return fer.split(fer.load(data), name, "strict")
    found = emotion_data.split_of(recipe, data, name)
    if tuple(found.names) != tuple(checkpoint.labels):
        raise MienError(
            f"{data}: holds the classes {', '.join(found.names)}, and the network knows "
            f"{', '.join(checkpoint.labels)}; give the data that it was trained on"
        )
    return found


def _balanced(kinds: NDArray[np.int64], count: int, rng: np.random.Generator) -> NDArray[np.int64]:
    """Rows of equally many of each kind, in random order."""
    names = np.unique(kinds)
    rows = [rng.permutation(np.flatnonzero(kinds == kind))[: -(-count // len(names))] for kind in names]
    return rng.permutation(np.concatenate(rows))[:count]


def _letterboxed(photos: list[faces.Photo], size: tuple[int, int]) -> NDArray[np.uint8]:
    box = Letterbox(*size)
    # The letterbox draws every frame into the same canvas.
    return np.stack([box(photo.luma)[0].copy() for photo in photos])
