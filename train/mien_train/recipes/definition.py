"""Recipes: every setting of a training run. The named ones stand in `mien_train.recipes.named`."""

from __future__ import annotations

import dataclasses
import difflib
import json
import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, TypeVar

from mien.errors import MienError

CHOICES: Mapping[str, tuple[str, ...]] = {
    "architecture": ("residual", "plain", "blocks", "xception", "two-stage"),
    "pool": ("max", "average"),
    "activation": ("relu", "elu"),
    "labels": ("ferplus", "majority", "fer2013", "sixclass", "folders"),
    "partition": ("usage", "swapped", "holdout"),
    "augmentation": ("strong", "light", "none"),
    "crops": ("direct", "detector"),
    "imbalance": ("none", "weights", "sampler"),
    "optimizer": ("adamw", "adam", "sgd"),
    "schedule": ("cosine", "constant"),
}
"""What the named fields of a recipe may be."""


_RANGES: Mapping[str, tuple[float, float]] = {
    **dict.fromkeys(("epochs", "batch", "validate_every"), (1, math.inf)),
    **dict.fromkeys(("weight_decay", "patience"), (0, math.inf)),
    **dict.fromkeys(("warmup", "holdout", "augmented", "sharpen", "half_face"), (0, 1)),
    **dict.fromkeys(("mixup", "mosaic", "tiles", "negatives"), (0, 1)),
    **dict.fromkeys(("dropout", "label_smoothing", "ema"), (0, 1)),
    "learning_rate": (1e-9, 100),
    "clip": (1e-9, math.inf),
}
"""Field to its least and its largest value."""


@dataclass(frozen=True)
class Recipe:
    """What every training run sets.

    Attributes:
        name: of the recipe.
        epochs: passes over the training split.
        batch: images per optimizer step.
        learning_rate: peak, after the warm-up.
        weight_decay: of convolution weights (not of biases and norms).
        warmup: share of all steps in which the learning rate rises; then the schedule rules.
        ema: decay per step of the moving average of the weights that is evaluated and kept; 0 for the weights as
            they are.
        clip: largest gradient norm.
        precision: "auto" (bfloat16 where the processor has it), "bfloat16" or "float32".
        validate_every: epochs between two looks at the validation split; the last epoch is always looked at.
        optimizer: "adamw" (decoupled weight decay), "adam" (weight decay as an L2 penalty) or "sgd" (Nesterov,
            momentum 0.9, L2 penalty).
        schedule: after the warm-up: "cosine" (to a thousandth) or "constant".
        patience: epochs without a better validation figure after which training stops; 0 for never.
        init: checkpoint whose weights training starts from, where names and shapes agree; empty for none.
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
    optimizer: str = "adamw"
    schedule: str = "cosine"
    patience: int = 0
    init: str = ""

    def __post_init__(self) -> None:
        for field, known in CHOICES.items():
            value = getattr(self, field, known[0])
            if value not in known:
                raise MienError(f"{field} is {value!r}; choose one of {', '.join(known)}")
        for field, (least, most) in _RANGES.items():
            value = getattr(self, field, None)
            if value is not None and not least <= value <= most:
                end = f" to {most:g}" if math.isfinite(most) else " or more"
                raise MienError(f"{field} is {value:g}; give {least:g}{end}")
        for field in ("widths", "hidden", "blocks"):
            if any(value < 1 for value in getattr(self, field, ())):
                raise MienError(f"{field} is {getattr(self, field)}; give whole numbers of 1 or more")


@dataclass(frozen=True)
class EmotionRecipe(Recipe):
    """An emotion classifier of 48×48 faces.

    Attributes:
        architecture: "residual", "plain", "blocks", "xception" or "two-stage"; see `mien_train.networks.registry`.
        widths: channels of the stages.
        blocks: residual blocks of each stage ("residual").
        hidden: units of the dense layers before the classifier ("plain", "blocks", "two-stage").
        pool: "max" or "average" ("plain", "two-stage").
        activation: "relu" or "elu" ("plain", "two-stage").
        norm: batch normalisation after each convolution ("plain", "two-stage").
        dropout: probability of dropping a value; where, the network says.
        mixup: largest share of a second image mixed into an image (0 for none).
        labels: "ferplus" (shares of FER+'s votes), "majority" (FER+, strict), "fer2013" (seven classes), "sixclass"
            (FER2013 without disgust) or "folders" (a user's own; chosen by itself when the data are class folders).
        partition: of FER2013: "usage" (Training, PublicTest to validate, PrivateTest to test), "swapped" (PrivateTest
            validates) or "holdout" (a share of Training validates; both test parts test).
        holdout: that share, of each class.
        augmentation: "strong", "light" or "none"; see `mien_train.emotion.augment.KINDS`.
        augmented: share of training images that are augmented at all.
        sharpen: share of training images that are sharpened.
        half_face: share of training images of which one half, left or right, is painted over.
        crops: "direct" (images as they are) or "detector" (cut by the detector's landmarks, as the kiosk cuts them).
        imbalance: "none", "weights" (the loss counts rare classes more) or "sampler" (equal counts per class).
        label_smoothing: share of each target that is spread over all classes.
        exclude: CSV of training rows to leave out, of `mien_train clean`; empty for none.
    """

    architecture: str = "residual"
    widths: tuple[int, ...] = (16, 32, 64, 128)
    blocks: tuple[int, ...] = (1, 1, 1, 1)
    hidden: tuple[int, ...] = ()
    pool: str = "max"
    activation: str = "relu"
    norm: bool = False
    dropout: float = 0.2
    mixup: float = 0.0
    labels: str = "ferplus"
    partition: str = "usage"
    holdout: float = 0.1
    augmentation: str = "strong"
    augmented: float = 1.0
    sharpen: float = 0.0
    half_face: float = 0.0
    crops: str = "direct"
    imbalance: str = "none"
    label_smoothing: float = 0.0
    exclude: str = ""

    @property
    def usual(self) -> bool:
        """Whether FER+'s strict validation split is what the recipe selects on."""
        return self.labels in ("ferplus", "majority") and self.partition == "usage" and self.crops == "direct"

    def __post_init__(self) -> None:
        super().__post_init__()
        if not self.widths:
            raise MienError("widths is empty; give the channels of one stage at least")


@dataclass(frozen=True)
class FaceRecipe(Recipe):
    """A face detector on photographs with boxes and landmarks.

    Attributes:
        height, width: of the network's input, pixels, multiples of 32.
        stem: channels at strides 2 and 4.
        channels: channels at strides 8, 16 and 32.
        blocks: separable blocks at strides 8, 16 and 32.
        mosaic: share of training pictures made of four photographs.
        tiles: share of the other pictures that show as much of a photograph as a tile of a camera's frame shows.
        negatives: share of training pictures taken from face-free photographs.
        box_weight, landmark_weight: of the losses, beside the score's 1.
    """

    height: int = 256
    width: int = 320
    stem: tuple[int, int] = (12, 16)
    channels: int = 64
    blocks: tuple[int, int, int] = (2, 2, 2)
    mosaic: float = 0.4
    tiles: float = 0.0
    negatives: float = 0.1
    box_weight: float = 2.0
    landmark_weight: float = 1.0


R = TypeVar("R", bound=Recipe)


def chosen(table: Mapping[str, R], name: str, settings: Sequence[str] = ()) -> R:
    """A recipe by name, with `field=value` settings applied.

    Raises:
        MienError: unknown recipe or field (the nearest valid one is named), or a value of the wrong type.
    """
    if name not in table:
        raise MienError(f"unknown recipe {name!r}; {nearest(name, table)}")
    recipe = table[name]
    fields = {f.name: getattr(recipe, f.name) for f in dataclasses.fields(recipe) if f.name != "name"}
    for setting in settings:
        field, separator, text = setting.partition("=")
        if not separator:
            raise MienError(f"--set {setting!r}: expected name=value, such as epochs=10")
        if field not in fields:
            raise MienError(f"recipe {name} has no field {field!r}; {nearest(field, fields)}")
        recipe = dataclasses.replace(recipe, **{field: _parsed(field, text, fields[field])})
    return recipe


def recipe_of(task: str, stored: Mapping[str, Any]) -> Recipe:
    """The recipe that a checkpoint or a sidecar keeps as a mapping; fields it does not know yet keep their defaults.

    Raises:
        MienError: another version's recipe.
    """
    kinds: dict[str, Callable[..., Recipe]] = {"emotion": EmotionRecipe, "face": FaceRecipe}
    try:
        return kinds[task](**{k: tuple(v) if isinstance(v, list) else v for k, v in stored.items()})
    except (KeyError, TypeError) as error:
        raise MienError(f"the checkpoint's recipe is not one of this version ({error}); train again") from None


def nearest(word: str, known: Mapping[str, Any]) -> str:
    """A hint at the entry that an unknown word may have meant, or at all of them."""
    close = difflib.get_close_matches(word, known, n=1)
    return f"did you mean {close[0]!r}?" if close else f"known are {', '.join(known)}"


def _parsed(field: str, text: str, example: Any) -> Any:
    if isinstance(example, str):
        return text
    try:
        if isinstance(example, bool):
            return {"true": True, "false": False}[text.lower()]
        value = json.loads(f"[{text}]" if isinstance(example, tuple) else text)
        if isinstance(example, tuple):
            return tuple(_same_kind(v, example[0] if example else 0) for v in value)
        return _same_kind(value, example)
    except (ValueError, TypeError, KeyError):
        raise MienError(f"--set {field}={text}: expected a value like {example!r}") from None


def _same_kind(value: Any, example: Any) -> Any:
    if isinstance(value, bool) or not math.isfinite(value) or (isinstance(example, int) and value != int(value)):
        raise ValueError
    return type(example)(value)
