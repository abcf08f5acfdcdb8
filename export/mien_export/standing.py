"""Whether a new model may take its place: good enough by itself, and not clearly worse than the one it replaces."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

from mien.errors import MienError
from mien.models import bundle
from mien.models.contract import Sidecar
from mien.models.expression import PERCEIVED
from mien_export.proof.check import Check
from mien_train.emotion.expressions import ALLOWED_LOSS

MARGIN = 0.02
"""How much lower a model's figure may be than that of the model it replaces. Runs of one recipe with other seeds differ
by less than half of that."""

SLACK = 0.003
"""How much more accuracy the default reading may lose in int8 than it was allowed when it was chosen in float: what
rounding moves, at some 3,000 images."""

LEAST_AP = 0.5
"""Average precision below which a detector is put nowhere."""

RULE = (
    f"A detector needs an average precision of {LEAST_AP:g} at least, a classifier must be right more often than one "
    f"that always names the commonest class; and where a model of the same name, measured on the same validation data, "
    f"stands in DIR, the new one may be no more than {MARGIN:g} below it. What a classifier of two heads shows by "
    "default must find more of all classes than its first head, at little accuracy lost."
)
"""What `judged` asks of a model, for people."""

_FIGURE = {"emotion": "accuracy", "face": "ap50"}
_SAME = ("split", "protocol", "n", "faces", "face_free", "smallest")
"""What two evaluations have in common if they looked at the same pictures in the same way."""


def judged(new: Sidecar, place: Path) -> list[Check]:
    """Judge a model by `RULE`.

    Args:
        new: sidecar of the model, with its metrics.
        place: where its sidecar is to stand; a model may stand there already.

    Returns:
        Two checks, "good enough" and "no worse than what it replaces"; a third of a classifier of two heads.
    """
    figure = _FIGURE[new.task]
    entry = _validated(new)
    value = _number(entry.get(figure))
    return [_enough(new), _replacing(new, entry, figure, value, place), *_shown(new)]


def _shown(new: Sidecar) -> list[Check]:
    """Whether what the runtime shows by default is, rounded to int8, still worth what it was chosen for."""
    choices = new.document.get("choices")
    found = choices.get("int8") if isinstance(choices, Mapping) else None
    if not isinstance(found, Mapping):
        return []
    own, plain = (found[name] for name in (new.expressions[0].name, PERCEIVED))
    lost = plain["strict"]["accuracy"] - own["strict"]["accuracy"]
    detail = (
        f"{new.expressions[0].name}: mean of all class recalls {own['mean_recall']:.3f}, {plain['mean_recall']:.3f} of "
        f"what is {PERCEIVED}; strict accuracy lost {lost:.3f}, {ALLOWED_LOSS + SLACK:g} is allowed"
    )
    good = lost <= ALLOWED_LOSS + SLACK and own["mean_recall"] >= plain["mean_recall"]
    return [Check("the default reading is worth it in int8", good, detail)]


def _enough(new: Sidecar) -> Check:
    name, figure, entry = "good enough", _FIGURE[new.task], _validated(new)
    value = _number(entry.get(figure))
    if value is None:
        return Check(name, False, f"{new.name} has no {figure} on validation pictures; give data that has some")
    if new.task == "face":
        return Check(name, value >= LEAST_AP, f"{figure} of {new.name} is {value:.3f}, at least {LEAST_AP:g} is needed")
    chance = _commonest(entry, len(new.labels))
    detail = f"accuracy of {new.name} is {value:.3f}, always naming the commonest class gives {chance:.3f}"
    return Check(name, value > chance, detail)


def _replacing(new: Sidecar, entry: Mapping[str, object], figure: str, value: float | None, place: Path) -> Check:
    name = "no worse than what it replaces"
    try:
        old = bundle.load(place).sidecar
    except MienError:
        return Check(name, None, "no readable model stands there")
    if old.task != new.task:
        return Check(
            name, False, f"{old.name} there is a model for {old.task!r}, not {new.task!r}; give another --name"
        )
    before = _validated(old)
    known = _number(before.get(figure))
    same = all(before.get(key) == entry.get(key) for key in _SAME)
    if not same or known is None or value is None or old.training.data_sha256 != new.training.data_sha256:
        return Check(name, None, f"{old.name} there was measured on other data")
    detail = f"{figure} {value:.3f}, {known:.3f} of the {old.name} that stands there, {MARGIN:g} less is allowed"
    return Check(name, value >= known - MARGIN, detail)


def _validated(sidecar: Sidecar) -> Mapping[str, object]:
    """The metrics of the TFLite file on the validation split; empty where there are none."""
    metrics = sidecar.document.get("metrics")
    for entry in metrics if isinstance(metrics, list) else []:
        if isinstance(entry, Mapping) and entry.get("split") == "val" and str(entry.get("model")).endswith(".tflite"):
            return entry
    return {}


def _commonest(entry: Mapping[str, object], labels: int) -> float:
    """Share of the commonest class among the pictures, else what guessing gives."""
    rows = entry.get("per_class")
    counts = [_number(row.get("support")) or 0.0 for row in rows.values()] if isinstance(rows, Mapping) else []
    return max(counts) / sum(counts) if sum(counts) else 1 / labels


def _number(value: object) -> float | None:
    return float(value) if isinstance(value, int | float) and value == value else None
