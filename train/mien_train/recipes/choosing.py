"""A recipe by its name with settings, with some fields changed, or as a checkpoint keeps it."""

from __future__ import annotations

import difflib
from collections.abc import Mapping, Sequence
from typing import TypeVar

from mien.errors import MienError
from mien_train.recipes import values
from mien_train.recipes.architectures import ARCHITECTURES
from mien_train.recipes.base import Recipe
from mien_train.recipes.emotion import EmotionRecipe
from mien_train.recipes.face import FaceRecipe

R = TypeVar("R", bound=Recipe)

_OF_ARCHITECTURES = frozenset(name for kind in ARCHITECTURES.values() for name in values.hints(kind)) - frozenset(
    values.hints(EmotionRecipe)
)
"""Fields that some architecture has. Earlier versions stored all of them in every recipe."""


def chosen(table: Mapping[str, R], name: str, settings: Sequence[str] = ()) -> R:
    """A recipe by name, with `field=value` settings applied; `architecture=…` first, wherever it stands.

    Raises:
        MienError: unknown recipe or field (the nearest valid one is named), or a value that the field cannot hold.
    """
    if name not in table:
        raise MienError(f"unknown recipe {name!r}; {nearest(name, table)}")
    recipe = table[name]
    pairs = [_pair(setting) for setting in settings]
    for field, text in pairs:
        if field == "architecture":
            recipe = changed(recipe, {field: text})
    for field, text in pairs:
        hints, present = values.hints(type(recipe)), getattr(recipe, field, None)
        value = values.parsed(field, hints[field], text, present) if field in hints else text
        recipe = changed(recipe, {field: value})
    return recipe


def changed(recipe: R, changes: Mapping[str, object]) -> R:
    """The recipe with some fields changed.

    With another `architecture` it becomes that one's recipe: fields that both have keep their values, the rest begin
    with their defaults.

    Raises:
        MienError: no such field, or a value that it cannot hold.
    """
    kind = type(recipe)
    fields = {field: getattr(recipe, field) for field in values.hints(kind)}
    wanted = changes.get("architecture", fields.get("architecture"))
    if wanted != fields.get("architecture") and "architecture" in fields:
        kind = _architecture(wanted, kind)
        before, after = values.hints(type(recipe)), values.hints(kind)
        fields = {k: v for k, v in fields.items() if k in after and (after[k] == before[k])} | {"architecture": wanted}
    for field in changes:
        if field not in values.hints(kind) or field == "name":
            raise MienError(_no_field(recipe.name, kind, field))
    return kind(**{**fields, **changes})


def recipe_of(task: str, stored: Mapping[str, object]) -> Recipe:
    """The recipe that a checkpoint or a sidecar keeps as a mapping; fields it does not know yet keep their defaults.

    Earlier versions kept the fields of all architectures side by side, or no architecture where there was but one.

    Raises:
        MienError: another version's recipe.
    """
    given = {key: tuple(value) if isinstance(value, list) else value for key, value in stored.items()}
    try:
        if task == "emotion":
            return _emotion_of(given)
        return {"face": FaceRecipe}[task](**given)  # type: ignore[arg-type] # likewise
    except (KeyError, TypeError, MienError) as error:
        raise MienError(f"the checkpoint's recipe is not one of this version ({error}); train again") from None


def nearest(word: str, known: Mapping[str, object]) -> str:
    """A hint at the entry that an unknown word may have meant, or at all of them."""
    close = difflib.get_close_matches(word, known, n=1)
    return f"did you mean {close[0]!r}?" if close else f"known are {', '.join(known)}"


def _emotion_of(given: Mapping[str, object]) -> EmotionRecipe:
    given = {"architecture": "residual", **given}
    kind = ARCHITECTURES[str(given["architecture"])]
    hints = values.hints(kind)
    if "shortcut" in hints:
        given = {"shortcut": "sampled", **given}  # what shortcuts did before they could be told
    hidden = given.get("hidden")
    if hints.get("hidden") == values.Count and isinstance(hidden, tuple) and len(hidden) == 1:
        given = {**given, "hidden": hidden[0]}
    ours = {key: value for key, value in given.items() if key in hints or key not in _OF_ARCHITECTURES}
    return kind(**ours)  # type: ignore[arg-type] # likewise


def _architecture(name: object, present: type[R]) -> type[R]:
    if name not in ARCHITECTURES:
        raise MienError(f"architecture is {name!r}; choose one of {', '.join(ARCHITECTURES)}")
    found: type = ARCHITECTURES[str(name)]
    assert issubclass(present, EmotionRecipe)
    return found


def _no_field(name: str, kind: type[Recipe], field: str) -> str:
    having = [a for a, recipe in ARCHITECTURES.items() if field in values.hints(recipe)]
    if having and issubclass(kind, EmotionRecipe):
        return f"recipe {name} has no field {field!r}; architecture {' or '.join(having)} has it"
    known = {k: None for k in values.hints(kind) if k != "name"}
    return f"recipe {name} has no field {field!r}; {nearest(field, known)}"


def _pair(setting: str) -> tuple[str, str]:
    field, separator, text = setting.partition("=")
    if not separator:
        raise MienError(f"--set {setting!r}: expected name=value, such as epochs=10")
    return field, text
