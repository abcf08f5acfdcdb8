"""An exported model before it is proven: one network in both artefacts, with a sidecar that the runtime can open."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from pathlib import Path

import numpy as np
import onnx
from numpy.typing import NDArray
from torch import nn

from mien_export import sidecar
from mien_export.proof.golden import golden
from mien_export.quantization import heads, qdq
from mien_export.quantization.quantize import quantize_network
from mien_export.sidecar import Calibration, Document
from mien_export.tflite.writer import to_tflite
from mien_train.emotion.heads import of
from mien_train.networks.face import FACE_MAPS, FACE_OUTPUTS
from mien_train.training.checkpoint import Checkpoint

LOGITS = (-4.3, 1.0)
"""Of a detector's scores. sigmoid(−4.3) is 0.013, less than any detection is looked at from: background cells reach
−25, and would coarsen every step above, also those of boxes and landmarks, which reach as far below 0 and share it.
sigmoid(1) is 0.73: where few calibration images hold a face of a map's size, its high scores pass for outliers."""

KINDS = ("tflite", "onnx", "json")  # the sidecar comes last: it vouches for the other two


@dataclass(frozen=True, slots=True, eq=False)
class Draft:
    """Three files, NAME.tflite, NAME.onnx and NAME.json, in one folder.

    Attributes:
        path: the sidecar.
        document: what stands in it.
        model: the ONNX graph.
        tflite: the TFLite file's bytes.
    """

    path: Path
    document: Document
    model: onnx.ModelProto
    tflite: bytes

    @property
    def files(self) -> tuple[Path, ...]:
        """The three files, the sidecar last."""
        return tuple(self.path.with_suffix(f".{kind}") for kind in KINDS)


def draft(
    network: nn.Module,
    checkpoint: Checkpoint,
    folder: Path,
    name: str,
    calibration: Calibration,
    images: NDArray[np.uint8],
) -> Draft:
    """Quantize a network and write its three files.

    Args:
        network: the checkpoint's, or one fine-tuned from it.
        checkpoint: says what the model is.
        folder: gets NAME.onnx, NAME.tflite and NAME.json.
        name: of the model.
        calibration: its method counts here, the rest is written down.
        images: calibration images, uint8 (n, height, width).

    Raises:
        MienError: the network cannot be exported, or the checkpoint lacks what the runtime needs.
    """
    height, width = images.shape[1:]
    outputs: tuple[str, ...] = FACE_OUTPUTS
    groups: Mapping[str, Sequence[str]] | None = FACE_MAPS
    if checkpoint.task == "emotion":
        opinions = of(checkpoint)
        outputs, groups = tuple(opinions), None
        if len(outputs) > 1:
            network = heads.parted(network, [len(labels) for labels in opinions.values()])
    least = {name: LOGITS for name in outputs if name.startswith("score")}
    model = quantize_network(network, images, outputs, height, width, calibration.method, least, groups)
    tflite = to_tflite(model)
    (folder / f"{name}.onnx").write_bytes(model.SerializeToString(deterministic=True))
    (folder / f"{name}.tflite").write_bytes(tflite)
    path = folder / f"{name}.json"
    measured = replace(calibration, size=len(images))
    document = sidecar.describe(name, checkpoint, qdq.read(model), folder, measured, golden(tflite, height, width))
    if measured.size != calibration.size:  # kinds have too few; of another number others would be drawn
        document["calibration"] = {**asdict(measured), "asked": calibration.size}
    sidecar.write(document, path)  # evaluation opens the model through its sidecar
    return Draft(path, document, model, tflite)
