from __future__ import annotations

import pytest

from mien.errors import MienError
from mien_train.recipes import definition, named


def test_settings_keep_the_type_of_their_field() -> None:
    settings = ["epochs=3", "learning_rate=1e-2", "widths=8,16", "blocks=1,1", "norm=true", "hidden=64", "init=a.pt"]
    recipe = definition.chosen(named.EMOTION, "base", settings)
    assert (recipe.epochs, recipe.learning_rate, recipe.widths, recipe.blocks) == (3, 0.01, (8, 16), (1, 1))
    assert (recipe.norm, recipe.hidden, recipe.init) == (True, (64,), "a.pt")


@pytest.mark.parametrize(
    ("name", "settings", "message"),
    [
        ("bse", [], "unknown recipe 'bse'; did you mean 'base'"),
        ("base", ["epoch=3"], "no field 'epoch'; did you mean 'epochs'"),
        ("base", ["epochs=many"], "epochs=many: expected a value like"),
        ("base", ["epochs=2.5"], r"epochs=2\.5: expected a value like"),
        ("base", ["epochs"], "expected name=value"),
        ("base", ["name=x"], "no field 'name'"),
        ("base", ["norm=perhaps"], "norm=perhaps: expected a value like False"),
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
        definition.chosen(named.EMOTION, name, settings)
