from __future__ import annotations

from dataclasses import replace

import pytest

from mien_train.face.pacing import VARIED, paced
from mien_train.recipes.named import FACE

RECIPE = replace(FACE["base"], epochs=10, rising=0.5, calm=0.2)


@pytest.mark.parametrize(("epoch", "factor"), [(0, 0.0), (1, 0.2), (4, 0.8), (5, 1.0), (7, 1.0), (8, 0.25), (9, 0.25)])
def test_pictures_become_harder_and_end_nearly_plain(epoch: int, factor: float) -> None:
    made = paced(RECIPE, epoch)
    for name in VARIED:
        assert getattr(made, name) == pytest.approx(factor * getattr(RECIPE, name)), name
    assert replace(made, **{name: getattr(RECIPE, name) for name in VARIED}) == RECIPE, "all else is the same"


def test_without_it_every_epoch_is_alike() -> None:
    recipe = replace(RECIPE, rising=0.0, calm=0.0)
    assert all(paced(recipe, epoch) is recipe for epoch in range(10))
