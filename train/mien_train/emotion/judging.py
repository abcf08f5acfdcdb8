"""`quality` on a model file: fit on validation faces in scenes, judge, and keep what was fitted with the model."""

from __future__ import annotations

import dataclasses
import json
from pathlib import Path
from typing import Any

import numpy as np
import torch

from mien.errors import MienError
from mien.faces.detector import FaceDetector
from mien.models import bundle, crop_quality
from mien.models.crop_quality import CropQuality
from mien.models.fields import Fields
from mien_train import evaluation
from mien_train.data import emotion_data, files
from mien_train.emotion import heads, quality, scenes, spoiled
from mien_train.emotion.outputs import spoken
from mien_train.emotion.quality import Read
from mien_train.model_file import task_of
from mien_train.training import checkpoint

_SEED = 0
"""Of scenes and of what is done to faces: every model is fitted on the same frames."""


def measure(model: Path, data: Path, detector: str = "face-base") -> tuple[CropQuality, dict[str, Any]]:
    """Fit a classifier's settings of quality on the validation split, and judge them.

    Args:
        model: .pt checkpoint of a finished run, or .onnx / .tflite with its sidecar beside it.
        data: data folder, with the model's own images and with photographs without faces.
        detector: name of a bundled detector, or path of a sidecar.

    Returns:
        The settings, and their figures as JSON types.

    Raises:
        MienError: the model or the data cannot be used, or hardly any face was found.
    """
    if (task := task_of(model)) != "emotion":
        raise MienError(f"{model}: is a model for {task!r}; the quality of crops is a classifier's")
    scenery = scenes.backgrounds(data)
    split = emotion_data.open_data(evaluation.recipe(model), data).contested
    with FaceDetector(detector) as finder:
        seen = spoiled.look(finder, evaluation.template(model), split.images, scenery, _SEED)
    said = spoken(model, seen.crops)
    chosen = heads.find(said.expressions, None, model)
    known = np.array([name in chosen.labels for name in split.names])[split.labels][seen.rows]
    # Of a mixture of labels those are judged that the model has a word for.
    number = np.array([chosen.labels.index(name) if name in chosen.labels else -1 for name in split.names])
    probabilities = (torch.from_numpy(said.read(chosen)) / chosen.temperature).softmax(dim=1).numpy()
    read = Read(
        tuple(face for face, keep in zip(seen.faces, known.tolist(), strict=True) if keep),
        seen.crops[known],
        probabilities[known],
        number[split.labels][seen.rows][known],
        seen.rows[known],
        seen.kinds[known],
    )
    least = quality.LEAST_FACES
    if min((read.kinds == 0).sum(), (read.kinds > 0).sum()) < least:
        raise MienError(
            f"{detector} found {(read.kinds == 0).sum()} clean and {(read.kinds > 0).sum()} spoiled faces of "
            f"{len(split.labels)}; the fit takes {least} of each: give more validation images, or a better detector"
        )
    settings = quality.fitted(read)
    return settings, {
        "model": model.name,
        "sha256": bundle.sha256(model),
        **_run(model),
        "expression": chosen.name,
        "split": "val",
        "images": len(split.labels),
        "detector": detector,
        "detector_sha256": bundle.sha256(bundle.load(detector).artefact("tflite")),
        "scenes": len(scenery),
        "seed": _SEED,
        "abstain_below": chosen.abstain_below,
        "settings": quality.document(settings),
        **quality.judged(read, spoiled.KINDS, chosen.abstain_below),
        "made_with": evaluation.made_with(),
    }


def _run(model: Path) -> dict[str, Any]:
    """Which run a checkpoint is of, and who taught it."""
    if model.suffix != ".pt":
        return {}
    stored = checkpoint.finished(model)
    return {
        "run": {
            "recipe": stored.recipe["name"],
            "seed": stored.seed,
            "epochs": stored.epoch,
            "teachers": stored.metrics.get("teachers", {}),
        }
    }


def keep(model: Path, settings: CropQuality) -> Path:
    """Write the settings into a checkpoint, or into the sidecar of an exported model.

    Returns:
        The file that was written.

    Raises:
        MienError: it cannot be written.
    """
    found = quality.document(settings)
    if model.suffix == ".pt":
        stored = checkpoint.finished(model)
        checkpoint.save(dataclasses.replace(stored, metrics={**stored.metrics, "quality": found}), model)
        return model
    path = bundle.load(model).path
    document = {**bundle.load(model).sidecar.document, "quality": found}
    crop_quality.parse(Fields(found, str(path), "fit it again"))
    files.write_text(path, json.dumps(document, indent=2, ensure_ascii=False, allow_nan=False) + "\n")
    return path
