"""NAME.json: what `mien.models.bundle` needs to use a model, and what a reader needs to trust it."""

from __future__ import annotations

import dataclasses
import importlib.metadata
import json
import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from mien.errors import MienError
from mien.models import bundle, contract
from mien_export.proof.parity import Parity
from mien_export.quantization import qdq
from mien_export.tflite.layout import channels_last
from mien_train.emotion import heads
from mien_train.face import score_calibration, threshold
from mien_train.face.score_calibration import Fit
from mien_train.face.threshold import Choice
from mien_train.networks.registry import INPUT_SCALE
from mien_train.training.checkpoint import Checkpoint

LICENCE = (
    "Model weights: for research and evaluation, as far as the licences of the training data allow; "
    "see MODELS_LICENSE.md. The code is MIT."
)

Document = dict[str, object]
"""A sidecar, or a part of one, as it is to be written: JSON types."""

_LONG = frozenset({"confusion", "peers", "made_with"})
_PACKAGES = ("torch", "onnx", "onnxruntime", "ai-edge-litert")
_BY_TASK: dict[str, dict[str, tuple[str, ...]]] = {
    "emotion": {"alignment": ("template",)},
    "face": {"decode": ("strides", "iou_threshold")},
}
"""Task to the checkpoint's metrics that the runtime needs, and their keys."""


@dataclass(frozen=True, slots=True)
class Calibration:
    """How a network was made ready for int8.

    Attributes:
        size: images on which the activations' ranges were measured.
        method: "minmax", "percentile" or "entropy".
        seed: of their draw.
        qat: epochs of quantization-aware fine-tuning before.
    """

    size: int
    method: str
    seed: int
    qat: int = 0


USUAL = Calibration(512, "entropy", 0)
"""What `build` does if nothing else is asked for."""


def settings(checkpoint: Checkpoint) -> Document:
    """The runtime's settings out of a checkpoint's metrics: alignment and decision or expressions, or decode.

    A detector's score threshold is not among them: the float network's would be wrong for the int8 one. It stands at
    `threshold.UNKNOWN` until `decided`.

    Raises:
        MienError: unknown task, or the checkpoint lacks one of them.
    """
    if checkpoint.task not in _BY_TASK:
        raise MienError(f"the checkpoint is of task {checkpoint.task!r}; known are {', '.join(_BY_TASK)}")
    found: Document = {}
    for section, keys in _BY_TASK[checkpoint.task].items():
        values = checkpoint.metrics.get(section)
        if not isinstance(values, dict):
            raise MienError(f"the checkpoint's metrics lack {section!r}; let the training run to its end, then export")
        missing = [key for key in keys if key not in values]
        if missing:
            raise MienError(f"the checkpoint's {section!r} lacks {', '.join(missing)}; train again with this version")
        found[section] = values
    if checkpoint.task == "emotion":
        found |= _reading(checkpoint)
        if quality := checkpoint.metrics.get("quality"):
            found["quality"] = quality
    if checkpoint.task == "face":
        found["decode"] = undecided(checkpoint.metrics["decode"])
    return found


def _reading(checkpoint: Checkpoint) -> Document:
    """How the outputs are read: expressions where the checkpoint has such, with the choice among them; else a decision.

    Raises:
        MienError: that was not chosen yet.
    """
    metrics = checkpoint.metrics
    heads.expressions(checkpoint)
    if "expressions" not in metrics:
        return {"decision": metrics["decision"]}
    choices = metrics.get("choices")
    return {"expressions": metrics["expressions"], **({"choices": {"float": choices}} if choices else {})}


def describe(
    name: str,
    checkpoint: Checkpoint,
    graph: qdq.Graph,
    folder: Path,
    calibration: Calibration,
    golden: Mapping[str, object],
) -> Document:
    """The sidecar of an exported model, without figures that need the sidecar first.

    Args:
        name: of the model; NAME.tflite and NAME.onnx are in `folder`.
        checkpoint: that the model was exported from.
        graph: the quantized graph.
        folder: of the two artefacts.
        calibration: of the activations' ranges.
        golden: of `mien_export.proof.golden`.

    Raises:
        MienError: the checkpoint lacks what the runtime needs.
    """
    height, width = graph.inputs[0].shape[2:]
    reading = settings(checkpoint)
    labels = heads.of(checkpoint) if "expressions" in reading else {}
    return {
        "format": contract.FORMAT,
        "name": name,
        "task": checkpoint.task,
        "input": {
            "height": height,
            "width": width,
            "colour": "luma, full-range BT.601",
            "scale": INPUT_SCALE,
            "zero_point": 0,
        },
        "outputs": [
            {
                "name": tensor.name,
                "shape": list(channels_last(tensor.shape)),
                # float32 widens to this double without loss, and reads back as the same float32.
                "scale": float(tensor.scale[0]),
                "zero_point": int(tensor.zero_point[0]) - 128,
                **({"labels": list(labels[tensor.name])} if labels else {}),
            }
            for tensor in graph.outputs
        ],
        # Of expressions, the first is what the runtime shows.
        "labels": list(heads.expressions(checkpoint)[0].labels if labels else checkpoint.labels),
        **reading,
        "files": {kind: _file(folder / f"{name}.{kind}") for kind in ("tflite", "onnx")},
        "metrics": [],
        "parity": {},
        "calibration": dataclasses.asdict(calibration),
        "training": {
            "recipe": checkpoint.recipe,
            "network": checkpoint.network,
            "seed": checkpoint.seed,
            "data_sha256": checkpoint.data_sha256,
            "epochs": checkpoint.epoch,
        },
        "golden": golden,
        "licence": LICENCE,
        "versions": {package: importlib.metadata.version(package) for package in _PACKAGES},
    }


def undecided(settings: Mapping[str, object]) -> Document:
    """A detector's `decode` of these strides and overlap, with raw scores of which no threshold is chosen yet."""
    return {
        "strides": settings["strides"],
        "score_threshold": threshold.UNKNOWN,
        "iou_threshold": settings["iou_threshold"],
    }


def calibrated(document: Mapping[str, object], found: Fit | None) -> Document:
    """A detector's sidecar with the map that makes its scores shares, and how far that holds; as it was without one."""
    decode = document["decode"]
    assert isinstance(decode, Mapping)
    if found is None:
        return dict(document)
    numbers = {"score_slope": found.slope, "score_shift": found.shift, score_calibration.RECORD: found.document()}
    return {**document, "decode": {**decode, **numbers}}


def decided(document: Mapping[str, object], choice: Choice) -> Document:
    """A detector's sidecar with its score threshold, and how that was chosen."""
    return _chosen(document, "score_threshold", choice.threshold, threshold.RECORD, choice)


def decided_for_tiles(document: Mapping[str, object], choice: Choice) -> Document:
    """The same with the threshold of what only tiles show."""
    return _chosen(document, "tile_threshold", choice.threshold, threshold.TILES_RECORD, choice)


def _chosen(document: Mapping[str, object], key: str, value: float, record: str, choice: Choice) -> Document:
    decode = document["decode"]
    assert isinstance(decode, Mapping)
    return {**document, "decode": {**decode, key: value, record: choice.document()}}


def measured(
    document: Mapping[str, object],
    metrics: Sequence[Mapping[str, object]],
    parity: Parity,
    choices: Mapping[str, object] | None = None,
) -> Document:
    """The same sidecar with its figures, less those that only a page has room for.

    Args:
        document: the sidecar.
        metrics: one mapping an evaluation.
        parity: of the two artefacts.
        choices: what the expressions of the int8 artefact find, beside those of the float network.
    """
    before = document.get("choices")
    both = {"choices": {**before, "int8": choices}} if choices and isinstance(before, Mapping) else {}
    return {**evaluated({**document, **both}, metrics), "parity": dataclasses.asdict(parity)}


def evaluated(document: Mapping[str, object], metrics: Sequence[Mapping[str, object]]) -> Document:
    """The same sidecar with its evaluations, less what only a page has room for."""
    return {**document, "metrics": [{k: v for k, v in entry.items() if k not in _LONG} for entry in metrics]}


def write(document: Mapping[str, object], path: Path) -> None:
    """Write a sidecar: keys in the order given, and nothing that a second export would change."""
    path.write_text(
        json.dumps(_finite(document), indent=2, ensure_ascii=False, allow_nan=False) + "\n", encoding="utf-8"
    )


def _finite(value: object) -> object:
    # JSON has no NaN; a figure that could not be computed, such as the mean of no matches, is null.
    if isinstance(value, float):
        return value if math.isfinite(value) else None
    if isinstance(value, Mapping):
        return {key: _finite(entry) for key, entry in value.items()}
    return [_finite(entry) for entry in value] if isinstance(value, list | tuple) else value


def _file(path: Path) -> Document:
    return {"file": path.name, "bytes": path.stat().st_size, "sha256": bundle.sha256(path)}
