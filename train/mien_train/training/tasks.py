"""A task from a recipe and a data folder."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import numpy as np

from mien.errors import MienError
from mien_train.data import emotion_data, faces, fer, unlabelled
from mien_train.emotion.task import EmotionTask
from mien_train.emotion.taught import TaughtTask
from mien_train.emotion.teachers import Teachers
from mien_train.face.task import FaceTask
from mien_train.face.taught import TaughtFaceTask
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


def taught_face(recipe: FaceRecipe, data: Path, run: Path) -> TaughtFaceTask:
    """The task that a recipe describes, with the network of a finished run as its teacher.

    Raises:
        MienError: the data is missing or malformed, or the run cannot teach this student.
    """
    return TaughtFaceTask(recipe, faces.load(data, "train"), faces.load(data, "val"), run)


def taught(recipe: EmotionRecipe, data: Path, runs: Sequence[Path]) -> TaughtTask:
    """The task that a recipe describes, with the networks of finished runs as teachers.

    Raises:
        MienError: the data is missing or malformed, or a run cannot teach this student.
    """
    source = emotion_data.open_data(recipe, data)
    teachers = Teachers(runs, source.names, recipe, source.sha256)
    if not recipe.unlabelled:
        return TaughtTask(recipe, source, teachers, np.empty((0, *source.images.shape[1:]), np.uint8))
    if recipe.labels == "folders":
        raise MienError("unlabelled faces stand beside FER2013 only; set unlabelled to 0")
    return TaughtTask(recipe, source, teachers, unlabelled.load(data, fer.load(data)))
