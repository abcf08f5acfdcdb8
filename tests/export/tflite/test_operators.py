"""Each operator of the TFLite writer alone, on random input, LiteRT against ONNX Runtime."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import onnx
import pytest
import torch.nn.functional as F  # noqa: N812 - torch's own convention
from numpy.typing import NDArray
from torch import Tensor, nn

from mien.errors import MienError
from mien_export.proof import cpu
from mien_export.proof.agreement import operator_differences, tensor_differences
from mien_export.proof.parity import compare, noise
from mien_export.proof.runners import Onnx, TfLite
from mien_export.quantization import qdq
from mien_export.quantization.quantize import quantize_network
from mien_export.tflite import flatbuffer
from mien_export.tflite.writer import to_tflite

OneOperator = Callable[..., onnx.ModelProto]
RNG = np.random.default_rng(3)


def floats(*shape: int) -> NDArray[np.float32]:
    return np.random.default_rng(shape).normal(0, 0.3, shape).astype(np.float32)


def conv(out: int, per_group: int, kernel: int) -> dict[str, NDArray[np.float32]]:
    return {"w": floats(out, per_group, kernel, kernel), "b": floats(out)}


NEAREST = {"mode": "nearest", "coordinate_transformation_mode": "asymmetric", "nearest_mode": "floor"}
TWICE = np.array([1, 1, 2, 2], np.float32)
WIDE = (-4.0, 4.0)
ALL = (1, 4, 8, 10)
HALF = (1, 4, 4, 5)
POOL = {"kernel_shape": [2, 2], "strides": [2, 2]}

# name: TFLite operator, and arguments of `one_operator`
CASES: dict[str, tuple[str, tuple[Any, ...], dict[str, Any]]] = {
    "conv 3×3": (
        "CONV_2D",
        ("Conv", ALL, (1, 6, 8, 10), conv(6, 4, 3)),
        {"pads": [1, 1, 1, 1], "reach": WIDE},
    ),
    "conv 3×3 stride 2": (
        "CONV_2D",
        ("Conv", ALL, (1, 6, 4, 5), conv(6, 4, 3)),
        {"pads": [0, 0, 1, 1], "strides": [2, 2], "reach": WIDE},
    ),
    "conv 1×1": ("CONV_2D", ("Conv", ALL, (1, 5, 8, 10), conv(5, 4, 1)), {"reach": WIDE}),
    "conv 1×1 stride 2": (
        "CONV_2D",
        ("Conv", ALL, (1, 5, 4, 5), conv(5, 4, 1)),
        {"strides": [2, 2], "reach": WIDE},
    ),
    "conv without padding": ("CONV_2D", ("Conv", ALL, (1, 6, 6, 8), conv(6, 4, 3)), {"reach": WIDE}),
    "conv without bias": (
        "CONV_2D",
        ("Conv", ALL, (1, 6, 8, 10), {"w": floats(6, 4, 1, 1)}),
        {"reach": WIDE},
    ),
    "conv clamped as by ReLU": (
        "CONV_2D",
        ("Conv", ALL, (1, 6, 8, 10), conv(6, 4, 3)),
        {"pads": [1, 1, 1, 1], "reach": (0.0, 3.0)},
    ),
    "depthwise": (
        "DEPTHWISE_CONV_2D",
        ("Conv", ALL, ALL, conv(4, 1, 3)),
        {"group": 4, "pads": [1, 1, 1, 1], "reach": WIDE},
    ),
    "depthwise stride 2": (
        "DEPTHWISE_CONV_2D",
        ("Conv", ALL, HALF, conv(4, 1, 3)),
        {"group": 4, "pads": [0, 0, 1, 1], "strides": [2, 2], "reach": WIDE},
    ),
    "depthwise with multiplier": (
        "DEPTHWISE_CONV_2D",
        ("Conv", ALL, (1, 8, 8, 10), conv(8, 1, 3)),
        {"group": 4, "pads": [1, 1, 1, 1], "reach": WIDE},
    ),
    "add a constant": ("ADD", ("Add", ALL, ALL, {"c": floats(*ALL)}), {"reach": (-3.0, 3.0)}),
    "add one per channel": ("ADD", ("Add", ALL, ALL, {"c": floats(1, 4, 1, 1)}), {"reach": (-3.0, 3.0)}),
    "add to itself": ("ADD", ("Add", ALL, ALL), {"inputs": ("luma", "luma"), "reach": WIDE}),
    "add clamped as by ReLU": (
        "ADD",
        ("Add", ALL, ALL),
        {"inputs": ("luma", "luma"), "reach": (0.0, 4.0)},
    ),
    "max pool": ("MAX_POOL_2D", ("MaxPool", ALL, HALF), POOL),
    "max pool that hangs over": (
        "MAX_POOL_2D",
        ("MaxPool", ALL, HALF),
        {"kernel_shape": [3, 3], "strides": [2, 2], "ceil_mode": 1},
    ),
    "elu": ("ELU", ("Elu", ALL, ALL), {"reach": (-0.97, 2.03)}),
    "max pool SAME": (
        "MAX_POOL_2D",
        ("MaxPool", ALL, HALF),
        {"kernel_shape": [3, 3], "strides": [2, 2], "pads": [0, 0, 1, 1]},
    ),
    "resize": (
        "RESIZE_NEAREST_NEIGHBOR",
        ("Resize", ALL, (1, 4, 16, 20), {"roi": np.zeros(0, np.float32), "scales": TWICE}),
        NEAREST,
    ),
    "flatten a pixel": (
        "RESHAPE",
        ("Reshape", (1, 7, 1, 1), (1, 7), {"shape": np.array([1, 7], np.int64)}),
        {},
    ),
    "flatten one channel": (
        "RESHAPE",
        ("Reshape", (1, 1, 4, 5), (1, 20), {"shape": np.array([1, 20], np.int64)}),
        {},
    ),
}


@pytest.mark.parametrize("case", CASES)
def test_litert_gives_what_onnx_runtime_gives(case: str, one_operator: OneOperator) -> None:
    operator, arguments, options = CASES[case]
    model = one_operator(*arguments, **options)
    tflite = to_tflite(model)
    file = flatbuffer.read(tflite)
    assert [o.name for o in file.operators] == [operator]
    assert tensor_differences(qdq.read(model), file) == []
    assert operator_differences(qdq.read(model), file) == []
    shape = arguments[1]
    inputs = RNG.integers(0, 256, (12, *shape[1:]), dtype=np.uint8)
    found = compare(Onnx(model.SerializeToString()), TfLite(tflite), inputs)
    assert found.values > 0
    if cpu.saturates():
        pytest.skip("without VNNI, uint8 × int8 may saturate in ONNX Runtime")
    assert found.worst <= 1
    # Only sums meet ties that the two runtimes round differently; `ties.settle` chooses scales without any.
    assert found.exact == 1 or operator == "ADD"


class Late(nn.Module):
    """An activation behind an operator that has no scale of its own."""

    def __init__(self) -> None:
        super().__init__()
        self.conv = nn.Conv2d(1, 4, 3, padding=1)

    def forward(self, x: Tensor) -> Tensor:
        return F.relu(F.max_pool2d(self.conv(x), 2))


def test_an_activation_behind_a_pool_is_refused_and_not_lost() -> None:
    model = quantize_network(Late(), noise(8, 16, 16, seed=4), ["y"], 16, 16)
    with pytest.raises(MienError, match=r"Relu .*: operator not covered"):
        to_tflite(model)


def test_every_buffer_is_aligned(one_operator: OneOperator) -> None:
    _, arguments, options = CASES["conv 3×3"]
    model = one_operator(*arguments, **options)
    content = to_tflite(model)
    weights = [t.data for t in qdq.read(model).tensors().values() if t.data is not None]
    assert len(weights) == 2
    bias = next(data for data in weights if data.dtype == np.int32)
    assert content.index(bias.tobytes()) % 16 == 0


def test_the_zeros_of_all_channels_stand_in_the_file_once(one_operator: OneOperator) -> None:
    arguments, options = ("Conv", (1, 2, 8, 10), (1, 64, 8, 10), conv(64, 2, 3)), {"pads": [1, 1, 1, 1], "reach": WIDE}
    content = to_tflite(one_operator(*arguments, **options))
    assert content.count(bytes(8 * 64)) == 1  # of the weights and of the biases
    found = flatbuffer.read(content).tensors.values()
    zeros = [tensor.zero_point.tolist() for tensor in found if tensor.data is not None]
    assert zeros == [[0] * 64, [0] * 64]
    assert {tensor.axis for tensor in found} == {0}


REFUSED: dict[str, tuple[str, tuple[Any, ...], dict[str, Any]]] = {
    "unknown operator": (
        "Sigmoid the_Sigmoid: operator not covered",
        ("Sigmoid", ALL, ALL),
        {"reach": (0.0, 1.0)},
    ),
    "symmetric padding with stride 2": (
        r"Conv the_Conv: padding \[1, 1, 1, 1\].*neither SAME",
        ("Conv", ALL, (1, 6, 4, 5), conv(6, 4, 3)),
        {"pads": [1, 1, 1, 1], "strides": [2, 2], "reach": WIDE},
    ),
    "odd side with stride 2": (
        "Conv the_Conv: padding",
        ("Conv", (1, 4, 9, 10), (1, 6, 4, 5), conv(6, 4, 3)),
        {"pads": [0, 0, 1, 1], "strides": [2, 2], "reach": WIDE},
    ),
    "groups": (
        "Conv the_Conv: 2 groups of 4 channels",
        ("Conv", ALL, (1, 6, 8, 10), conv(6, 2, 1)),
        {"group": 2, "reach": WIDE},
    ),
    "dilation": (
        "Conv the_Conv: dilations",
        ("Conv", ALL, (1, 6, 4, 6), conv(6, 4, 3)),
        {"dilations": [2, 2], "reach": WIDE},
    ),
    "resize to three times": (
        "Resize the_Resize: only nearest ×2",
        (
            "Resize",
            ALL,
            (1, 4, 24, 30),
            {"roi": np.zeros(0, np.float32), "scales": np.array([1, 1, 3, 3], np.float32)},
        ),
        NEAREST,
    ),
    "elu of another alpha": (r"Elu the_Elu: alpha is 0\.5", ("Elu", ALL, ALL), {"alpha": 0.5, "reach": WIDE}),
    "a picture flattened": (
        r"Reshape the_Reshape: flattens \(4, 8, 10\), whose order differs",
        ("Reshape", ALL, (1, 320), {"shape": np.array([1, 320], np.int64)}),
        {},
    ),
    "fully connected": (
        "Gemm the_Gemm: operator not covered by the TFLite writer; it knows Conv, Add, MaxPool, Resize, Reshape, Elu",
        ("Gemm", (1, 12), (1, 5), {"w": floats(5, 12), "b": floats(5)}),
        {"transB": 1, "reach": WIDE},
    ),
    "average pool with padding": (
        "AveragePool the_AveragePool: operator not covered",
        ("AveragePool", ALL, ALL),
        {"kernel_shape": [3, 3], "pads": [1, 1, 1, 1]},
    ),
    "max pool padded on every side": (
        r"MaxPool the_MaxPool: padding \[1, 1, 1, 1\].*neither SAME",
        ("MaxPool", ALL, HALF),
        {"kernel_shape": [3, 3], "strides": [2, 2], "pads": [1, 1, 1, 1]},
    ),
}


@pytest.mark.parametrize("case", REFUSED)
def test_what_is_not_covered_is_refused_by_name(case: str, one_operator: OneOperator) -> None:
    message, arguments, options = REFUSED[case]
    with pytest.raises(MienError, match=message):
        to_tflite(one_operator(*arguments, **options))
