"""The first layer of a detector: laid out otherwise in TFLite, and every output the same."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import onnx
import pytest
import torch

from mien_export.proof import cpu
from mien_export.proof.agreement import operator_differences, tensor_differences
from mien_export.proof.parity import compare, structured
from mien_export.proof.runners import Onnx, TfLite
from mien_export.quantization import qdq
from mien_export.quantization.quantize import quantize_network
from mien_export.tflite import columns, flatbuffer
from mien_export.tflite.writer import to_tflite
from mien_train.networks import face, registry

OneOperator = Callable[..., onnx.ModelProto]
PATCHES = {"strides": [2, 2], "reach": (-4.0, 4.0)}
WINDOWS = {**PATCHES, "pads": [0, 0, 1, 1]}


def weights(out: int, bias: bool = True, kernel: int = 2) -> dict[str, Any]:
    rng = np.random.default_rng(out)
    found = {"w": rng.normal(0, 0.3, (out, 1, kernel, kernel)).astype(np.float32)}
    return found | ({"b": rng.normal(0, 0.3, out).astype(np.float32)} if bias else {})


@pytest.mark.parametrize("bias", [True, False])
@pytest.mark.parametrize(
    ("kernel", "options", "operators", "places", "together"),
    [
        pytest.param(2, PATCHES, ["RESHAPE", "CONV_2D", "RESHAPE"], (1, 6, 3, 8), (1, 3, 3, 20), id="four at once"),
        pytest.param(3, WINDOWS, ["RESHAPE", "CONV_2D"], (1, 6, 12, 2), (1, 3, 12, 5), id="two columns"),
    ],
)
def test_columns_are_channels_and_no_output_changes(
    one_operator: OneOperator,
    kernel: int,
    options: dict[str, Any],
    operators: list[str],
    places: tuple[int, ...],
    together: tuple[int, ...],
    bias: bool,
) -> None:
    model = one_operator("Conv", (1, 1, 6, 24), (1, 5, 3, 12), weights(5, bias, kernel), **options)
    tflite = to_tflite(model)
    file, graph = flatbuffer.read(tflite), columns.gathered(qdq.read(model))
    assert [operator.name for operator in file.operators] == operators
    given, shape = file.tensors[file.operators[0].outputs[0]], file.tensors[file.operators[1].outputs[0]]
    assert (given.shape, shape.shape) == (places, together)
    assert tensor_differences(graph, file) == []
    assert operator_differences(graph, file) == []
    inputs = np.random.default_rng(1).integers(0, 256, (40, 6, 24), dtype=np.uint8)
    found = compare(Onnx(model.SerializeToString()), TfLite(tflite), inputs)
    assert found.values == 40 * 5 * 3 * 12
    if cpu.saturates():
        pytest.skip("without VNNI, uint8 × int8 may saturate in ONNX Runtime")
    assert found.exact == 1


def test_a_weight_where_a_window_sees_nothing_is_found(one_operator: OneOperator) -> None:
    model = one_operator("Conv", (1, 1, 6, 24), (1, 5, 3, 12), weights(5), **PATCHES)
    graph = columns.gathered(qdq.read(model))
    weight = graph.nodes[1].inputs[1]
    assert weight is not None
    assert weight.data is not None
    kept, written = weight.data.copy(), flatbuffer.read(to_tflite(model))
    assert (kept != 0).sum() <= 5 * 4 * 4 < kept.size
    weight.data[0, 7, 0, 0] = 1  # of the first window, two columns wide
    (found,) = tensor_differences(graph, written)
    assert found == f"{weight.name}: 1 of {kept.size} values differ"


@pytest.mark.parametrize(
    ("arguments", "options"),
    [
        pytest.param(("Conv", (1, 1, 6, 20), (1, 5, 3, 10), weights(5)), PATCHES, id="20 columns"),
        pytest.param(
            ("Conv", (1, 1, 6, 24), (1, 5, 2, 11), weights(5, kernel=3)),
            PATCHES,
            id="not padded",
        ),
        pytest.param(
            ("Conv", (1, 1, 6, 24), (1, 5, 3, 12), weights(5, kernel=4)), {**PATCHES, "pads": [1, 1, 1, 1]}, id="4×4"
        ),
        pytest.param(
            ("Conv", (1, 1, 6, 24), (1, 5, 5, 23), weights(5)), {"reach": (-4.0, 4.0)}, id="one pixel further"
        ),
        pytest.param(
            ("Conv", (1, 2, 6, 24), (1, 5, 3, 12), {"w": np.ones((5, 2, 2, 2), np.float32)}), PATCHES, id="two channels"
        ),
    ],
)
def test_others_stay_as_they_are(one_operator: OneOperator, arguments: tuple[Any, ...], options: Any) -> None:
    model = one_operator(*arguments, **options)
    graph = qdq.read(model)
    assert columns.gathered(graph) is graph
    assert [operator.name for operator in flatbuffer.read(to_tflite(model)).operators] == ["CONV_2D"]


@pytest.mark.parametrize(("patches", "operators"), [(True, "RCR"), (False, "RCC")])
def test_a_whole_detector_says_the_same_to_the_last_bit(patches: bool, operators: str) -> None:
    torch.manual_seed(0)
    made = {"name": "face", "stem": (4, 4), "width": 8, "blocks": (1, 0, 0), "patches": patches}
    pictures = structured(6, 64, 96, 1)
    model = quantize_network(registry.build(made).eval(), pictures, face.FACE_OUTPUTS, 64, 96)
    tflite = to_tflite(model)
    assert "".join(operator.name[0] for operator in flatbuffer.read(tflite).operators[:3]) == operators
    found = compare(Onnx(model.SerializeToString()), TfLite(tflite), pictures)
    if cpu.saturates():
        pytest.skip("without VNNI, uint8 × int8 may saturate in ONNX Runtime")
    assert found.exact == 1
