"""`results`: the figures of a bundled model on the held-out data, as the JSON that the README quotes."""

from __future__ import annotations

import datetime
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from mien import machine
from mien.errors import MienError
from mien.models import bundle
from mien.models.bundle import Bundle
from mien.models.expression import INTENDED, PERCEIVED
from mien_export import files
from mien_train.data.fer_csv import FER2013
from mien_train.evaluation import evaluate, recipe
from mien_train.networks import registry

FOLDER = Path("docs/results")

_EMOTION = (("val", "strict"), ("test", "strict"), ("test", "loose"), ("test", "fer2013"))
"""Splits and protocols of a model of FER+'s emotions; the test split only ever reports."""
_SEVEN = (("val", "fer2013"), ("test", "fer2013"))
"""Of a reading of FER2013's own labels."""
_OWN = (("val", "own"), ("test", "own"))


def measure(model: Bundle, data: Path, command: str) -> dict[str, object]:
    """Evaluate both artefacts of a bundle.

    Args:
        model: whose files lie beside its sidecar.
        data: data folder.
        command: that makes this result.

    Returns:
        JSON types: what the model is, what it costs, how it was made, and one entry an evaluation.
    """
    evaluations = [
        {"artefact": kind, **_evaluated(model.artefact(kind), data, *look)}
        for kind in model.sidecar.files
        for look in _looks(model)
    ]
    choices = model.sidecar.document.get("choices")
    parameters, macs = registry.count(registry.build(model.sidecar.training.network).eval(), model.height, model.width)
    return {
        "command": command,
        "date": datetime.date.today().isoformat(),
        "model": model.name,
        "parameters": parameters,
        "macs": macs,
        "files": model.sidecar.document["files"],
        "parity": model.sidecar.document["parity"],
        "training": model.sidecar.document["training"],
        "calibration": model.sidecar.document["calibration"],
        "evaluations": evaluations,
        **({"choices": choices} if choices else {}),
        "hardware": machine.facts(),
    }


def _evaluated(artefact: Path, data: Path, split: str, protocol: str, expression: str) -> Mapping[str, object]:
    told: dict[str, Any] = {"expression": expression} if expression else {}
    if artefact.suffix == ".tflite" and (split, protocol) == ("test", "strict"):
        told |= {"robust": True, "full": True}  # both artefacts give the same outputs: one of them is enough
    return evaluate(artefact, data, split, protocol, **told)


def _looks(model: Bundle) -> list[tuple[str, str, str]]:
    """Split, protocol, and the expression to take where the model has several, else an empty one."""
    if model.task != "emotion":
        return [("val", "", "")]
    if not recipe(model.artefact("tflite")).usual:
        return [(*look, "") for look in _OWN]
    own, *others = model.expressions
    if not others:
        return [(*look, "") for look in (_SEVEN if set(own.labels) == set(FER2013) else _EMOTION)]
    # What people see stands for the model; what the runtime shows is judged by the same labels, if it is another.
    by = {PERCEIVED: _EMOTION, own.name: _EMOTION, INTENDED: _SEVEN}
    return [(*look, name) for name, looks in by.items() for look in looks]


def write(model: str, data: Path, out: Path | None = None) -> Path:
    """Measure a bundled model, write docs/results/NAME.json (`detector.json` for the base detector).

    Raises:
        MienError: the model, the data or the folder cannot be used.
    """
    found = bundle.load(model)
    if out is None and found.path.parent.resolve() != bundle.MODELS.resolve():
        raise MienError(f"{model}: is none of the bundled models, whose figures stand in {FOLDER}; give --out FILE")
    missing = [key for key in ("parity", "training", "calibration") if key not in found.sidecar.document]
    if missing:
        raise MienError(f"{model}: its sidecar lacks {', '.join(missing)}; export it again")
    path = out or FOLDER / ("detector.json" if found.name == "face-base" else f"{found.name}.json")
    files.writable(path)
    result = measure(found, data, f"python -m mien_export results {model}")
    files.write_json(path, result)
    return path
