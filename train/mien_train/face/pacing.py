"""How hard training pictures are in the course of a training: harder and harder first, nearly plain ones last.

A small network that meets hats, hands, dark and blur before it knows what a face is learns for many epochs next to
nothing; one that ends on pictures as cameras take them is surest of these (Ge et al. 2021, "YOLOX", end likewise).
"""

from __future__ import annotations

import dataclasses

from mien_train.recipes.face import FaceRecipe

VARIED = ("turned", "slanted", "joined", "covered", "dark", "backlit", "defocused", "shaken")
"""Shares of a recipe that come and go."""

_CALM = 0.25
"""What is left of them at the end: without any, what they taught would be forgotten."""


def paced(recipe: FaceRecipe, epoch: int) -> FaceRecipe:
    """The recipe by which an epoch's pictures are composed.

    Args:
        recipe: of the training.
        epoch: from 0.
    """
    done = epoch / recipe.epochs
    if done >= 1 - recipe.calm:
        factor = _CALM
    elif done < recipe.rising:
        factor = done / recipe.rising
    else:
        return recipe
    return dataclasses.replace(recipe, **{name: factor * getattr(recipe, name) for name in VARIED})
