"""A task from its name, a recipe and a data folder."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from mien.errors import MienError
from mien_train import faces, fer
from mien_train.emotion import EmotionTask
from mien_train.face import FaceTask
from mien_train.loop import Task
from mien_train.recipes import EmotionRecipe, FaceRecipe, Recipe


def opened(recipe: Recipe, data: Path) -> Task:
    """The task that a recipe describes, with its data loaded.

    Raises:
        MienError: the data is missing or malformed.
    """
    if isinstance(recipe, EmotionRecipe):
        return EmotionTask(recipe, fer.load(data))
    assert isinstance(recipe, FaceRecipe)
    return FaceTask(recipe, faces.load(data, "train"), faces.load(data, "val"))


def recipe_of(task: str, stored: Mapping[str, Any]) -> Recipe:
    """The recipe that a checkpoint keeps as a mapping.

    Raises:
        MienError: another version's recipe.
    """
    kinds: dict[str, Callable[..., Recipe]] = {"emotion": EmotionRecipe, "face": FaceRecipe}
    try:
        return kinds[task](**{k: tuple(v) if isinstance(v, list) else v for k, v in stored.items()})
    except (KeyError, TypeError) as error:
        raise MienError(f"the checkpoint's recipe is not one of this version ({error}); train again") from None
