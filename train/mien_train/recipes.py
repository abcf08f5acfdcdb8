"""Recipes: every setting of a training run, by name."""

from __future__ import annotations

import dataclasses
import difflib
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, TypeVar

from mien.errors import MienError


@dataclass(frozen=True)
class Recipe:
    """What every training run sets.

    Attributes:
        name: of the recipe.
        epochs: passes over the training split.
        batch: images per optimizer step.
        learning_rate: peak, after the warm-up.
        weight_decay: decoupled, of convolution weights (not of biases and norms).
        warmup: share of all steps in which the learning rate rises; then it falls on a cosine to a thousandth.
        ema: decay per step of the moving average of the weights that is evaluated and kept.
        clip: largest gradient norm.
        precision: "auto" (bfloat16 where the processor has it), "bfloat16" or "float32".
        validate_every: epochs between two looks at the validation split; the last epoch is always looked at.
    """

    name: str
    epochs: int
    batch: int
    learning_rate: float
    weight_decay: float
    warmup: float = 0.08
    ema: float = 0.999
    clip: float = 5.0
    precision: str = "auto"
    validate_every: int = 1


@dataclass(frozen=True)
class EmotionRecipe(Recipe):
    """An emotion classifier on FER+ vote distributions.

    Attributes:
        widths: channels of the residual stages.
        blocks: residual blocks of each stage.
        dropout: of the pooled features.
        mixup: largest share of a second image mixed into an image (0 for none).
    """

    widths: tuple[int, ...] = (16, 32, 64, 128)
    blocks: tuple[int, ...] = (1, 1, 1, 1)
    dropout: float = 0.2
    mixup: float = 0.0


@dataclass(frozen=True)
class FaceRecipe(Recipe):
    """A face detector on photographs with boxes and landmarks.

    Attributes:
        height, width: of the network's input, pixels, multiples of 32.
        stem: channels at strides 2 and 4.
        channels: channels at strides 8, 16 and 32.
        blocks: separable blocks at strides 8, 16 and 32.
        mosaic: share of training pictures made of four photographs.
        negatives: share of training pictures taken from face-free photographs.
        box_weight, landmark_weight: of the losses, beside the score's 1.
    """

    height: int = 256
    width: int = 320
    stem: tuple[int, int] = (12, 16)
    channels: int = 64
    blocks: tuple[int, int, int] = (2, 2, 2)
    mosaic: float = 0.4
    negatives: float = 0.1
    box_weight: float = 2.0
    landmark_weight: float = 1.0


EMOTION: Mapping[str, EmotionRecipe] = {
    r.name: r
    for r in (
        EmotionRecipe(name="base", epochs=60, batch=128, learning_rate=3e-3, weight_decay=0.05),
        EmotionRecipe(name="quick", epochs=6, batch=128, learning_rate=3e-3, weight_decay=0.05, ema=0.99),
    )
}
FACE: Mapping[str, FaceRecipe] = {
    r.name: r
    for r in (
        FaceRecipe(name="base", epochs=70, batch=32, learning_rate=3e-3, weight_decay=0.02, validate_every=3),
        FaceRecipe(
            name="small",
            epochs=70,
            batch=32,
            learning_rate=3e-3,
            weight_decay=0.02,
            validate_every=5,
            height=128,
            width=160,
        ),
        FaceRecipe(name="quick", epochs=4, batch=32, learning_rate=3e-3, weight_decay=0.02, ema=0.99),
    )
}

R = TypeVar("R", bound=Recipe)


def chosen(table: Mapping[str, R], name: str, settings: Sequence[str] = ()) -> R:
    """A recipe by name, with `field=value` settings applied.

    Raises:
        MienError: unknown recipe or field (the nearest valid one is named), or a value of the wrong type.
    """
    if name not in table:
        raise MienError(f"unknown recipe {name!r}; {_nearest(name, table)}")
    recipe = table[name]
    fields = {f.name: getattr(recipe, f.name) for f in dataclasses.fields(recipe) if f.name != "name"}
    for setting in settings:
        field, separator, text = setting.partition("=")
        if not separator:
            raise MienError(f"--set {setting!r}: expected name=value, such as epochs=10")
        if field not in fields:
            raise MienError(f"recipe {name} has no field {field!r}; {_nearest(field, fields)}")
        recipe = dataclasses.replace(recipe, **{field: _parsed(field, text, fields[field])})
    return recipe


def _nearest(word: str, known: Mapping[str, Any]) -> str:
    close = difflib.get_close_matches(word, known, n=1)
    return f"did you mean {close[0]!r}?" if close else f"known are {', '.join(known)}"


def _parsed(field: str, text: str, example: Any) -> Any:
    if isinstance(example, str):
        return text
    try:
        value = json.loads(f"[{text}]" if isinstance(example, tuple) else text)
        if isinstance(example, tuple):
            return tuple(type(example[0])(v) for v in value)
        if isinstance(example, int) and value != int(value):
            raise ValueError
        return type(example)(value)
    except (ValueError, TypeError):
        raise MienError(f"--set {field}={text}: expected a value like {example!r}") from None
