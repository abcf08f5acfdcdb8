"""From a training run to NAME.onnx, NAME.tflite and NAME.json, proven before they are put in place."""

from __future__ import annotations

import json
import os
import tempfile
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import onnx
from numpy.typing import NDArray
from torch import nn
from tqdm import tqdm

from mien.errors import MienError
from mien_export import sidecar
from mien_export.proof import parity
from mien_export.proof.golden import golden
from mien_export.proof.verify import verify
from mien_export.quantization import qdq
from mien_export.quantization.observers import METHODS
from mien_export.quantization.quantize import quantize_network
from mien_export.sidecar import Calibration
from mien_export.tflite.writer import to_tflite
from mien_train.networks.registry import FACE_OUTPUTS
from mien_train.training import checkpoint as checkpoints
from mien_train.training.checkpoint import Checkpoint

OUTPUTS = {"emotion": ("logits",), "face": FACE_OUTPUTS}
"""Task to the names of its outputs."""

LOGITS = (-6.0, 1.0)
"""Of a detector's scores. sigmoid(−6) is 0.0025: background cells reach −25, and would coarsen every step above.
sigmoid(1) is 0.73: where few calibration images hold a face of a map's size, its high scores pass for outliers."""

KINDS = ("tflite", "onnx", "json")  # the sidecar comes last: it vouches for the other two

Images = Callable[[Checkpoint, tuple[int, int]], NDArray[np.uint8]]
"""Checkpoint and (height, width) → uint8 (n, height, width)."""


@dataclass(frozen=True, slots=True)
class Source:
    """What a build needs of the data.

    Attributes:
        calibration: training images that set the activations' ranges.
        held_out: validation images on which the two artefacts are compared.
        evaluate: metrics of an artefact, one dict per split.
        finetune: a checkpoint's network after so many epochs of quantization-aware fine-tuning.
    """

    calibration: Images
    held_out: Images
    evaluate: Callable[[Path], Sequence[Mapping[str, Any]]]
    finetune: Callable[[Checkpoint, int], nn.Module]


def read(run: Path) -> Checkpoint:
    """The checkpoint of a run's folder, or of a .pt file.

    Raises:
        MienError: there is none.
    """
    return checkpoints.load(run / "checkpoint.pt" if run.is_dir() else run)


def input_size(checkpoint: Checkpoint, asked: tuple[int, int] | None = None) -> tuple[int, int]:
    """Input (height, width) in pixels of the model to export.

    Raises:
        MienError: a size that the network cannot have.
    """
    if checkpoint.task == "emotion":
        if asked not in (None, (48, 48)):
            raise MienError(f"an emotion classifier takes 48×48, not {asked[0]}×{asked[1]}; leave --size out")
        return 48, 48
    height, width = asked or (checkpoint.recipe.get("height", 0), checkpoint.recipe.get("width", 0))
    if height < 32 or width < 32 or height % 32 or width % 32:
        raise MienError(f"input size is {height}×{width}; a detector needs multiples of 32, such as 256×320")
    return height, width


def build(
    checkpoint: Checkpoint,
    out: Path,
    name: str,
    calibration: Calibration,
    source: Source,
    size: tuple[int, int],
) -> Path:
    """Export a checkpoint.

    Args:
        checkpoint: trained to its end.
        out: folder of the bundle; made if absent.
        name: of the model.
        calibration: how to measure the activations' ranges.
        source: of images and metrics.
        size: input (height, width) in pixels.

    Returns:
        Path of the sidecar. Nothing is left in `out` unless every check passed.

    Raises:
        MienError: the checkpoint, the data or the folder cannot be used, or a check failed.
    """
    sidecar.settings(checkpoint)  # before the long work
    if calibration.method not in METHODS:
        raise MienError(f"unknown calibration method {calibration.method!r}; choose one of {', '.join(METHODS)}")
    if not name or Path(name).name != name:
        raise MienError(f"model name is {name!r}; give a file name without folders")
    try:
        out.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryDirectory(prefix=".export-", dir=out) as folder:
            path = _written(checkpoint, Path(folder), name, calibration, source, size)
            for kind in KINDS:
                os.replace(path.with_name(f"{name}.{kind}"), out / f"{name}.{kind}")
    except OSError as error:
        raise MienError(f"{out}: cannot be written ({error.strerror}); choose another --out") from None
    return out / f"{name}.json"


def exported(
    network: nn.Module,
    checkpoint: Checkpoint,
    folder: Path,
    name: str,
    calibration: Calibration,
    images: NDArray[np.uint8],
) -> tuple[Path, onnx.ModelProto, bytes]:
    """Quantize a network and write its three files, unproven.

    Args:
        network: the checkpoint's, or one fine-tuned from it.
        checkpoint: says what the model is.
        folder: gets NAME.onnx, NAME.tflite and NAME.json.
        name: of the model.
        calibration: its method counts here, the rest is written down.
        images: calibration images, uint8 (n, height, width).

    Returns:
        Path of the sidecar, the ONNX graph, and the TFLite file's bytes.
    """
    height, width = images.shape[1:]
    outputs = OUTPUTS[checkpoint.task]
    least = {name: LOGITS for name in outputs if name.startswith("score")}
    model = quantize_network(network, images, outputs, height, width, calibration.method, least)
    tflite = to_tflite(model)
    (folder / f"{name}.onnx").write_bytes(model.SerializeToString(deterministic=True))
    (folder / f"{name}.tflite").write_bytes(tflite)
    path = folder / f"{name}.json"
    document = sidecar.describe(name, checkpoint, qdq.read(model), folder, calibration, golden(tflite, height, width))
    sidecar.write(document, path)  # evaluation opens the model through its sidecar
    return path, model, tflite


def _written(
    checkpoint: Checkpoint,
    folder: Path,
    name: str,
    calibration: Calibration,
    source: Source,
    size: tuple[int, int],
) -> Path:
    network = source.finetune(checkpoint, calibration.qat) if calibration.qat else checkpoint.build()
    images = source.calibration(checkpoint, size)
    path, model, tflite = exported(network, checkpoint, folder, name, calibration, images)
    document = json.loads(path.read_text(encoding="utf-8"))
    compared = parity.parity(model, tflite, source.held_out(checkpoint, size)).as_dict()
    artefacts = tqdm(
        [folder / f"{name}.{kind}" for kind in KINDS[:2]], desc="evaluate", unit=" artefacts", disable=None
    )
    metrics = [entry for artefact in artefacts for entry in source.evaluate(artefact)]
    sidecar.write(sidecar.measured(document, metrics, compared), path)
    failed = [check for check in verify(path) if check.passed is False]
    if failed:
        raise MienError(f"{name} was not exported: {failed[0].name}: {failed[0].detail}")
    return path
