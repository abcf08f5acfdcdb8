from __future__ import annotations

import dataclasses
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import torch

from mien.errors import MienError
from mien_train import cli
from mien_train.data import emotion_data, fer
from mien_train.data.emotion_data import EmotionData
from mien_train.data.fer import Split
from mien_train.emotion.task import EmotionTask, network_of, stages
from mien_train.networks import registry
from mien_train.recipes import named
from mien_train.training import checkpoint, loop, optim

Made = Callable[..., EmotionTask]


@pytest.fixture
def task() -> Made:
    """A task of 90 dark and 10 bright images, for changes of a small recipe."""

    def make(**changes: object) -> EmotionTask:
        recipe = dataclasses.replace(
            named.EMOTION["twoconv-max"], **{"batch": 20, "widths": (4,), "hidden": (8,), **changes}
        )
        labels = np.array([0] * 90 + [1] * 10)
        images = np.repeat((labels * 150 + 40).astype(np.uint8), 48 * 48).reshape(-1, 48, 48)
        split = Split(images[::5], labels[::5], ("dark", "bright"), np.arange(0, 100, 5))
        return EmotionTask(
            recipe,
            EmotionData(
                images, np.eye(2, dtype=np.float32)[labels], np.arange(100), split, split, split, split.names, "made up"
            ),
        )

    return make


def test_the_sampler_shows_every_class_equally_often(task: Made) -> None:
    for imbalance, least, most in (("none", 10, 10), ("sampler", 35, 65)):
        bright = sum(int(t[:, 1].sum()) for _, t in task(imbalance=imbalance).batches(0, 0))
        assert least <= bright <= most


def test_batches_that_are_varied_together_are_handed_out_one_by_one(task: Made) -> None:
    made = task(augmentation="strong")
    made._at_once = 3  # as on an accelerator
    batches = list(made.batches(0, 0))
    assert [len(inputs) for inputs, _ in batches] == [20] * 5
    assert sum(int(targets[:, 1].sum()) for _, targets in batches) == 10
    bright = torch.cat([inputs for inputs, _ in batches]).mean(dim=(1, 2, 3)) > 0
    assert (bright == torch.cat([targets for _, targets in batches])[:, 1].bool()).float().mean() > 0.9


def test_weights_make_a_rare_mistake_cost_as_much_as_all_common_ones(task: Made) -> None:
    outputs = torch.zeros(100, 2)
    targets = torch.eye(2)[[0] * 90 + [1] * 10]
    outputs[:, 1] = 0.5
    plain, weighted = (task(imbalance=kind).loss(outputs, targets)["cross_entropy"] for kind in ("none", "weights"))
    common, rare = np.log(1 + np.exp(0.5)), np.log(1 + np.exp(-0.5))
    assert plain.item() == pytest.approx(0.9 * common + 0.1 * rare)
    assert weighted.item() == pytest.approx(0.5 * common + 0.5 * rare)


def test_label_smoothing_keeps_a_sure_answer_from_costing_nothing(task: Made) -> None:
    outputs, targets = torch.tensor([[20.0, 0.0]]), torch.tensor([[1.0, 0.0]])
    assert task().loss(outputs, targets)["cross_entropy"].item() < 1e-6
    smoothed = task(label_smoothing=0.1).loss(outputs, targets)["cross_entropy"].item()
    assert smoothed == pytest.approx(0.05 * 20, rel=1e-3)


def test_patience_ends_a_run_that_no_longer_improves(task: Made, tmp_path: Path) -> None:
    stored = loop.train(task(patience=2, epochs=30, learning_rate=1e-3), tmp_path, 0, resume=False)
    rows = checkpoint.load(tmp_path / "checkpoint.pt").epoch, stored.epoch
    assert rows[0] == rows[1]
    history = (tmp_path / "history.json").read_text()
    assert history.count('"epoch"') == stored.epoch + 2 < 30


def test_init_takes_the_weights_that_fit_and_refuses_a_stranger(task: Made, tmp_path: Path) -> None:
    first = loop.train(task(epochs=1), tmp_path / "first", 0, resume=False)
    network = registry.build(network_of(task().recipe, ("dark", "bright")))
    loop.initialized(network, str(tmp_path / "first" / "checkpoint.pt"), ())
    assert all(torch.equal(v, first.state[k]) for k, v in network.state_dict().items())
    stranger = registry.build({"name": "residual", "classes": 3, "widths": (4, 8), "blocks": (1, 1)})
    with pytest.raises(MienError, match="none of its weights fits"):
        loop.initialized(stranger, str(tmp_path / "first" / "checkpoint.pt"), ())


def test_a_constant_schedule_stays_and_a_cosine_falls_to_a_thousandth(task: Made) -> None:
    for schedule, last in (("constant", 1.0), ("cosine", 1e-3)):
        recipe = task(schedule=schedule, warmup=0.1, learning_rate=1.0).recipe
        optimizer = optim.optimizer_of(torch.nn.Linear(2, 2), recipe)
        rates = optim.schedule_of(optimizer, recipe, 100)
        seen = []
        for _ in range(100):
            seen.append(optimizer.param_groups[0]["lr"])
            optimizer.step()
            rates.step()
        assert seen[0] == pytest.approx(0.1)
        assert max(seen) == pytest.approx(1.0)
        assert seen[-1] == pytest.approx(last, abs=2e-3)


def test_two_stages_part_negative_from_other_emotions() -> None:
    assert stages(("anger", "happiness", "sadness", "neutral")) == ((0, 2), (1, 3))
    with pytest.raises(MienError, match="needs negative emotions"):
        stages(("circle", "square"))


def test_every_recipe_names_a_network_of_its_architecture() -> None:
    names = ("anger", "fear", "happiness", "sadness", "surprise", "neutral", "disgust")
    images = torch.zeros(2, 1, 48, 48)
    assert len(named.EMOTION) >= 11
    for recipe in named.EMOTION.values():
        network = registry.build(network_of(recipe, names)).eval()
        assert network(images).shape == (2, 7)


def test_imbalance_report_and_tensorboard_from_the_command_line(small_data: Path, tmp_path: Path) -> None:
    run, report = tmp_path / "run", tmp_path / "report"
    words = ["emotion", "--recipe", "twoconv-avg", "--data", str(small_data), "--out", str(run), "--tensorboard"]
    words += ["--imbalance", "weights", "--report", str(report), "--set", "epochs=1", "--set", "widths=4,4"]
    assert cli.main(words) == 0
    assert checkpoint.load(run / "checkpoint.pt").recipe["imbalance"] == "weights"
    assert list((run / "tensorboard").glob("events*"))
    assert sorted(p.name for p in report.iterdir()) == ["confusion.png", "curves.png", "per_class.png", "report.json"]


def test_two_heads_learn_each_from_the_images_that_have_its_label(small_data: Path) -> None:
    recipe = dataclasses.replace(named.EMOTION["base"], near_copies="kept", batch=8, searched=2.0)
    task = EmotionTask(recipe, emotion_data.open_data(recipe, small_data))
    assert task.labels == fer.FERPLUS
    assert task.network["classes"] == 15
    inputs, targets = next(task.batches(0, 0))
    assert targets.shape == (8, 15)
    outputs = torch.zeros(8, 15)
    outputs[:, 8:] = -task._odds  # what the second head gives where it knows nothing but the classes' odds
    parts = task.loss(outputs, targets)
    assert parts["cross_entropy"].item() == pytest.approx(np.log(8), rel=1e-5)
    assert parts["searched"].item() == pytest.approx(2 * np.log(7), rel=1e-5)
    weighted = EmotionTask(dataclasses.replace(recipe, imbalance="weights"), emotion_data.open_data(recipe, small_data))
    weighted._share = torch.full((8,), 0.25)  # twice as many of each class: each counts half
    assert weighted.loss(outputs, targets)["cross_entropy"].item() == pytest.approx(np.log(8) / 2, rel=1e-5)
    targets[:, :8] = 0  # no image of the batch has votes: nothing to learn from them, and no NaN
    assert task.loss(outputs, targets)["cross_entropy"].item() == 0
    network = registry.build(task.network).eval()
    found = task.validate(network)
    assert set(found) == {"loss", "accuracy", "macro_f1", "mean_recall", "searched_accuracy", "searched_mean_recall"}
    assert network(inputs).shape == (8, 15)
    assert set(task.finish(network)) == {"expressions", "choices", "alignment"}
