"""Planted teachers: networks whose answers are known, since all that counts in them is the last layer's bias."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Sequence
from pathlib import Path

import numpy as np
import pytest
import torch

from mien.errors import MienError
from mien_train.data import store
from mien_train.data.emotion_data import EmotionData, Searched
from mien_train.data.fer import Split
from mien_train.emotion.task import network_of
from mien_train.emotion.taught import TaughtTask
from mien_train.emotion.teachers import Heads, Teachers
from mien_train.networks import registry
from mien_train.recipes.architectures import ResidualRecipe
from mien_train.training import checkpoint, history, loop
from mien_train.training.checkpoint import Checkpoint

NAMES = ("dark", "bright")
RECIPE = ResidualRecipe(
    name="tiny", epochs=3, batch=8, learning_rate=2e-2, weight_decay=0.0, ema=0.5, precision="float32", widths=(4,),
    blocks=(1,), dropout=0.5, augmentation="light", near_copies="left-out", taught=0.5, taught_temperature=2.0,
)  # fmt: skip
Plant = Callable[..., Path]
NOBODY = np.empty((0, 48, 48), np.uint8)


@pytest.fixture(autouse=True)
def own_cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("MIEN_CACHE", str(tmp_path / "cache"))
    monkeypatch.setattr(history, "draw", lambda *_: None)  # which takes longer than all the rest


@pytest.fixture
def plant(tmp_path: Path) -> Plant:
    """A finished run whose network always gives the same logits."""

    def planted(name: str, logits: Sequence[float], half: bool = False, **changes: object) -> Path:
        recipe = dataclasses.replace(RECIPE, taught=0.0, **changes)  # type: ignore[arg-type]
        described = network_of(recipe, NAMES, len(logits) - 2)
        network = registry.build(described)
        for value in network.state_dict().values():
            value.zero_()
        network.state_dict()["head.bias"].copy_(torch.tensor(logits))
        stored = Checkpoint(
            "emotion", described, dataclasses.asdict(recipe), NAMES, 7, "made up", 3, network.state_dict(),
            {"accuracy": 0.75}, {"rows": []} if half else {},
        )  # fmt: skip
        (tmp_path / name).mkdir()
        checkpoint.save(stored, tmp_path / name / "checkpoint.pt")
        return tmp_path / name

    return planted


def data(second: bool = False) -> EmotionData:
    labels = np.array([0, 1] * 12)
    images = np.repeat((labels * 150 + 40).astype(np.uint8), 48 * 48).reshape(-1, 48, 48)
    split = Split(images[:8], labels[:8], NAMES, np.arange(8))
    searched = Searched(np.eye(7, dtype=np.float32)[labels], split) if second else None
    return EmotionData(
        images, np.eye(2, dtype=np.float32)[labels], np.arange(24), split, split, split, NAMES, "made up", searched
    )


def task(runs: Sequence[Path], others: np.ndarray = NOBODY, **changes: object) -> TaughtTask:
    recipe = dataclasses.replace(RECIPE, **changes)  # type: ignore[arg-type]
    return TaughtTask(recipe, data(), Teachers(runs, NAMES, recipe, "made up"), others)


def test_teachers_answer_with_the_mean_of_their_probabilities_at_the_temperature(plant: Plant) -> None:
    runs = [plant("one", [2.0, 0.0]), plant("other", [0.0, 4.0])]
    found = Teachers(runs, NAMES, RECIPE, "made up").answers(
        torch.zeros(3, 48, 48, dtype=torch.uint8), Heads(2, torch.empty(0), 2.0), 0
    )
    # softmax(1, 0) = .73106 and softmax(0, 2) = .11920 of the first class
    assert found.shape == (3, 2)
    assert found[0].tolist() == pytest.approx([(0.73106 + 0.11920) / 2, (0.26894 + 0.88080) / 2], abs=5e-4)


def test_the_second_head_answers_with_the_odds_of_its_classes(plant: Plant) -> None:
    runs = [plant("one", [0.0, 0.0, 1.0, 0.0], searched=0.5)]
    recipe = dataclasses.replace(RECIPE, searched=0.5)
    heads = Heads(2, torch.tensor([0.25, 0.75]).log(), 1.0)
    found = Teachers(runs, NAMES, recipe, "made up").answers(torch.zeros(1, 48, 48, dtype=torch.uint8), heads, 0)
    e = np.e
    assert found[0].tolist() == pytest.approx([0.5, 0.5, e / (e + 3), 3 / (e + 3)], abs=5e-4)


def test_answers_are_asked_for_once_for_the_same_pictures_teachers_and_temperature(
    plant: Plant, monkeypatch: pytest.MonkeyPatch
) -> None:
    one, other = plant("one", [2.0, 0.0]), plant("other", [0.0, 4.0])
    views, heads = torch.zeros(3, 48, 48, dtype=torch.uint8), Heads(2, torch.empty(0), 2.0)
    asked = []
    plain = Teachers._answer

    def counted(self: Teachers, part: torch.Tensor, how: Heads) -> torch.Tensor:
        asked.append(len(part))
        return plain(self, part, how)

    monkeypatch.setattr(Teachers, "_answer", counted)
    first = Teachers([one, other], NAMES, RECIPE, "made up").answers(views, heads, 0)
    again = Teachers([other, one], NAMES, RECIPE, "made up").answers(views, heads, 5)
    assert torch.equal(first, again)
    assert asked == [3]
    Teachers([one], NAMES, RECIPE, "made up").answers(views, heads, 0)
    Teachers([one], NAMES, RECIPE, "made up").answers(views, dataclasses.replace(heads, temperature=1.0), 0)
    Teachers([one], NAMES, RECIPE, "made up").answers(views + 1, heads, 0)
    assert asked == [3] * 4


def test_the_loss_is_the_labels_share_and_the_teachers_share_by_hand(plant: Plant) -> None:
    made = task([plant("one", [2.0, 0.0])], taught=0.25)
    outputs = torch.tensor([[3.0, 1.0], [0.0, 0.0]])
    # The second picture has no label. Student at temperature 2: softmax(1, 0) and (.5, .5); teachers say .9 and .1.
    targets = torch.tensor([[0.0, 1.0, 0.9, 0.1], [0.0, 0.0, 0.9, 0.1]])
    found = made.loss(outputs, targets)
    assert found["cross_entropy"].item() == pytest.approx(0.75 * np.log(1 + np.e**2))
    entropy = 0.9 * np.log(0.9) + 0.1 * np.log(0.1)
    first = entropy - (0.9 * np.log(0.731059) + 0.1 * np.log(0.268941))
    second = entropy - np.log(0.5)
    assert found["taught"].item() == pytest.approx(0.25 * 4 * (first + second) / 2, rel=1e-5)


def test_a_student_who_answers_as_its_teacher_is_done_with_it(plant: Plant) -> None:
    run = plant("one", [2.0, 0.0, 1.0, 0, 0, 0, 0, 0, 3.0], searched=0.5)
    recipe = dataclasses.replace(RECIPE, searched=0.5, taught=1.0, augmentation="none")
    made = TaughtTask(recipe, data(second=True), Teachers([run], NAMES, recipe, "made up"), NOBODY)
    inputs, targets = next(made.batches(0, 0))
    network = checkpoint.load(run / "checkpoint.pt").build()
    found = made.loss(network(inputs), targets)
    assert found["taught"].item() == pytest.approx(0, abs=1e-4)
    assert found["cross_entropy"].item() == found["searched"].item() == 0
    assert made.loss(network(inputs) * 2, targets)["taught"].item() > 0.1


def test_a_student_learns_what_its_teachers_say_and_not_only_the_labels(plant: Plant, tmp_path: Path) -> None:
    wrong = plant("wrong", [0.0, 8.0])  # "bright" whatever it is shown
    alone, led = (
        loop.train(task([wrong], taught=taught, batch=3), tmp_path / f"taught-{taught}", 0, resume=False)
        for taught in (0.01, 1.0)
    )
    assert alone.metrics["accuracy"] == 1.0
    assert led.metrics["accuracy"] == 0.5
    assert led.recipe["teachers"] == store.file_sha256(wrong / "checkpoint.pt")[:12]
    assert led.metrics["teachers"] == {led.recipe["teachers"]: {"recipe": "tiny", "seed": 7, "accuracy": 0.75}}


def test_unlabelled_faces_are_learnt_from_the_teachers_alone(plant: Plant) -> None:
    faces = np.full((6, 48, 48), 100, np.uint8)
    made = task([plant("one", [2.0, 0.0])], faces, unlabelled=0.125, augmentation="none")
    assert made.steps() == 4  # 24 labelled and three others in batches of 8
    shown = list(made.batches(0, 0))
    assert [len(inputs) for inputs, _ in shown] == [8, 8, 8, 3]
    inputs, targets = (torch.cat(part) for part in zip(*shown, strict=True))
    others = (inputs == (100 - 128) / 64).all(dim=3).all(dim=2).all(dim=1)
    assert others.sum() == 3
    assert (targets[others][:, :2] == 0).all()
    assert (targets[others][:, 2:] > 0).all()
    assert (targets[~others][:, :2].sum(dim=1) == 1).all()
    assert ",faces " in made.recipe.teachers
    assert made.recipe.teachers != task([plant("two", [2.0, 0.0])]).recipe.teachers


def test_a_resumed_run_equals_an_unbroken_one_with_the_cache_or_without(
    plant: Plant, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    class Broken(TaughtTask):
        def batches(self, epoch: int, seed: int):  # type: ignore[no-untyped-def]
            if epoch == 2:
                raise KeyboardInterrupt
            return super().batches(epoch, seed)

    runs = [plant("one", [2.0, 0.0]), plant("other", [0.0, 1.0])]
    unbroken = loop.train(task(runs), tmp_path / "unbroken", 3, resume=False)
    for name in ("kept", "emptied"):
        broken = Broken(RECIPE, data(), Teachers(runs, NAMES, RECIPE, "made up"), NOBODY)
        with pytest.raises(KeyboardInterrupt):
            loop.train(broken, tmp_path / name, 3, resume=False)
        if name == "emptied":
            monkeypatch.setenv("MIEN_CACHE", str(tmp_path / "another"))
        resumed = loop.train(task(runs), tmp_path / name, 3, resume=True)
        for key, value in unbroken.state.items():
            assert torch.equal(value, resumed.state[key]), key
    with pytest.raises(MienError, match="begun with another recipe"):
        loop.train(task(runs[:1]), tmp_path / "kept", 3, resume=True)


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"half": True}, "is half-trained, 3 epochs so far"),
        ({"near_copies": "kept"}, r"trained on other images \(near_copies\)"),
        ({"partition": "holdout"}, r"trained on other images \(partition\)"),
        ({"logits": [1.0, 0.0, 1.0], "searched": 0.5}, "the teacher has a second head and the student has none"),
    ],
)
def test_a_teacher_who_does_not_suit_the_student_is_refused(
    changes: dict[str, object], message: str, plant: Plant
) -> None:
    run = plant("one", **{"logits": [1.0, 0.0], **changes})
    with pytest.raises(MienError, match=message):
        Teachers([run], NAMES, RECIPE, "made up")


def test_no_teacher_the_same_twice_and_one_of_other_data_are_refused(plant: Plant, tmp_path: Path) -> None:
    run = plant("one", [1.0, 0.0])
    with pytest.raises(MienError, match="no teacher is given"):
        Teachers([], NAMES, RECIPE, "made up")
    with pytest.raises(MienError, match="given twice as a teacher"):
        Teachers([run, run / "checkpoint.pt"], NAMES, RECIPE, "made up")
    with pytest.raises(MienError, match=r"trained on other images \(data\)"):
        Teachers([run], NAMES, RECIPE, "others")
    with pytest.raises(MienError, match="no such checkpoint"):
        Teachers([tmp_path / "nowhere"], NAMES, RECIPE, "made up")
