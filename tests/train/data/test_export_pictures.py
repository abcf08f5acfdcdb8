from __future__ import annotations

from dataclasses import asdict
from pathlib import Path

import numpy as np

from mien_train.data import export_pictures
from mien_train.recipes import named
from mien_train.training.checkpoint import Checkpoint


def _stored(task: str) -> Checkpoint:
    table = {"emotion": named.EMOTION, "face": named.FACE}[task]
    return Checkpoint(task, {}, asdict(table["base"]), (), 0, "", 1, {}, {})


def test_face_pictures_are_different_photographs_and_letterboxed(small_data: Path) -> None:
    images = export_pictures.images(_stored("face"), small_data, 6, 0, (64, 64))
    assert images.shape == (4, 64, 64)  # three portraits, and the only room there is
    assert len({image.tobytes() for image in images}) == len(images)
    assert (images[:, 48:] == 128).all()  # 160×120 fills 64×48 of the canvas
    held_out = export_pictures.held_out(_stored("face"), small_data, (64, 64))
    assert len({image.tobytes() for image in held_out}) == len(held_out) == 6


def test_emotion_pictures_are_balanced_seeded_and_from_the_training_split(small_data: Path) -> None:
    first = export_pictures.images(_stored("emotion"), small_data, 16, 0, (48, 48))
    assert np.array_equal(first, export_pictures.images(_stored("emotion"), small_data, 16, 0, (48, 48)))
    assert not np.array_equal(first, export_pictures.images(_stored("emotion"), small_data, 16, 1, (48, 48)))
    # The small data's images are brighter the higher the label: two of each of eight shades.
    shades = np.rint((first.mean(axis=(1, 2)) - 15) / 30).astype(int)
    assert np.bincount(shades).tolist() == [2] * 8
