"""Ways to read a classifier's outputs: expressions, each with labels, calibration and a threshold of its own."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from mien.errors import MienError
from mien.models.fields import Fields

PERCEIVED = "perceived"
"""What people see in a face: the distribution of FER+'s annotators. The one expression of a model that names none."""

INTENDED = "intended"
"""What a face is meant to show: the label that its picture was searched for by, each label as likely as the others."""

MIXED = "mixed"
"""Both opinions about the labels of the first."""

_MOST_WEIGHT = 100.0
_MOST_OFFSET = 100.0


@dataclass(frozen=True, slots=True)
class Opinion:
    """What one output adds to an expression.

    Attributes:
        output: its number among the model's outputs.
        weight: of its log-probabilities, above 0.
    """

    output: int
    weight: float


@dataclass(frozen=True, slots=True)
class Expression:
    """A way to read a face: label k has the probability softmax((Σ weight · log p(k) + offset(k)) / temperature).

    p is the softmax of an output's logits. A label that an output does not know keeps an even share, 1 / K, whatever
    that output says, and the others share the rest.

    Attributes:
        name: such as "perceived".
        labels: K class names, in the order of the probabilities.
        opinions: of the outputs that have a say, one or more.
        offsets: K numbers, one a label.
        temperature: above 0; calibrates.
        abstain_below: best probability under which the reading is "uncertain", 0 to 1.
    """

    name: str
    labels: tuple[str, ...]
    opinions: tuple[Opinion, ...]
    offsets: tuple[float, ...]
    temperature: float
    abstain_below: float


def alone(labels: tuple[str, ...], fields: Fields) -> Expression:
    """The expression of a model with one output and no more to say than its `temperature` and `abstain_below`.

    Raises:
        MienError: one of these is missing or out of range.
    """
    return Expression(PERCEIVED, labels, (Opinion(0, 1.0),), (0.0,) * len(labels), *_calibration(fields))


def parse(fields: Fields, outputs: Sequence[tuple[str, tuple[str, ...]]]) -> Expression:
    """One entry of a sidecar's `expressions`.

    Args:
        fields: the entry.
        outputs: name and labels of each of the model's outputs.

    Raises:
        MienError: a value is missing or out of range, an output is unknown, or a label is known to none.
    """
    labels = fields.texts("labels")
    names = [name for name, _ in outputs]
    weights = fields.part("weights")
    if not weights.values or not set(weights.values) <= set(names):
        raise fields.wrong("weights", f"an object of weights by output ({', '.join(names)})")
    opinions = tuple(Opinion(names.index(name), weights.number(name, 1e-6, _MOST_WEIGHT)) for name in weights.values)
    offsets = fields.numbers("offsets", -_MOST_OFFSET, _MOST_OFFSET)
    if len(offsets) != len(labels):
        raise fields.wrong("offsets", f"{len(labels)} numbers, one a label")
    known = {label for opinion in opinions for label in outputs[opinion.output][1]}
    if strange := [label for label in labels if label not in known]:
        raise MienError(f"{fields.place}: no output that has a say knows {', '.join(strange)}; {fields.remedy}")
    return Expression(fields.text("name"), labels, opinions, offsets, *_calibration(fields))


def _calibration(fields: Fields) -> tuple[float, float]:
    return fields.number("temperature", 1e-3, 1e3), fields.number("abstain_below", 0, 1)
