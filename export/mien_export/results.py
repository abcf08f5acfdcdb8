"""`results`: the figures of a bundled model on the held-out data, as the JSON that the README quotes."""

from __future__ import annotations

import datetime
from pathlib import Path

from mien import machine
from mien.models import bundle
from mien.models.bundle import Bundle
from mien_export import files
from mien_train.evaluation import evaluate, recipe
from mien_train.networks import registry

FOLDER = Path("docs/results")

_EMOTION = (("val", "strict"), ("test", "strict"), ("test", "loose"), ("test", "fer2013"))
"""Splits and protocols of a model of FER+'s emotions; the test split only ever reports."""
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
    looks: tuple[tuple[str, str], ...] = (("val", ""),)
    if model.task == "emotion":
        looks = _EMOTION if recipe(model.artefact("tflite")).usual else _OWN
    evaluations = [
        {"artefact": kind, **evaluate(model.artefact(kind), data, split, protocol)}
        for kind in model.sidecar.files
        for split, protocol in looks
    ]
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
        "hardware": machine.facts(),
    }


def write(model: str, data: Path, out: Path | None = None) -> Path:
    """Measure a bundled model, write docs/results/NAME.json (`detector.json` for the base detector).

    Raises:
        MienError: the model, the data or the folder cannot be used.
    """
    found = bundle.load(model)
    path = out or FOLDER / ("detector.json" if found.name == "face-base" else f"{found.name}.json")
    result = measure(found, data, f"python -m mien_export results {model}")
    files.write_json(path, result)
    return path
