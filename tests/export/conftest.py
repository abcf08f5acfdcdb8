"""Tiny real networks, the graphs of single operators, and one built bundle of each task."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any

import numpy as np
import onnx
import pytest
import torch
from numpy.typing import NDArray
from onnx import TensorProto, helper, numpy_helper
from onnxruntime.quantization import CalibrationMethod
from onnxruntime.quantization.calibrate import TensorData, TensorsData
from torch import nn

from mien_export.build import build
from mien_export.proof import parity
from mien_export.quantization.observers import LUMA
from mien_export.quantization.quantize import quantize
from mien_export.quantization.trace import INPUT
from mien_export.sidecar import Calibration
from mien_export.source import Source
from mien_train.face.score_calibration import Judged
from mien_train.networks import registry
from mien_train.training.checkpoint import Checkpoint

EMOTION = {"name": "emotion", "classes": 3, "widths": (4, 6, 8), "blocks": (1, 1, 1)}
TEMPLATE = [[16.0, 20.0], [32.0, 20.0], [24.0, 28.0], [18.0, 36.0], [30.0, 36.0]]

OneOperator = Callable[..., onnx.ModelProto]


def settled(network: nn.Module, seed: int = 0) -> nn.Module:
    """The network as if it had been trained: normalisations with statistics of their own, live biases."""
    generator = torch.Generator().manual_seed(seed)
    for module in network.modules():
        if isinstance(module, nn.BatchNorm2d):
            module.running_mean.normal_(0, 0.1, generator=generator)
            module.running_var.uniform_(0.5, 1.5, generator=generator)
            module.weight.data.uniform_(0.5, 1.5, generator=generator)
            module.bias.data.normal_(0, 0.2, generator=generator)
        elif isinstance(module, nn.Conv2d):
            if module.bias is not None:
                module.bias.data.normal_(0, 0.2, generator=generator)
            module.weight.data.normal_(0, module.weight[0].numel() ** -0.5, generator=generator)
    return network.eval()


@pytest.fixture(scope="session")
def emotion_net() -> nn.Module:
    return settled(registry.build(EMOTION))


@pytest.fixture(scope="session")
def images() -> NDArray[np.uint8]:
    return parity.structured(8, 48, 48, seed=5)


def _float_graph(
    op: str,
    shape: Sequence[int],
    output: Sequence[int],
    constants: dict[str, NDArray[Any]] | None = None,
    inputs: Sequence[str] = (INPUT,),
    **attributes: Any,
) -> onnx.ModelProto:
    constants = constants or {}
    node = helper.make_node(op, [*inputs, *constants], ["y"], name=f"the_{op}", **attributes)
    graph = helper.make_graph(
        [node],
        "one",
        [helper.make_tensor_value_info(INPUT, TensorProto.FLOAT, shape)],
        [helper.make_tensor_value_info("y", TensorProto.FLOAT, output)],
        [numpy_helper.from_array(value, name) for name, value in constants.items()],
    )
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 18)], ir_version=10)
    onnx.checker.check_model(model, full_check=True)
    return model


@pytest.fixture(scope="session")
def one_operator() -> OneOperator:
    """Make the quantized graph of one operator; its output has the range `reach`, the input's by default."""

    def make(op: str, *arguments: Any, reach: tuple[float, float] = LUMA.bounds, **rest: Any) -> onnx.ModelProto:
        ranges = {INPUT: LUMA.bounds, "y": reach}
        data = {
            name: TensorData(lowest=np.float32(low), highest=np.float32(high)) for name, (low, high) in ranges.items()
        }
        return quantize(_float_graph(op, *arguments, **rest), TensorsData(CalibrationMethod.MinMax, data))

    return make


def checkpoint_of(task: str) -> Checkpoint:
    """A checkpoint as a finished training run leaves it, of a tiny network."""
    if task == "emotion":
        network, labels = EMOTION, ("neutral", "happiness", "surprise")
        metrics: dict[str, Any] = {
            "alignment": {"template": TEMPLATE},
            "decision": {"temperature": 1.5, "abstain_below": 0.4},
        }
        recipe: dict[str, Any] = {"name": "tiny"}
    else:
        network, labels = {"name": "face", "stem": (4, 4), "width": 8, "blocks": (1, 0, 0)}, ("face",)
        metrics = {"decode": {"strides": [8, 16, 32], "iou_threshold": 0.4}}
        recipe = {"name": "tiny", "height": 64, "width": 96}
    state = settled(registry.build(network)).state_dict()
    return Checkpoint(task, network, recipe, labels, 7, "ab" * 32, 3, state, metrics)


def source_of() -> Source:
    """Structured pictures in place of a data set."""
    return Source(
        calibration=lambda checkpoint, size: parity.structured(8, *size, seed=1),
        held_out=lambda checkpoint, size: parity.structured(4, *size, seed=2),
        evaluate=lambda path: [{"split": "val", "model": path.name, "n": 4, "accuracy": 0.9, "ap50": 0.9}],
        finetune=lambda checkpoint, epochs: checkpoint.build(),
        judged=lambda path: Judged(np.empty(0), np.empty(0, bool), np.empty(0, bool)),
        face_free=lambda path: ([str(n) for n in range(100)], [n / 100 for n in range(100)]),
        tiled=lambda path: ([str(n) for n in range(100)], [n / 100 for n in range(100)]),
        choices=lambda path: {},
    )


@pytest.fixture(scope="session", params=["emotion", "face"])
def built(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Sidecar of a bundle built from a tiny network. Tests that change it work on a copy."""
    checkpoint = checkpoint_of(request.param)
    size = (48, 48) if request.param == "emotion" else (64, 96)
    out = tmp_path_factory.mktemp(request.param)
    calibration = Calibration(size=8, method="minmax", seed=1)
    return build(checkpoint, out, f"{request.param}-tiny", calibration, source_of(), size)[0].sidecar


@pytest.fixture
def emotion_checkpoint() -> Checkpoint:
    return checkpoint_of("emotion")


@pytest.fixture
def changed() -> Callable[..., Checkpoint]:
    """A checkpoint with some fields replaced."""
    return lambda checkpoint, **fields: Checkpoint(**{**asdict(checkpoint), **fields})


@pytest.fixture(scope="session")
def models(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Path]:
    """Sidecars of a tiny detector and a tiny classifier in one folder, under the bundled models' names."""
    out, calibration = tmp_path_factory.mktemp("models"), Calibration(size=8, method="minmax", seed=1)
    face, emotion = (
        build(checkpoint_of(task), out, f"{task}-base", calibration, source_of(), size)[0].sidecar
        for task, size in (("face", (64, 96)), ("emotion", (48, 48)))
    )
    return face, emotion
