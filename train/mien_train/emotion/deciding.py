"""`decide`: how a finished run's classifier is read, chosen anew on validation images."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping
from pathlib import Path

import torch

from mien.errors import MienError
from mien_train.data import emotion_data
from mien_train.emotion.task import EmotionTask
from mien_train.recipes.choosing import recipe_of
from mien_train.recipes.emotion import EmotionRecipe
from mien_train.training import checkpoint

_CHOSEN = ("decision", "expressions", "choices")


def store(run: Path, data: Path) -> Mapping[str, object]:
    """Choose expressions, temperatures and abstain thresholds as the end of the training does, and keep them.

    Args:
        run: folder with checkpoint.pt, or a .pt file; its weights and its crop template stay.
        data: data folder.

    Returns:
        What was chosen: "decision", or "expressions" and "choices" of a network of two heads.

    Raises:
        MienError: no finished run of a classifier, or other data than it was trained on.
    """
    path = run / "checkpoint.pt" if run.is_dir() else run
    stored = checkpoint.finished(path)
    if stored.task != "emotion":
        raise MienError(f"{path}: is a checkpoint for {stored.task!r}; only emotion classifiers are read in ways")
    recipe = recipe_of(stored.task, stored.recipe)
    assert isinstance(recipe, EmotionRecipe)
    task = EmotionTask(recipe, emotion_data.open_data(recipe, data))
    if task.data_sha256 != stored.data_sha256:
        raise MienError(f"{path}: was trained on other data than {data}; give those with --data")
    network = stored.build().to(memory_format=torch.channels_last)  # type: ignore[call-overload]  # as training ends
    found = {key: value for key, value in task.finish(network).items() if key in _CHOSEN}
    kept = {key: value for key, value in stored.metrics.items() if key not in _CHOSEN}
    checkpoint.save(dataclasses.replace(stored, metrics={**kept, **found}), path)
    return found
