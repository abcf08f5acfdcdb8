"""One line of the comparison: a system that was measured, or one whose training, export or measurement failed."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from mien.models.fields import Fields
from mien_train.study.contestants import CONTESTANTS

FIGURES = ("accuracy", "weighted_precision", "weighted_recall", "weighted_f1")
"""What a system's author may have published."""

_REMEDY = "remove the file, or run `compare` without --recipes"


@dataclass(frozen=True, slots=True)
class Measured:
    """Figures of a system; accuracies and the like are shares of 1.

    Attributes:
        recipe: the contestant's name.
        protocol: what `accuracy` to `macro_f1` are measured on, in words.
        published: figure to its published value, or None.
        accuracy, weighted_precision, weighted_recall, weighted_f1, macro_f1: of the float network.
        n: test images.
        met: published figure to whether ours is as high, or None.
        strict_accuracy, loose_accuracy: under FER+'s protocols; None where those images chose the epoch.
        int8_accuracy: of the TFLite model on the images of `protocol`; None where int8 cannot hold the network.
        parameters, macs: of the network, one image.
        int8_bytes: of the TFLite model, or None.
        latency_ratio: one int8 inference as a multiple of ours; None until it is measured, or without an int8 model.
        latency_beside: first digits of the SHA-256 of the model of ours that it was measured beside; None if not known.
        remark: what there is to say.
        per_class: figures by class.
        confusion: images by true (rows) and predicted class.
        seed, epochs, best_epoch: of the training.
        seconds: that it took; None for ours.
        settings: the recipe, as JSON.
        made_with: versions and processor.
        command: that measured it.
    """

    recipe: str
    protocol: str
    published: Mapping[str, float] | None
    accuracy: float
    weighted_precision: float
    weighted_recall: float
    weighted_f1: float
    macro_f1: float
    n: int
    met: Mapping[str, bool] | None
    strict_accuracy: float | None
    loose_accuracy: float | None
    int8_accuracy: float | None
    parameters: int
    macs: int
    int8_bytes: int | None
    latency_ratio: float | None
    latency_beside: str | None
    remark: str
    per_class: Mapping[str, object]
    confusion: Sequence[Sequence[int]]
    seed: int
    epochs: int
    best_epoch: int
    seconds: float | None
    settings: Mapping[str, object]
    made_with: Mapping[str, object]
    command: str

    def figure(self, name: str) -> float:
        """A figure by the name that `published` gives it."""
        figures = (self.accuracy, self.weighted_precision, self.weighted_recall, self.weighted_f1)
        return dict(zip(FIGURES, figures, strict=True))[name]


@dataclass(frozen=True, slots=True)
class Failed:
    """A system without figures.

    Attributes:
        recipe, protocol, published, remark, seed, settings, command: as in `Measured`.
        error: why there are none, one line.
    """

    recipe: str
    protocol: str
    published: Mapping[str, float] | None
    error: str
    remark: str
    seed: int
    settings: Mapping[str, object]
    command: str


Row = Measured | Failed
Epochs = Sequence[Mapping[str, float]]
"""A run's history: one mapping of figures an epoch."""


def document(rows: Sequence[Row]) -> list[dict[str, object]]:
    """JSON types, as compare.json holds them."""
    return [dataclasses.asdict(row) for row in rows]


def parsed(found: object, place: str) -> list[Row]:
    """The rows of a compare.json.

    Args:
        found: decoded JSON.
        place: of it, for errors.

    Raises:
        MienError: it is no list of rows.
    """
    rows = Fields({"rows": found}, place, _REMEDY)
    return [] if found == [] else [_row(fields) for fields in rows.parts("rows")]


def in_order(rows: Sequence[Row]) -> list[Row]:
    """Rows in the contestants' order; rows of systems that are none any more are left out."""
    by_name = {row.recipe: row for row in rows}
    return [by_name[c.name] for c in CONTESTANTS if c.name in by_name]


def _row(fields: Fields) -> Row:
    name, protocol, seed = fields.text("recipe"), fields.text("protocol"), fields.integer("seed", 0, 1 << 62)
    remark, command = str(fields.values.get("remark") or ""), str(fields.values.get("command") or "")
    settings = fields.part("settings").values
    published = _shares(fields, "published")
    if "error" in fields.values:
        return Failed(name, protocol, published, fields.text("error"), remark, seed, settings, command)
    met = fields.values.get("met")
    return Measured(
        recipe=name,
        protocol=protocol,
        published=published,
        accuracy=fields.number("accuracy", 0, 1),
        weighted_precision=fields.number("weighted_precision", 0, 1),
        weighted_recall=fields.number("weighted_recall", 0, 1),
        weighted_f1=fields.number("weighted_f1", 0, 1),
        macro_f1=fields.number("macro_f1", 0, 1),
        n=fields.integer("n", 0, 1 << 40),
        met={key: bool(value) for key, value in met.items()} if isinstance(met, Mapping) else None,
        strict_accuracy=_optional(fields, "strict_accuracy", 1),
        loose_accuracy=_optional(fields, "loose_accuracy", 1),
        int8_accuracy=_optional(fields, "int8_accuracy", 1),
        parameters=fields.integer("parameters", 0, 1 << 40),
        macs=fields.integer("macs", 0, 1 << 50),
        int8_bytes=None if fields.values.get("int8_bytes") is None else fields.integer("int8_bytes", 0, 1 << 40),
        latency_ratio=_optional(fields, "latency_ratio", 1e6),
        latency_beside=None if fields.values.get("latency_beside") is None else fields.text("latency_beside"),
        remark=remark,
        per_class=fields.part("per_class").values,
        confusion=_table(fields, "confusion"),
        seed=seed,
        epochs=fields.integer("epochs", 0, 1 << 31),
        best_epoch=fields.integer("best_epoch", 0, 1 << 31),
        seconds=_optional(fields, "seconds", 1e9),
        settings=settings,
        made_with=fields.part("made_with").values,
        command=command,
    )


def _optional(fields: Fields, key: str, most: float) -> float | None:
    return None if fields.values.get(key) is None else fields.number(key, 0, most)


def _shares(fields: Fields, key: str) -> Mapping[str, float] | None:
    if fields.values.get(key) is None:
        return None
    part = fields.part(key)
    if unknown := [name for name in part.values if name not in FIGURES]:
        raise part.wrong(unknown[0], f"one of {', '.join(FIGURES)}")
    return {name: part.number(name, 0, 1) for name in part.values}


def _table(fields: Fields, key: str) -> Sequence[Sequence[int]]:
    table = fields.values.get(key)
    if not isinstance(table, list) or not all(isinstance(row, list) for row in table):
        raise fields.wrong(key, "a table of counts")
    return table
