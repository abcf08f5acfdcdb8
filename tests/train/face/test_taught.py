from __future__ import annotations

import dataclasses
import json
from pathlib import Path

import pytest
import torch

from mien.errors import MienError
from mien_train.data import faces, store
from mien_train.face.loss import Decoded, decode
from mien_train.face.task import network_of
from mien_train.face.taught import TaughtFaceTask, hint, taught_losses
from mien_train.networks import registry
from mien_train.networks.face import FaceNet
from mien_train.recipes.named import FACE
from mien_train.training import checkpoint, history, loop
from mien_train.training.checkpoint import Checkpoint
from mien_train.training.step import Told

TINY = dataclasses.replace(
    FACE["quick"], epochs=1, batch=4, height=64, width=64, stem=(4, 4), channels=8, deep=(8, 8), blocks=(1, 0, 0),
    precision="float32",
)  # fmt: skip


def _planted(data: Path, folder: Path, **changes: object) -> Path:
    """A finished run of an untrained network."""
    recipe = dataclasses.replace(TINY, channels=16)
    torch.manual_seed(5)
    network = registry.build(network_of(recipe))
    for _ in range(20):  # so that its features vary from place to place
        network(torch.randn(8, 1, 64, 64))
    stored = Checkpoint(
        "face", network_of(recipe), dataclasses.asdict(recipe), ("face",), 5, faces.load(data, "train").sha256, 1,
        network.state_dict(), {},
    )  # fmt: skip
    folder.mkdir()
    checkpoint.save(dataclasses.replace(stored, **changes), folder / "checkpoint.pt")  # type: ignore[arg-type]
    return folder


def _task(data: Path, run: Path, **changes: object) -> TaughtFaceTask:
    recipe = dataclasses.replace(TINY, taught=0.25, **changes)  # type: ignore[arg-type]
    return TaughtFaceTask(recipe, faces.load(data, "train"), faces.load(data, "val"), run)


def _decoded(logits: float, box: list[float]) -> Decoded:
    return Decoded(
        torch.full((1, 2), logits, requires_grad=True),
        torch.tensor([[box, box]], requires_grad=True),
        torch.full((1, 2, 5, 2), 8.0, requires_grad=True),
    )


def test_a_student_that_sees_what_its_teacher_sees_has_nothing_to_learn_from_it() -> None:
    mine, theirs = _decoded(0.5, [4.0, 4, 12, 12]), _decoded(0.5, [4.0, 4, 12, 12])
    parts = taught_losses(mine, theirs)
    assert parts["box"].item() == pytest.approx(0, abs=1e-6)
    assert parts["landmarks"].item() == 0
    parts["score"].backward()
    assert mine.logits.grad is not None
    assert mine.logits.grad.abs().max() < 1e-6  # the entropy is at its least


def test_where_the_teacher_sees_nothing_it_says_nothing_of_boxes() -> None:
    found, other = _decoded(0.5, [4.0, 4, 12, 12]), [20.0, 20, 40, 40]
    assert taught_losses(found, _decoded(-9.0, other))["box"].item() == 0
    assert taught_losses(found, _decoded(2.0, other))["box"].item() > 0.5
    sure, blind = (taught_losses(found, _decoded(logits, other))["score"].item() for logits in (0.5, -9.0))
    assert blind > sure


def test_the_teacher_and_the_labels_share_the_loss(small_data: Path, tmp_path: Path) -> None:
    task = _task(small_data, _planted(small_data, tmp_path / "teacher"))
    assert isinstance(task, Told)
    assert task.recipe.teachers == store.file_sha256(tmp_path / "teacher" / "checkpoint.pt")[:12]
    inputs, targets = next(task.batches(0, 0))
    network = registry.build(task.network).eval()
    with torch.no_grad():
        outputs = network(inputs)
        taught = task.loss(outputs, (targets, task.told(inputs)))
        alone = super(TaughtFaceTask, task).loss(outputs, targets)
    assert set(taught) == {*alone, *(f"taught_{name}" for name in alone)}
    for name, part in alone.items():
        assert taught[name].item() == pytest.approx(0.75 * part.item())
    told = task.weighted(taught_losses(decode(outputs, task._grid), task.told(inputs)[0]))
    for name, part in told.items():
        assert taught[f"taught_{name}"].item() == pytest.approx(0.25 * part.item())
    assert told["score"] > 0


def test_a_taught_run_trains_and_says_who_taught_it(
    small_data: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(history, "draw", lambda *_: None)
    task = _task(small_data, _planted(small_data, tmp_path / "teacher"))
    before = {name: value.clone() for name, value in task._teacher.state_dict().items()}
    stored = loop.train(task, tmp_path / "run", 0, resume=False)
    assert stored.recipe["teachers"] == task.recipe.teachers
    assert stored.recipe["taught"] == 0.25
    assert all(torch.equal(value, before[name]) for name, value in task._teacher.state_dict().items())


def test_a_hint_is_in_units_of_the_teachers_own_variance() -> None:
    torch.manual_seed(0)
    theirs = [torch.randn(2, 4, 8, 8), 30 * torch.randn(2, 4, 4, 4) + 7]
    assert hint(theirs, theirs).item() == 0
    means = [t.mean().expand_as(t) for t in theirs]
    assert hint(means, theirs).item() == pytest.approx(1, rel=0.02)
    narrower = torch.zeros(2, 3, 8, 8)
    assert hint([narrower, means[1]], theirs).item() == pytest.approx(hint(means[1:], theirs[1:]).item())


def test_hints_draw_a_students_features_towards_the_teachers(
    small_data: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(history, "draw", lambda *_: None)
    run = _planted(small_data, tmp_path / "teacher")
    task = _task(small_data, run, channels=16, hinted=2.0, epochs=12, learning_rate=0.01)
    stored = loop.train(task, tmp_path / "run", 0, resume=False)
    asked = [row["loss_hint"] for row in json.loads((tmp_path / "run" / "history.json").read_text())["epochs"]]
    assert asked[-1] < 0.7 * asked[0]
    network = registry.build(task.network)
    network.load_state_dict(stored.state)
    inputs, targets = next(task.batches(0, 0))
    told = task.told(inputs)
    network.train()
    parts = task.loss(network(inputs), (targets, told))
    network.eval()
    assert isinstance(network, FaceNet)
    assert parts["hint"].item() > 0
    assert len(network(inputs)) == 9  # features are the training's alone


def test_hints_need_a_teacher_as_wide_as_the_student(small_data: Path, tmp_path: Path) -> None:
    run = _planted(small_data, tmp_path / "teacher")
    with pytest.raises(MienError, match="has 16 channels before its heads, the student 8"):
        _task(small_data, run, hinted=1.0)


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"task": "emotion"}, "a detector's teacher is a detector"),
        ({"recipe": {**dataclasses.asdict(TINY), "height": 128}}, "sees 128×64 pixels, the student 64×64"),
        ({"data_sha256": "other"}, "is trained on other photographs"),
        ({"resume": {"rows": []}}, "half-trained"),
    ],
)
def test_a_run_that_cannot_teach_is_refused(
    small_data: Path, tmp_path: Path, changes: dict[str, object], message: str
) -> None:
    run = _planted(small_data, tmp_path / "teacher", **changes)
    with pytest.raises(MienError, match=message):
        _task(small_data, run)
