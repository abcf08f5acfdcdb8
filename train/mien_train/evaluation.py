"""`evaluate`: the figures of a checkpoint, an ONNX or a TFLite file on a held-out split."""

from __future__ import annotations

import datetime
import json
import math
import platform
from collections.abc import Callable
from importlib.metadata import version
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from mien.errors import MienError
from mien.faces.detector import FaceDetector
from mien.models import bundle
from mien.models.expression import Expression
from mien_train.data import emotion_data, faces, fer
from mien_train.data.fer_csv import FER2013
from mien_train.emotion import full_path, heads, robustness, scenes
from mien_train.emotion.classification import Scores, scores
from mien_train.emotion.confidence import ABSTAINED, errors_abstained, expected_calibration_error
from mien_train.emotion.heads import Spoken
from mien_train.emotion.outputs import expressions, spoken
from mien_train.face.evaluation import evaluate_detectors
from mien_train.model_file import task_of
from mien_train.recipes import choosing
from mien_train.recipes.emotion import EmotionRecipe
from mien_train.training import checkpoint

TEST_LOG = Path("docs/results/test-log.jsonl")
"""Every look at FER2013's test images that is taken in this project's folder leaves a line here, so that it shows how
often they were looked at."""

DETECTOR = "face-base"
"""Finds the faces of the full path, if no other is named."""


def evaluate(
    model: Path,
    data: Path,
    split: str,
    protocol: str | None = None,
    log: Path | None = None,
    robust: bool = False,
    full: bool = False,
    expression: str | None = None,
    each: bool = False,
    detector: str = DETECTOR,
) -> dict[str, Any]:
    """Figures of one model file.

    Args:
        model: .pt checkpoint, or .onnx / .tflite with its sidecar beside it.
        data: data folder.
        split: "train", "val" or "test" (photographs with faces have no "test").
        protocol: "strict", "loose" or "fer2013" for emotions, "own" for the labels and the partition that the model's
            recipe names (class folders know no other), or None for what the model was trained for and the expression
            is about; not looked at for faces.
        log: gets a line if the split is "test". None: `TEST_LOG` does, if its folder is here and the data are FER's.
        robust: also read the images of a classifier under each of `robustness.CHANGES`.
        full: also set them into scenes, where a detector has to find them.
        expression: the way in which a classifier is read; None for "perceived" if it has that, else its own choice.
        each: also say of every image of a classifier, in the split's order, whether it was read rightly: "right".
        detector: which one finds them: a bundled model's name, or the path of a sidecar.

    Raises:
        MienError: unreadable model or data, or an unknown split, protocol or expression.
    """
    kind = task_of(model)
    if (robust or full) and kind != "emotion":
        wanted = "--robustness" if robust else "--full-path"
        raise MienError(f"{model}: {wanted} is for emotion models; a detector's figures come from `conditions`")
    if kind == "face":
        photos = faces.load(data, split)
        by_hand = any(np.isfinite(photo.drawn).any() for photo in photos.photos)
        found = evaluate_detectors(model, photos, faces.load(data, "train") if by_hand else photos)
    else:
        chosen = heads.find(expressions(model), expression, model)
        images, used = _protocol(recipe(model), chosen, data, split, protocol)
        scenery = scenes.backgrounds(data) if full else ()
        found = _emotion(model, chosen, images, used, each)
        read, what = _reader(model, chosen, images.names), (images.images, images.labels, images.names)
        if robust:
            found["robustness"] = robustness.measure(read, *what)
        if full:
            with FaceDetector(detector) as finder:
                found["full_path"] = {
                    "detector": finder.bundle.name,
                    "detector_sha256": bundle.sha256(finder.bundle.artefact("tflite")),
                    **full_path.measure(read, finder, template(model), *what, scenery),
                }
    head = {"task": kind, "model": model.name, "sha256": bundle.sha256(model), "split": split}
    result = {**head, **found, "made_with": made_with()}
    if split == "test" and (log or (TEST_LOG.parent.is_dir() and _of_fer(model, protocol))):
        log_test(result, log or TEST_LOG)
    return result


def _of_fer(model: Path, protocol: str | None) -> bool:
    """Whether an emotion model is measured on FER2013's images, and not on class folders of a user's own."""
    return task_of(model) == "emotion" and (protocol not in (None, "own") or recipe(model).labels != "folders")


def recipe(model: Path) -> EmotionRecipe:
    """The recipe that an emotion model, a checkpoint or an artefact beside its sidecar, was trained with."""
    pt = model.suffix == ".pt"
    stored = checkpoint.finished(model).recipe if pt else bundle.load(model).sidecar.training.recipe
    found = choosing.recipe_of("emotion", stored)
    assert isinstance(found, EmotionRecipe)
    return found


def _protocol(
    trained: EmotionRecipe, chosen: Expression, data: Path, split: str, protocol: str | None
) -> tuple[fer.Split, str]:
    if protocol is None:
        of_votes = "fer2013" if set(chosen.labels) == set(FER2013) else "strict"
        protocol = of_votes if trained.usual else "own"
    if protocol == "own":
        return emotion_data.split_of(trained, data, split), "own"
    return fer.split(fer.load(data), split, protocol), protocol


def log_test(found: dict[str, Any], path: Path) -> None:
    """Note a look at the test split."""
    path.parent.mkdir(parents=True, exist_ok=True)
    keys = ("task", "model", "sha256", "split", "protocol", "expression", "n", "accuracy", "macro_f1")
    line = {"date": datetime.date.today().isoformat(), **{k: found[k] for k in keys if k in found}}
    with path.open("a", encoding="utf-8") as file:
        file.write(json.dumps(line) + "\n")


def made_with() -> dict[str, str]:
    """Versions and processor behind a figure."""
    packages = ("torch", "onnxruntime", "ai-edge-litert", "numpy", "opencv-python-headless")
    return {"python": platform.python_version(), "machine": platform.machine(), **{p: version(p) for p in packages}}


def emotion_logits(model: Path, images: NDArray[np.uint8]) -> tuple[Tensor, tuple[str, ...], float]:
    """Logits float32 (n, K) of uint8 (n, 48, 48), labels, and the temperature that calibrates them.

    Of several expressions, those of what people see, if the model has that.

    Raises:
        MienError: as `outputs.spoken`.
    """
    said = spoken(model, images)
    chosen = heads.find(said.expressions, None, model)
    return torch.from_numpy(said.read(chosen)), chosen.labels, chosen.temperature


def _emotion(model: Path, chosen: Expression, split: fer.Split, protocol: str, each: bool) -> dict[str, Any]:
    said, labels = spoken(model, split.images), chosen.labels
    missing = [name for name in split.names if name not in labels]
    if len(missing) == len(split.names):
        raise MienError(
            f"{model}: knows {', '.join(labels)}, but protocol {protocol} asks for {', '.join(split.names)}"
        )
    if not len(split.labels):
        raise MienError(f"the data have no images for this split under protocol {protocol}; choose another --split")
    outputs = _of(split.names, torch.from_numpy(said.read(chosen)), labels)
    probabilities, truth = (outputs / chosen.temperature).softmax(dim=1), torch.from_numpy(split.labels)
    picked = outputs.argmax(dim=1).numpy()
    found = scores(picked, split.labels, len(split.names))
    return {
        "protocol": protocol,
        "expression": chosen.name,
        "unknown_labels": missing,
        "n": len(split.labels),
        "accuracy": round(found.accuracy, 5),
        "mean_recall": _mean_recall(found),
        "macro_f1": round(found.macro_f1, 5),
        "weighted_precision": round(found.weighted_precision, 5),
        "weighted_recall": round(found.weighted_recall, 5),
        "weighted_f1": round(found.weighted_f1, 5),
        "ece": round(expected_calibration_error(probabilities, truth), 5),
        **_abstention(probabilities, truth),
        "per_class": {
            name: {
                "precision": round(float(found.precision[k]), 4),
                "recall": round(float(found.recall[k]), 4),
                "f1": round(float(found.f1[k]), 4),
                "support": int(found.support[k]),
            }
            for k, name in enumerate(split.names)
        },
        "confusion": found.confusion.tolist(),
        **({} if chosen == said.expressions[0] else {"default": _by_default(said, split)}),
        **({"right": (picked == split.labels).tolist()} if each else {}),
    }


def _abstention(probabilities: Tensor, labels: Tensor) -> dict[str, Any]:
    """What is gained by saying "uncertain" where the confidence is lowest; nothing where there is no error."""
    errors = errors_abstained(probabilities, labels)
    return {} if math.isnan(errors) else {"abstention": {"share": ABSTAINED, "errors": round(errors, 5)}}


def _by_default(said: Spoken, split: fer.Split) -> dict[str, Any]:
    """What the runtime shows of the same images: figures of the model's own choice of an expression."""
    own = said.expressions[0]
    outputs = _of(split.names, torch.from_numpy(said.read(own)), own.labels)
    found = scores(outputs.argmax(dim=1).numpy(), split.labels, len(split.names))
    return {"expression": own.name, "accuracy": round(found.accuracy, 5), "mean_recall": _mean_recall(found)}


def _mean_recall(found: Scores) -> float:
    """Of the classes that have images."""
    return round(float(found.recall[found.support > 0].mean()), 5)


def _of(names: tuple[str, ...], outputs: Tensor, labels: tuple[str, ...]) -> Tensor:
    """Logits (n, K) of a model's labels as logits of a protocol's names, in their order.

    Labels that the protocol lacks (contempt in FER2013) are not among the choices; labels that the model lacks are
    never chosen, so that their images count as errors.
    """
    never = torch.full((len(outputs), 1), float("-inf"))
    columns = [labels.index(name) if name in labels else len(labels) for name in names]
    return torch.cat([outputs, never], dim=1)[:, columns]


def _reader(
    model: Path, chosen: Expression, names: tuple[str, ...]
) -> Callable[[NDArray[np.uint8]], NDArray[np.int64]]:
    """What a model chooses among names, int64 (n,), for images uint8 (n, 48, 48)."""

    def read(images: NDArray[np.uint8]) -> NDArray[np.int64]:
        outputs = torch.from_numpy(spoken(model, images).read(chosen))
        best: NDArray[np.int64] = _of(names, outputs, chosen.labels).argmax(dim=1).numpy()
        return best

    return read


def template(model: Path) -> NDArray[np.float32]:
    """Where an emotion model wants the five landmarks: float32 (5, 2), crop pixels.

    Raises:
        MienError: it was not measured.
    """
    if model.suffix != ".pt":
        return np.array(bundle.load(model).alignment.template, np.float32)
    alignment = checkpoint.finished(model).metrics.get("alignment")
    if alignment is None:
        raise MienError(f"{model}: has no crop template; measure it with `mien_train align`")
    return np.array(alignment["template"], np.float32)
