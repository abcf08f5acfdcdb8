"""A task from a recipe and a data folder."""

from __future__ import annotations

from pathlib import Path

from mien_train.data import emotion_data, faces
from mien_train.emotion.task import EmotionTask
from mien_train.face.task import FaceTask
from mien_train.recipes.base import Recipe
from mien_train.recipes.emotion import EmotionRecipe
from mien_train.recipes.face import FaceRecipe
from mien_train.training.loop import Task


def opened(recipe: Recipe, data: Path) -> Task:
    """The task that a recipe describes, with its data loaded.

    Raises:
        MienError: the data is missing or malformed.
    """
    if isinstance(recipe, EmotionRecipe):
        return EmotionTask(recipe, emotion_data.open_data(recipe, data))
    assert isinstance(recipe, FaceRecipe)
    return FaceTask(recipe, faces.load(data, "train"), faces.load(data, "val"))
