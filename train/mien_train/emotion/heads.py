"""A classifier's heads, each an opinion of its own, and the expressions that are read out of them."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from mien.emotions.mixture import Mixture
from mien.errors import MienError
from mien.models import expression
from mien.models.expression import INTENDED, PERCEIVED, Expression
from mien.models.fields import Fields
from mien_train.data.fer_csv import FER2013
from mien_train.training.checkpoint import Checkpoint

Heads = Mapping[str, tuple[str, ...]]
"""Name of each head to its labels, in the order of the outputs."""

ONE = "logits"
"""Name of a sole head."""

_REMEDY = "choose them with `python -m mien_train decide RUN`"


@dataclass(frozen=True, slots=True, eq=False)
class Spoken:
    """What a model says of some images.

    Attributes:
        outputs: logits of each head, float32 (n, K of that head).
        heads: their names and labels.
        expressions: how they may be read, the model's own choice first.
    """

    outputs: tuple[NDArray[np.float32], ...]
    heads: Heads
    expressions: tuple[Expression, ...]

    def read(self, chosen: Expression) -> NDArray[np.float32]:
        """Logits of an expression before its temperature, float32 (n, K)."""
        return Mixture(chosen, list(self.heads.values())).logits(self.outputs)


def of(stored: Checkpoint) -> Heads:
    """The heads of a checkpoint's network."""
    if stored.network.get("classes", len(stored.labels)) == len(stored.labels):
        return {ONE: stored.labels}
    return {PERCEIVED: stored.labels, INTENDED: FER2013}


def parted(logits: NDArray[np.float32], heads: Heads) -> tuple[NDArray[np.float32], ...]:
    """A network's outputs, float32 (n, K of all heads together), head by head."""
    ends = np.cumsum([len(labels) for labels in heads.values()])
    return tuple(np.split(logits, ends[:-1], axis=1))


def expressions(stored: Checkpoint) -> tuple[Expression, ...]:
    """How a finished run's network may be read, its own choice first.

    Raises:
        MienError: that was not chosen yet.
    """
    heads, place = of(stored), "the checkpoint's metrics"
    fields = Fields(stored.metrics, place, _REMEDY)
    if len(heads) == 1 and "expressions" not in stored.metrics:
        return (expression.alone(stored.labels, fields.part("decision")),)
    return tuple(expression.parse(part, list(heads.items())) for part in fields.parts("expressions"))


def document(chosen: Expression, heads: Heads) -> dict[str, Any]:
    """An expression as checkpoints and sidecars keep it."""
    names = list(heads)
    return {
        "name": chosen.name,
        "labels": list(chosen.labels),
        "weights": {names[opinion.output]: opinion.weight for opinion in chosen.opinions},
        "offsets": list(chosen.offsets),
        "temperature": chosen.temperature,
        "abstain_below": chosen.abstain_below,
    }


def find(among: tuple[Expression, ...], name: str | None, model: Path) -> Expression:
    """One of a model's expressions; None for what FER+'s labels judge: what people see, or else the first.

    Raises:
        MienError: there is no such expression.
    """
    if name is None:
        return next((one for one in among if one.name == PERCEIVED), among[0])
    for one in among:
        if one.name == name:
            return one
    raise MienError(f"{model}: has no expression {name!r}; choose {', '.join(one.name for one in among)}")
