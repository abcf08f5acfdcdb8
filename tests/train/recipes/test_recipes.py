from __future__ import annotations

import dataclasses
import json
from collections.abc import Iterator
from pathlib import Path

import pytest

from mien.errors import MienError
from mien_train.recipes import choosing, named, values
from mien_train.recipes.architectures import ARCHITECTURES, BlocksRecipe, PlainRecipe, ResidualRecipe
from mien_train.recipes.emotion import EmotionRecipe


def test_settings_keep_the_type_of_their_field() -> None:
    settings = ["epochs=3", "learning_rate=1", "widths=8,16", "blocks=1,1", "shortcut=sampled", "init=a.pt"]
    recipe = choosing.chosen(named.EMOTION, "base", settings)
    assert isinstance(recipe, ResidualRecipe)
    assert (recipe.epochs, recipe.widths, recipe.blocks) == (3, (8, 16), (1, 1))
    assert (recipe.shortcut, recipe.init) == ("sampled", "a.pt")
    assert (recipe.learning_rate, type(recipe.learning_rate)) == (1.0, float)
    plain = choosing.chosen(named.EMOTION, "deep", ["norm=true", "hidden=64", "pool=average"])
    assert isinstance(plain, PlainRecipe)
    assert (plain.norm, plain.hidden, plain.pool) == (True, (64,), "average")


def test_an_architecture_has_the_fields_of_its_network_and_no_others() -> None:
    shared = set(values.hints(EmotionRecipe))
    own = {name: set(values.hints(kind)) - shared - {"architecture"} for name, kind in ARCHITECTURES.items()}
    layers = {"widths", "hidden", "pool", "activation", "norm", "dropout"}
    assert own == {
        "residual": {"widths", "blocks", "dropout", "down", "shortcut", "separable"},
        "plain": layers,
        "two-stage": layers,
        "blocks": {"widths", "hidden", "dropout"},
        "xception": {"widths", "stem", "dropout"},
    }
    for name, kind in ARCHITECTURES.items():
        recipe = kind(name="x", epochs=1, batch=1, learning_rate=0.1, weight_decay=0.0)
        assert dataclasses.asdict(recipe)["architecture"] == name
        with pytest.raises(TypeError, match="unexpected keyword argument 'depth'"):
            kind(name="x", epochs=1, batch=1, learning_rate=0.1, weight_decay=0.0, depth=3)  # type: ignore[call-arg]


def test_another_architecture_keeps_what_both_have() -> None:
    # Whichever stands first: the fields of the new architecture can be set in the same line.
    recipe = choosing.chosen(named.EMOTION, "base", ["hidden=64,32", "widths=8,16", "architecture=plain"])
    assert isinstance(recipe, PlainRecipe)
    assert (recipe.name, recipe.epochs, recipe.widths, recipe.hidden, recipe.dropout) == (
        "base",
        180,
        (8, 16),
        (64, 32),
        0.1,
    )
    blocks = choosing.chosen(named.EMOTION, "deep", ["architecture=blocks"])
    assert isinstance(blocks, BlocksRecipe)
    assert (blocks.widths, blocks.hidden) == ((32, 64, 64, 128), 128)  # hidden is a number here, so not taken over
    for kept, name in zip(("plain", "two-stage"), ("two-stage", "plain"), strict=True):
        there = choosing.changed(
            choosing.changed(named.EMOTION["elu-sixclass"], {"architecture": kept}), {"architecture": name}
        )
        assert choosing.changed(there, {"architecture": "plain"}) == named.EMOTION["elu-sixclass"]


def test_every_recipe_is_read_back_from_what_a_checkpoint_keeps() -> None:
    everything = [("emotion", r) for r in named.EMOTION.values()] + [("face", r) for r in named.FACE.values()]
    assert len(everything) >= 14
    for task, recipe in everything:
        stored = json.loads(json.dumps(dataclasses.asdict(recipe)))
        assert choosing.recipe_of(task, stored) == recipe


def _stored(document: object) -> Iterator[dict[str, object]]:
    """Recipes anywhere in a JSON document: what has epochs and batch."""
    if isinstance(document, dict):
        if {"epochs", "batch", "learning_rate"} <= document.keys():
            yield document
        for part in document.values():
            yield from _stored(part)
    elif isinstance(document, list):
        for part in document:
            yield from _stored(part)


def test_recipes_of_every_earlier_version_are_read() -> None:
    root = Path(__file__).parents[3]
    files = [*(root / "edge/mien/models").glob("*.json"), *(root / "docs/results").glob("*.json")]
    read = 0
    for path in files:
        for stored in _stored(json.loads(path.read_text(encoding="utf-8"))):
            task = "face" if "mosaic" in stored else "emotion"
            recipe = choosing.recipe_of(task, stored)
            known = {k: tuple(v) if isinstance(v, list) else v for k, v in stored.items()}
            ours = {k: v for k, v in dataclasses.asdict(recipe).items() if k in known and k != "hidden"}
            assert ours == {k: known[k] for k in ours}, path
            read += 1
    assert read >= 15


def test_a_flat_recipe_loses_the_fields_of_other_architectures() -> None:
    flat = {"name": "old", "epochs": 1, "batch": 2, "learning_rate": 0.1, "weight_decay": 0, "widths": [4, 8]}
    flat |= {"blocks": [1, 1, 1, 1], "hidden": [12], "pool": "average", "activation": "relu", "norm": False}
    residual = choosing.recipe_of("emotion", flat)  # there was one architecture, before they had names
    assert isinstance(residual, ResidualRecipe)
    assert (residual.blocks, residual.shortcut) == ((1, 1, 1, 1), "sampled")
    plain = choosing.recipe_of("emotion", {**flat, "architecture": "plain"})
    assert isinstance(plain, PlainRecipe)
    assert (plain.pool, plain.hidden) == ("average", (12,))
    blocks = choosing.recipe_of("emotion", {**flat, "architecture": "blocks"})
    assert isinstance(blocks, BlocksRecipe)
    assert blocks.hidden == 12
    for wrong in ({"depth": 3}, {"architecture": "resnet"}, {"widths": [4, 0]}, {"epochs": "many"}, {"pool": 3}):
        if wrong != {"pool": 3}:  # of another architecture, and not looked at
            with pytest.raises(MienError, match="the checkpoint's recipe is not one of this version"):
                choosing.recipe_of("emotion", {**flat, **wrong})
    with pytest.raises(MienError, match="is not one of this version"):
        choosing.recipe_of("voice", flat)


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"optimizer": "lion"}, "optimizer is 'lion'; choose one of adamw, adam, sgd"),
        ({"precision": "float16"}, "precision is 'float16'; choose one of auto, bfloat16, float32"),
        ({"architecture": "plain"}, "architecture is 'plain'; choose one of residual"),
        ({"epochs": 2.5}, "epochs is 2.5; give a whole number"),
        ({"epochs": True}, "epochs is True; give a whole number"),
        ({"batch": 0}, "batch is 0; give 1 or more"),
        ({"warmup": float("nan")}, "warmup is nan; give a number"),
        ({"momentum": 1.5}, "momentum is 1.5; give 0 to 1"),
        ({"widths": ()}, "widths is empty"),
        ({"widths": [4, 8]}, r"widths is \[4, 8\]; give whole numbers of 1 or more"),
        ({"labels": "fer"}, "labels is 'fer'; choose one of ferplus, truncated, majority"),
        ({"init": None}, "init is None; give text"),
    ],
)
def test_a_wrong_value_fails_where_the_recipe_is_defined(changes: dict[str, object], message: str) -> None:
    with pytest.raises(MienError, match=message):
        dataclasses.replace(named.EMOTION["base"], **changes)  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"height": 100}, "height is 100; give 32 or more, a multiple of 32"),
        ({"stem": (4,)}, r"stem is \(4,\); give 2 whole numbers"),
        ({"blocks": (1, -1, 1)}, "give whole numbers of 0 or more"),
        ({"tiles": 2.0}, "tiles is 2; give 0 to 1"),
    ],
)
def test_a_wrong_value_of_a_detector_too(changes: dict[str, object], message: str) -> None:
    with pytest.raises(MienError, match=message):
        dataclasses.replace(named.FACE["base"], **changes)  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("name", "settings", "message"),
    [
        ("bse", [], "unknown recipe 'bse'; did you mean 'base'"),
        ("base", ["epoch=3"], "no field 'epoch'; did you mean 'epochs'"),
        ("base", ["epochs=many"], "epochs=many: expected a value like"),
        ("base", ["epochs=2.5"], r"epochs=2\.5: expected a value like"),
        ("base", ["epochs"], "expected name=value"),
        ("base", ["name=x"], "no field 'name'"),
        ("deep", ["norm=perhaps"], "norm=perhaps: expected a value like False"),
        ("base", ["norm=true"], "recipe base has no field 'norm'; architecture plain or two-stage has it"),
        ("deep", ["blocks=1,1"], "recipe deep has no field 'blocks'; architecture residual has it"),
        ("base", ["architecture=resnet"], "architecture is 'resnet'; choose one of residual, plain, blocks"),
        ("base", ["architecture=plain", "blocks=1,1"], "no field 'blocks'; architecture residual has it"),
        ("base", ["imbalance=weight"], "imbalance is 'weight'; choose one of none, weights, sampler"),
        ("base", ["holdout=2"], "holdout is 2; give 0 to 1"),
        ("base", ["batch=0"], "batch is 0; give 1 or more"),
        ("base", ["epochs=true"], "epochs=true: expected a value like"),
        ("base", ["learning_rate=NaN"], "learning_rate=NaN: expected a value like"),
        ("base", ["widths=0,4"], r"widths is \(0, 4\); give whole numbers of 1 or more"),
        ("elu-sixclas", [], "did you mean 'elu-sixclass'"),
    ],
)
def test_a_wrong_recipe_or_setting_names_the_nearest_valid_one(name: str, settings: list[str], message: str) -> None:
    with pytest.raises(MienError, match=message):
        choosing.chosen(named.EMOTION, name, settings)
