"""`seeds`: one recipe over several seeds, on small data and with figures worked out by hand."""

from __future__ import annotations

import dataclasses
import json
import os
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from mien.errors import MienError
from mien_export import seeds
from mien_export.cli import main
from mien_export.records.reading import read
from mien_export.records.seeds import Seeds
from mien_train.data.fer import FERPLUS
from mien_train.recipes import named

HEADER = "Usage,Image name," + ",".join(FERPLUS) + ",unknown,NF"


@pytest.fixture
def data(tmp_path: Path) -> Path:
    """FER2013 and FER+ of 24 pictures for each use: half with ten votes for one label, half with five of ten."""
    rng = np.random.default_rng(0)
    pixels, votes = ["emotion,pixels,Usage"], [HEADER]
    for row in range(72):
        usage, label = ("Training", "PublicTest", "PrivateTest")[row // 24], row % 3
        pixels.append(f"{label},{' '.join(map(str, rng.integers(0, 256, 48 * 48)))},{usage}")
        counts = [0] * 10
        counts[label] = 10 if row % 2 else 5
        counts[3] += 0 if row % 2 else 3
        counts[4] += 0 if row % 2 else 2
        votes.append(f"{usage},fer{row:07d}.png,{','.join(map(str, counts))}")
    folder = tmp_path / "data"
    folder.mkdir()
    (folder / "fer2013.csv").write_text("\n".join(pixels) + "\n")
    (folder / "fer2013new.csv").write_text("\n".join(votes) + "\n")
    return folder


Export = Callable[..., Path]


@pytest.fixture
def export(models: tuple[Path, Path], tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Export:
    """Make an int8 export of a tiny classifier, in a project's folder of its own where looks are noted."""
    (tmp_path / "docs/results").mkdir(parents=True)
    monkeypatch.chdir(tmp_path)
    sidecar = models[1]

    def make(seed: int, **changes: Any) -> Path:
        """The .tflite of a seed; `changes` are fields of its recipe."""
        folder = Path(f"export-{len(os.listdir())}")
        folder.mkdir()
        shutil.copy(sidecar.with_suffix(".tflite"), folder)
        document = json.loads(sidecar.read_text())
        recipe = {**dataclasses.asdict(named.EMOTION["quick"]), **changes}
        document["training"] = {**document["training"], "seed": seed, "recipe": recipe}
        (folder / sidecar.name).write_text(json.dumps(document))
        return folder / sidecar.with_suffix(".tflite").name

    return make


def test_the_command_measures_each_seed_and_notes_each_look(
    export: Export, data: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    models = [export(3), export(5)]
    assert main(["seeds", "emotion-tiny", *map(str, models), "--data", str(data)]) == 0
    assert capsys.readouterr().out.splitlines()[-1] == "docs/results/seeds-emotion-tiny.json"
    found = read(tmp_path / "docs/results/seeds-emotion-tiny.json", Seeds)
    assert [row["seed"] for row in found["seeds"]] == [3, 5]
    assert (found["recipe"], found["model"]) == ("quick", "emotion-tiny")
    assert (found["validation"]["n"], found["strict"]["n"], found["loose"]["n"]) == (12, 12, 24)
    # Both have the same weights, so that nothing but the images makes a difference.
    first, second = found["seeds"]
    assert first["strict"] == second["strict"]
    assert found["strict"]["deviation"]["accuracy"] == 0
    assert found["strict"]["mean"] == pytest.approx(first["strict"], abs=1e-5)
    low, high = found["strict"]["interval95"]
    assert low <= first["strict"]["accuracy"] <= high
    assert found["command"] == f"python -m mien_export seeds emotion-tiny {models[0]} {models[1]}"
    noted = [json.loads(line) for line in (tmp_path / "docs/results/test-log.jsonl").read_text().splitlines()]
    assert [line["protocol"] for line in noted] == ["strict", "loose"] * 2
    assert {line["sha256"] for line in noted} == {first["sha256"]}


def test_means_and_sample_deviations_are_those_of_the_seeds(
    export: Export, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    accuracies = {3: 0.5, 5: 0.75, 6: 1.0}
    models = [export(seed) for seed in accuracies]

    def evaluate(model: Path, data: Path, split: str, protocol: str, each: bool) -> dict[str, Any]:
        seed = json.loads(model.with_suffix(".json").read_text())["training"]["seed"]
        accuracy = accuracies[seed] - (0.25 if protocol == "loose" else 0)
        right = [index < 4 * accuracy for index in range(4)]
        told = {"n": 4, "accuracy": accuracy, "macro_f1": accuracy / 2, "mean_recall": 0.1, "made_with": {}}
        # Of what the runtime shows by default evaluate tells where it judges something else.
        return {**told, "default": {"mean_recall": accuracy + 0.1}, **({"right": right} if each else {})}

    monkeypatch.setattr(seeds, "evaluate", evaluate)
    path = seeds.write("emotion-tiny", models, tmp_path, "the command")
    found = read(path, Seeds)
    assert found["validation"] == {"n": 4, "mean": 0.75, "deviation": 0.25}
    assert found["strict"]["mean"] == {"accuracy": 0.75, "macro_f1": 0.375, "mean_recall": 0.85}
    assert found["strict"]["deviation"] == {"accuracy": 0.25, "macro_f1": 0.125, "mean_recall": 0.25}
    assert found["loose"]["mean"]["accuracy"] == 0.5
    assert [row["strict"]["mean_recall"] for row in found["seeds"]] == [0.6, 0.85, 1.1]


def test_the_interval_is_that_of_a_share_and_of_the_images() -> None:
    right = np.arange(1000)[None] < 800
    low, high = seeds.interval(right)
    # The normal interval of a share of 0.8 of 1,000: 0.8 ± 1.96 · √(0.8 · 0.2 / 1000).
    assert (low, high) == pytest.approx((0.7752, 0.8248), abs=0.003)
    # Ten seeds that read the same images rightly say no more of the images than one.
    assert seeds.interval(np.repeat(right, 10, axis=0)) == (low, high)
    # Seeds whose errors are each other's complement have one mean whatever is drawn.
    assert seeds.interval(np.concatenate([right, ~right])) == (0.5, 0.5)
    assert seeds.interval(right, seed=1) != (low, high)


@pytest.mark.parametrize(
    ("others", "message"),
    [
        ([], "1 model given; how seeds differ shows from two on"),
        ([{"seed": 3}], r"has seed 3, as .*emotion-base\.tflite has; give each seed once"),
        ([{"seed": 4, "epochs": 9, "mixup": 0.2}], r"was trained otherwise than .* \(epochs, mixup\); give exports"),
        ([{"seed": 4, "partition": "holdout"}], r"was not trained on FER\+'s labels"),
    ],
)
def test_what_is_not_one_recipe_and_several_seeds_is_refused_before_any_look(
    others: list[dict[str, Any]], message: str, export: Export, data: Path, tmp_path: Path
) -> None:
    models = [export(3), *(export(**other) for other in others)]
    with pytest.raises(MienError, match=message):
        seeds.write("emotion-tiny", models, data, "the command")
    assert list((tmp_path / "docs/results").iterdir()) == []


def test_what_is_not_of_the_named_models_recipe_is_refused(export: Export, data: Path, tmp_path: Path) -> None:
    models = [export(3), export(5)]
    with pytest.raises(MienError, match=r"otherwise than the bundled emotion-nano \(.*epochs.*\); give exports of its"):
        seeds.write("emotion-nano", models, data, "the command")
    assert list((tmp_path / "docs/results").iterdir()) == []


@pytest.mark.parametrize(("name", "message"), [("../x", "is no name for a model"), ("Base", "is no name for a model")])
def test_a_name_that_would_lead_elsewhere_is_refused(name: str, message: str, tmp_path: Path) -> None:
    with pytest.raises(MienError, match=message):
        seeds.write(name, [tmp_path / "a.tflite"], tmp_path, "the command")


def test_onnx_or_a_detector_is_refused(models: tuple[Path, Path], tmp_path: Path) -> None:
    face, emotion = models
    for path in (face.with_suffix(".tflite"), emotion.with_suffix(".onnx")):
        with pytest.raises(MienError, match="is no int8 TFLite of an emotion classifier"):
            seeds.write("emotion-tiny", [path, path], tmp_path, "the command")


def test_a_place_that_cannot_be_written_is_told_before_the_long_work(
    export: Export, data: Path, tmp_path: Path
) -> None:
    with pytest.raises(MienError, match=r"results: cannot be written \(Is a directory\); choose another --out"):
        seeds.write("emotion-tiny", [export(3), export(5)], data, "the command", tmp_path / "docs/results")
    assert list((tmp_path / "docs/results").iterdir()) == []
