"""A task from a recipe and a data folder."""

from __future__ import annotations

from pathlib import Path

from mien_train import emotion_data, faces
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
        return EmotionTask(recipe, emotion_data.open_data(recipe, data))
    assert isinstance(recipe, FaceRecipe)
    return FaceTask(recipe, faces.load(data, "train"), faces.load(data, "val"))
