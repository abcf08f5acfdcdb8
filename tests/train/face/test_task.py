from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch

from mien.errors import MienError
from mien_train.data import faces
from mien_train.face.loss import Targets
from mien_train.face.task import LOOK_EVERY, FaceTask
from mien_train.networks import registry
from mien_train.recipes.named import FACE
from mien_train.training.loop import Looking

TINY = replace(
    FACE["quick"],
    batch=4,
    height=64,
    width=64,
    stem=(4, 4),
    channels=8,
    deep=(8, 8),
    blocks=(1, 0, 0),
    rising=0.0,
    calm=0.0,
)


def _task(data: Path, **changes: float) -> FaceTask:
    recipe = replace(TINY, **changes)  # type: ignore[arg-type] # any field's name
    return FaceTask(recipe, faces.load(data, "train"), faces.load(data, "val"))


def test_an_epochs_pictures_depend_on_seed_and_epoch_alone(small_data: Path) -> None:
    def inputs(epoch: int, seed: int) -> torch.Tensor:
        return torch.cat([batch for batch, _ in _task(small_data).batches(epoch, seed)])

    first = inputs(0, 0)
    assert first.shape == (8, 1, 64, 64)  # five photographs with faces, in batches of four
    assert torch.equal(first, inputs(0, 0))
    assert not torch.equal(first, inputs(1, 0))
    assert not torch.equal(first, inputs(0, 1))


def test_processes_compose_what_threads_compose_and_rows_are_of_few_shapes(small_data: Path) -> None:
    task, other = _task(small_data), _task(small_data)
    other._processes = 2
    threaded, forked = list(task.batches(0, 0)), list(other.batches(0, 0))
    assert len(threaded) == len(forked) == 2
    for (inputs, rows), (same, equal) in zip(threaded, forked, strict=True):
        assert torch.equal(inputs, same)
        assert torch.equal(rows.nan_to_num(), equal.nan_to_num())
    other.device = torch.device("meta")  # as an accelerator: all that counts is that it is none of the processor
    assert {rows.shape for _, rows in other.batches(0, 0)} == {(4 * 24, 17)}


@pytest.mark.parametrize("processes", [0, 2])
def test_who_composes_goes_on_from_epoch_to_epoch_up_to_the_next_look(small_data: Path, processes: int) -> None:
    task, calls = _task(small_data, epochs=LOOK_EVERY + 2), []
    task._processes = processes
    composed = task._composed

    def counted(first: int, seed: int) -> Iterator[tuple[torch.Tensor, Targets]]:
        calls.append((first, seed))
        return composed(first, seed)

    task._composed = counted  # type: ignore[method-assign]

    def inputs(task: FaceTask, epoch: int, seed: int = 0) -> torch.Tensor:
        return torch.cat([batch for batch, _ in task.batches(epoch, seed)])

    first = LOOK_EVERY - 2
    for epoch in range(first, LOOK_EVERY + 2):
        assert torch.equal(inputs(task, epoch), inputs(_task(small_data, epochs=LOOK_EVERY + 2), epoch)), epoch
    assert calls == [(first, 0), (LOOK_EVERY, 0)]
    given_up = task.batches(0, 0)
    next(given_up)
    assert torch.equal(inputs(task, 0), inputs(_task(small_data, epochs=LOOK_EVERY + 2), 0))
    inputs(task, 1, seed=1)
    inputs(task, 1)
    assert calls[2:] == [(0, 0), (0, 0), (1, 1), (1, 0)]


def test_every_share_of_the_recipe_changes_the_pictures(small_data: Path) -> None:
    shares = ("mosaic", "tiles", "negatives", "turned", "slanted", "joined", "covered")
    shares += ("dark", "backlit", "defocused", "shaken")
    none = dict.fromkeys(shares, 0.0)

    def inputs(**changes: float) -> torch.Tensor:
        return torch.cat([batch for batch, _ in _task(small_data, **{**none, **changes}).batches(0, 0)])

    plain = inputs()
    for share in shares:
        assert not torch.equal(inputs(**{share: 1.0}), plain), share


def test_validation_photographs_without_a_face_that_counts_are_refused_at_once(small_data: Path) -> None:
    train, val = faces.load(small_data, "train"), faces.load(small_data, "val")
    assert any(len(photo.boxes) for photo in val.photos)
    far = tuple(replace(photo, boxes=photo.boxes / 1000) for photo in val.photos)
    for photos in (far, tuple(photo for photo in val.photos if photo.face_free)):
        with pytest.raises(MienError, match=r"no face of the validation photographs is 20 pixels high .* 64×64"):
            FaceTask(TINY, train, replace(val, photos=photos))


def test_the_training_photographs_are_looked_at_every_tenth_epoch_and_what_was_seen_is_kept(small_data: Path) -> None:
    task = _task(small_data, mined=1.0)
    assert isinstance(task, Looking)
    network = registry.build(task.network).eval()
    for epoch in (0, 1, LOOK_EVERY - 1):
        task.look(network, epoch)
    assert task.memory == {}
    even = [batch for batch, _ in task.batches(3, 0)]
    task.look(network, LOOK_EVERY)
    assert task.memory["faces"].tolist() == [1.0] * 5  # an untrained network finds none
    assert task.memory["free"].shape == (1,)

    other = _task(small_data, mined=1.0)
    other.recall({**task.memory, "faces": torch.tensor([0.05, 1.0, 0.05, 0.05, 0.05], dtype=torch.float64)})
    mined = [batch for batch, _ in other.batches(3, 0)]
    assert not all(torch.equal(a, b) for a, b in zip(even, mined, strict=True))

    unmined = _task(small_data, mined=0.0)
    unmined.look(network, LOOK_EVERY)
    assert unmined.memory == {}


def test_a_batch_lists_faces_with_their_picture_and_certainty(small_data: Path) -> None:
    inputs, rows = next(iter(_task(small_data, negatives=0.0, mosaic=1.0).batches(0, 0)))
    targets = Targets.of(rows)
    assert inputs.abs().max() <= 2
    assert len(targets.image) == 16  # four photographs in each of four pictures
    assert targets.image.tolist() == np.repeat(np.arange(4), 4).tolist()
    assert targets.certainty.tolist() == pytest.approx([0.95] * 16)
