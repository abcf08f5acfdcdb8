"""The classic systems' networks, quantized: both artefacts say the same."""

from __future__ import annotations

from typing import Any

import ai_edge_litert.interpreter as litert
import numpy as np
import onnx
import onnxruntime
import pytest
import torch
from numpy.typing import NDArray
from torch import nn

from mien.errors import MienError
from mien_export.peers.float_copy import float_onnx, float_tflite
from mien_export.proof import cpu, parity
from mien_export.proof.agreement import operator_differences, tensor_differences
from mien_export.proof.golden import golden, unknown
from mien_export.proof.runners import Onnx, TfLite
from mien_export.quantization import observers, qdq
from mien_export.quantization.fuse import fuse
from mien_export.quantization.qat import activated
from mien_export.quantization.quantize import quantize_network
from mien_export.quantization.ties import elu_disputes
from mien_export.tflite import flatbuffer
from mien_export.tflite.writer import to_tflite
from mien_train.networks import registry
from mien_train.networks.classic import XceptionModule
from mien_train.networks.layers import ConvNormReLU, Residual

PLAIN = {"name": "plain", "classes": 7, "widths": (4, 6)}
NETWORKS: dict[str, dict[str, Any]] = {
    "max": PLAIN,
    "average": {**PLAIN, "pool": "average"},
    "deep": {**PLAIN, "widths": (4, 6, 8, 8), "hidden": (12,), "norm": True, "dropout": 0.3},
    "elu": {**PLAIN, "widths": (4, 6, 8), "hidden": (10, 5), "activation": "elu"},
    "elu, normalised": {**PLAIN, "activation": "elu", "norm": True, "pool": "average"},
    "blocks": {"name": "blocks", "classes": 8, "widths": (4, 4, 6, 6, 8), "hidden": 12, "dropout": 0.2},
    "xception": {"name": "xception", "classes": 7, "widths": (4, 6, 8, 8), "stem": 4},
    "residual": {"name": "residual", "classes": 8, "widths": (4, 6, 8), "blocks": (1, 2, 1)},
    "sampled": {"name": "emotion", "classes": 8, "widths": (4, 6, 8), "blocks": (1, 1, 1)},
}
TWO_STAGE = {"name": "two-stage", "groups": ((0, 2), (1, 3)), "widths": (4,)}
OPERATORS = {
    "max": {"CONV_2D", "MAX_POOL_2D", "RESHAPE"},
    "average": {"CONV_2D", "DEPTHWISE_CONV_2D", "RESHAPE"},
    "elu": {"CONV_2D", "ELU", "MAX_POOL_2D", "RESHAPE"},
    "xception": {"CONV_2D", "DEPTHWISE_CONV_2D", "MAX_POOL_2D", "ADD", "RESHAPE"},
    "residual": {"CONV_2D", "DEPTHWISE_CONV_2D", "ADD", "RESHAPE"},
    "sampled": {"CONV_2D", "DEPTHWISE_CONV_2D", "ADD", "RESHAPE"},  # the last average alone is depthwise
}


def trained(network: dict[str, Any]) -> nn.Module:
    """As drawn by He, with normalisations and biases as if it had been trained."""
    torch.manual_seed(0)
    made = registry.build(network)
    for module in made.modules():
        if isinstance(module, nn.BatchNorm2d):
            assert module.running_mean is not None
            assert module.running_var is not None
            module.running_mean.normal_(0, 0.1)
            module.running_var.uniform_(0.5, 1.5)
            nn.init.uniform_(module.weight, 0.5, 1.5)
            nn.init.normal_(module.bias, 0, 0.2)
        elif isinstance(module, nn.Conv2d) and module.bias is not None:
            nn.init.normal_(module.bias, 0, 0.2)
    return made.eval()


def quantized(network: nn.Module, images: NDArray[np.uint8]) -> onnx.ModelProto:
    return quantize_network(network, images, ["logits"], 48, 48)


@pytest.mark.parametrize("name", NETWORKS)
def test_litert_gives_what_onnx_runtime_gives_to_the_last_bit(name: str, images: NDArray[np.uint8]) -> None:
    network = trained(NETWORKS[name])
    model = quantized(network, images)
    tflite = to_tflite(model)
    graph, file = qdq.read(model), flatbuffer.read(tflite)
    assert tensor_differences(graph, file) == []
    assert operator_differences(graph, file) == []
    if name in OPERATORS:
        assert {o.name for o in file.operators} == OPERATORS[name]
    runner, result = Onnx(model.SerializeToString()), graph.outputs[0]
    with torch.inference_mode():
        expected = network(torch.from_numpy(observers.real(images))).numpy()
    raw = np.concatenate([runner.run(image)[0] for image in images]).astype(np.float32)
    found = (raw - (result.zero_point - 128)) * result.scale
    assert np.abs(found - expected).max() < 0.1 * np.ptp(expected)
    if cpu.saturates():
        pytest.skip("without VNNI, uint8 × int8 may saturate in ONNX Runtime")
    pictures = np.concatenate([parity.noise(60, 48, 48, 1), parity.structured(60, 48, 48, 1)])
    assert parity.compare(runner, TfLite(tflite), pictures).worst == 0
    builtin = parity.compare(runner, TfLite(tflite, "builtin"), pictures)
    assert builtin.argmax is not None
    assert builtin.argmax >= 0.97


def test_two_stages_are_refused_in_one_line(images: NDArray[np.uint8]) -> None:
    with pytest.raises(
        MienError, match=r"^a two-stage network cannot be exported: log probabilities have no int8 form"
    ):
        quantized(trained(TWO_STAGE), images)


@pytest.mark.parametrize(
    ("source", "output", "disputed"),
    [
        ((1.0, 0), (2.0, 0), 128),  # x / 2 is a tie for every odd x
        ((1.0, 0), (1.0, 0), 0),
        # 64 odd values above 0; and from −15 down exp(x) − 1 is −1 to float32, whose half is a tie: 114 values
        ((1.0, 128), (2.0, 128), 64 + 114),
    ],
)
def test_values_of_an_elu_that_may_be_rounded_differently(
    source: tuple[float, int], output: tuple[float, int], disputed: int
) -> None:
    assert elu_disputes(source, output) == disputed


def test_scales_of_elus_leave_nothing_disputed(images: NDArray[np.uint8]) -> None:
    nodes = [node for node in qdq.read(quantized(trained(NETWORKS["elu"]), images)).nodes if node.op == "Elu"]
    assert len(nodes) == 5
    for node in nodes:
        assert node.inputs[0] is not None
        source, output = ((float(t.scale[0]), int(t.zero_point[0])) for t in (node.inputs[0], node.outputs[0]))
        assert elu_disputes(source, output) == 0


def test_an_elu_has_no_golden_outputs_because_the_reference_kernels_lack_it(images: NDArray[np.uint8]) -> None:
    bent, straight = (to_tflite(quantized(trained(NETWORKS[name]), images)) for name in ("elu", "max"))
    assert unknown(bent) == ("ELU",)
    assert (golden(bent, 48, 48)["count"], golden(bent, 48, 48)["sha256"]) == (0, [])
    assert unknown(straight) == ()
    assert len(golden(straight, 48, 48)["sha256"]) == 4


@pytest.mark.parametrize("name", ["elu", "xception"])
def test_the_float_copy_computes_the_float_network(name: str, images: NDArray[np.uint8]) -> None:
    network = trained(NETWORKS[name])
    model = quantized(network, images)
    session = onnxruntime.InferenceSession(float_onnx(model).SerializeToString(), providers=["CPUExecutionProvider"])
    interpreter = litert.Interpreter(model_content=float_tflite(model), num_threads=1)
    interpreter.allocate_tensors()
    given = observers.real(images[:1])
    interpreter.set_tensor(interpreter.get_input_details()[0]["index"], given.transpose(0, 2, 3, 1).copy())
    interpreter.invoke()
    ours = interpreter.get_tensor(interpreter.get_output_details()[0]["index"])
    np.testing.assert_allclose(ours, session.run(None, {"luma": given})[0], atol=1e-4)
    with torch.inference_mode():
        expected = network(torch.from_numpy(given)).numpy()
    assert np.abs(ours - expected).max() < 0.1 * np.ptp(expected)


def test_fine_tuning_rounds_every_activation_once() -> None:
    network = fuse(trained(NETWORKS["elu, normalised"]))
    assert [type(m) for m in activated(network)] == [ConvNormReLU, nn.ELU, nn.AvgPool2d] * 2
    assert [type(m) for m in activated(fuse(trained(NETWORKS["max"])))] == [nn.ReLU, nn.ReLU]
    assert {type(m) for m in activated(fuse(trained(NETWORKS["xception"])))} == {ConvNormReLU, XceptionModule}
    assert {type(m) for m in activated(fuse(trained(NETWORKS["residual"])))} == {ConvNormReLU, Residual, nn.AvgPool2d}


@pytest.mark.parametrize(("name", "shrunk"), [("xception", 4), ("sampled", 2)])
def test_sampling_becomes_the_stride_of_the_convolution_behind_it(
    name: str, shrunk: int, images: NDArray[np.uint8]
) -> None:
    nodes = qdq.read(quantized(trained(NETWORKS[name]), images)).nodes
    kernels = [(n.attributes["kernel_shape"], n.attributes["strides"]) for n in nodes if n.op in ("Conv", "MaxPool")]
    assert sum(kernel == [1, 1] and strides == [2, 2] for kernel, strides in kernels) == shrunk
    assert all(n.attributes["kernel_shape"] != [1, 1] for n in nodes if n.op == "MaxPool")


def test_an_averaging_shortcut_is_deployed_as_it_was_trained(images: NDArray[np.uint8]) -> None:
    nodes = qdq.read(quantized(trained(NETWORKS["residual"]), images)).nodes
    averages = [n for n in nodes if n.op == "Conv" and n.attributes["kernel_shape"] == [2, 2]]
    assert [n.attributes["strides"] for n in averages] == [[2, 2], [2, 2]]
    assert [n.attributes["group"] for n in averages] == [4, 6]
