"""What every recipe sets, whatever is trained."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Annotated, Literal

from mien_train.recipes import values
from mien_train.recipes.values import Count, Positive, Share, Span, Weight

Precision = Literal["auto", "bfloat16", "float32"]
Optimizer = Literal["adamw", "adam", "sgd"]
Schedule = Literal["cosine", "constant"]


@dataclass(frozen=True)
class Recipe:
    """What every training run sets. A value that a field cannot hold is refused when the recipe is made.

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
        optimizer: "adamw" (decoupled weight decay), "adam" (weight decay as an L2 penalty) or "sgd" (Nesterov
            momentum, L2 penalty).
        momentum: of "sgd".
        schedule: after the warm-up: "cosine" (down to `last_rate`) or "constant".
        last_rate: share of the peak learning rate at which the cosine ends; above 0, so that the last epoch learns.
        patience: epochs without a better validation figure after which training stops; 0 for never.
        init: checkpoint whose weights training starts from, where names and shapes agree; empty for none.

    Raises:
        MienError: a value that its field cannot hold.
    """

    name: str
    epochs: Count
    batch: Count
    learning_rate: Annotated[float, Span(1e-9, 100)]
    weight_decay: Weight
    warmup: Share = 0.08
    ema: Share = 0.999
    clip: Positive = 5.0
    precision: Precision = "auto"
    validate_every: Count = 1
    optimizer: Optimizer = "adamw"
    momentum: Share = 0.9
    schedule: Schedule = "cosine"
    last_rate: Share = 1e-3
    patience: Annotated[int, Span(0)] = 0
    init: str = ""

    def __post_init__(self) -> None:
        for name, hint in values.hints(type(self)).items():
            values.check(name, hint, getattr(self, name))
