"""The figures of one contestant of a comparison."""

from __future__ import annotations

import dataclasses
import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from mien import machine
from mien.errors import MienError
from mien.models import bundle
from mien_train import evaluation
from mien_train.data import emotion_data
from mien_train.networks import registry
from mien_train.recipes.base import Recipe
from mien_train.recipes.emotion import EmotionRecipe
from mien_train.study.command_line import command
from mien_train.study.compare_plan import Plan
from mien_train.study.compare_rows import FIGURES, Epochs, Measured
from mien_train.study.contestants import Contestant
from mien_train.training import checkpoint
from mien_train.training import history as course

OUR_MODEL = "emotion-base"
"""The bundled model that stands for ours."""


def trained(plan: Plan, contestant: Contestant, sidecar: Path | None) -> Measured:
    """Figures of a finished run.

    Args:
        plan: of the comparison.
        contestant: whose run is complete.
        sidecar: of its int8 model, or None.

    Returns:
        The row, without a latency.

    Raises:
        MienError: the run, its model or the data cannot be read.
    """
    path = plan.run(contestant) / "checkpoint.pt"
    stored, epochs = checkpoint.load(path), history(plan, contestant)
    recipe = evaluation.recipe(path)
    if emotion_data.open_data(recipe, plan.data).sha256 != stored.data_sha256:
        raise MienError(
            f"{path.parent}: was trained on other data than {plan.data}; remove it or choose another --runs"
        )
    own = evaluation.evaluate(path, plan.data, "test", "own", plan.log)
    strict: float | None = None
    loose: float | None = None
    if recipe.partition != "swapped" and recipe.crops == "direct":
        # A swapped run selected its epoch on the private images, so that they can no longer test it.
        strict = own["accuracy"] if recipe.usual else _accuracy(plan, path, "strict")
        loose = _accuracy(plan, path, "loose")
    model = bundle.load(sidecar) if sidecar else None
    int8 = _accuracy(plan, model.artefact("tflite"), "own") if model else None
    row = _row(contestant, recipe, own, stored.network, strict, loose)
    return dataclasses.replace(
        row,
        int8_accuracy=int8,
        int8_bytes=model.sidecar.files["tflite"].bytes if model else None,
        seed=stored.seed,
        epochs=len(epochs),
        best_epoch=stored.epoch,
        seconds=round(sum(epoch["seconds"] for epoch in epochs), 1),
    )


def our_digits() -> str:
    """The first digits of the SHA-256 of the bundled classifier's TFLite file."""
    return bundle.load(OUR_MODEL).sidecar.files["tflite"].sha256[: checkpoint.SHORT]


def ours(plan: Plan, contestant: Contestant) -> Measured:
    """Figures of the bundled classifier, all of its int8 model."""
    model = bundle.load(OUR_MODEL)
    path, training = model.artefact("tflite"), model.sidecar.training
    recipe = evaluation.recipe(path)
    own = evaluation.evaluate(path, plan.data, "test", "own", plan.log)
    loose = _accuracy(plan, path, "loose")
    row = _row(contestant, recipe, own, training.network, own["accuracy"], loose)
    return dataclasses.replace(
        row,
        int8_accuracy=row.accuracy,
        int8_bytes=model.sidecar.files["tflite"].bytes,
        latency_ratio=1.0,
        latency_beside=our_digits(),
        seed=training.seed,
        epochs=recipe.epochs,
        best_epoch=training.epochs,
    )


def history(plan: Plan, contestant: Contestant) -> Epochs:
    """The epochs of a run."""
    epochs: Epochs = course.read(plan.run(contestant) / "history.json")["epochs"]
    return epochs


def plain(recipe: Recipe) -> Mapping[str, object]:
    """A recipe as JSON gives it back."""
    found: Mapping[str, object] = json.loads(json.dumps(dataclasses.asdict(recipe)))
    return found


def _accuracy(plan: Plan, model: Path, protocol: str) -> float:
    return float(evaluation.evaluate(model, plan.data, "test", protocol, plan.log)["accuracy"])


def _row(
    contestant: Contestant,
    recipe: EmotionRecipe,
    own: Mapping[str, Any],
    network: Mapping[str, Any],
    strict: float | None,
    loose: float | None,
) -> Measured:
    """What is measured alike for all; the rest is unknown.

    Args:
        contestant, recipe: whose figures they are.
        own: of `evaluation.evaluate` on the contestant's own test images.
        network: name and arguments, as JSON.
        strict, loose: accuracies under FER+'s protocols.
    """
    parameters, macs = registry.count(registry.build(dict(network)).eval(), 48, 48)
    return Measured(
        recipe=contestant.name,
        protocol=contestant.tested,
        published=contestant.published or None,
        **{name: own[name] for name in (*FIGURES, "macro_f1", "n")},
        met={name: own[name] >= value for name, value in contestant.published.items()} or None,
        strict_accuracy=strict,
        loose_accuracy=loose,
        int8_accuracy=None,
        parameters=parameters,
        macs=macs,
        int8_bytes=None,
        latency_ratio=None,
        latency_beside=None,
        remark=contestant.remark,
        per_class=own["per_class"],
        confusion=own["confusion"],
        seed=0,
        epochs=0,
        best_epoch=0,
        seconds=None,
        settings=plain(recipe),
        made_with={**own["made_with"], "cpu": machine.facts()["cpu"]},
        command=command(),
    )
