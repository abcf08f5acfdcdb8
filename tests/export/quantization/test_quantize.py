"""One quantization of a whole network: what the graph promises, and what both runtimes make of it."""

from __future__ import annotations

import numpy as np
import onnx
import pytest
import torch
import torch.nn.functional as F  # noqa: N812 - torch's own convention
from numpy.typing import NDArray
from torch import Tensor, nn

from mien.errors import MienError
from mien_export.proof import cpu, parity
from mien_export.proof.agreement import operator_differences, tensor_differences
from mien_export.proof.runners import KERNELS, Onnx, TfLite
from mien_export.quantization import observers, qdq
from mien_export.quantization.quantize import quantize_network
from mien_export.quantization.trace import trace
from mien_export.tflite import flatbuffer
from mien_export.tflite.writer import to_tflite
from mien_train.networks import face, registry


@pytest.fixture(scope="module")
def model(emotion_net: nn.Module, images: NDArray[np.uint8]) -> onnx.ModelProto:
    return quantize_network(emotion_net, images, ["logits"], 48, 48)


def test_the_ends_are_raw_and_the_input_scale_is_fixed(model: onnx.ModelProto) -> None:
    graph = qdq.read(model)
    (given,), (result,) = graph.inputs, graph.outputs
    assert (given.shape, given.scale.tolist(), given.zero_point.tolist()) == ((1, 1, 48, 48), [1 / 64], [128])
    assert (result.name, result.shape) == ("logits", (1, 3))
    types = {value.type.tensor_type.elem_type for value in (*model.graph.input, *model.graph.output)}
    assert types == {onnx.TensorProto.UINT8}
    consumers = [node.op_type for node in model.graph.node if model.graph.input[0].name in node.input]
    assert consumers == ["DequantizeLinear"]


def test_activations_are_absorbed_and_biases_carry_the_product_of_scales(model: onnx.ModelProto) -> None:
    convolutions = [node for node in qdq.read(model).nodes if node.op == "Conv"]
    assert len(convolutions) > 5
    for node in convolutions:
        source, weight, *bias = node.inputs
        assert source is not None
        assert weight is not None
        for tensor in bias:
            assert tensor is not None
            assert tensor.data is not None
            assert tensor.data.dtype == np.int32
            np.testing.assert_allclose(tensor.scale, source.scale * weight.scale, rtol=1e-6)
    assert {node.op for node in qdq.read(model).nodes} == {"Conv", "Add", "Reshape"}


def test_the_quantized_network_follows_the_float_one(
    model: onnx.ModelProto, emotion_net: nn.Module, images: NDArray[np.uint8]
) -> None:
    with torch.inference_mode():
        expected = emotion_net(torch.from_numpy(observers.real(images))).numpy()
    runner = Onnx(model.SerializeToString())
    result = qdq.read(model).outputs[0]
    raw = np.concatenate([runner.run(image)[0] for image in images]).astype(np.float32)
    found = (raw - (result.zero_point - 128)) * result.scale
    assert np.abs(found - expected).max() < 0.06 * np.ptp(expected)


@pytest.mark.parametrize("kernels", KERNELS)
def test_both_artefacts_agree(model: onnx.ModelProto, kernels: str) -> None:
    tflite = to_tflite(model)
    graph, file = qdq.read(model), flatbuffer.read(tflite)
    assert tensor_differences(graph, file) == []
    assert operator_differences(graph, file) == []
    pictures = np.concatenate([parity.noise(100, 48, 48, 1), parity.structured(100, 48, 48, 1)])
    found = parity.compare(Onnx(model.SerializeToString()), TfLite(tflite, kernels), pictures)
    if cpu.saturates():
        pytest.skip("without VNNI, uint8 × int8 may saturate in ONNX Runtime")
    if kernels == "xnnpack":
        assert found.exact == 1
    else:
        assert found.argmax is not None
        assert found.argmax >= 0.97


def test_writing_is_deterministic(model: onnx.ModelProto, emotion_net: nn.Module, images: NDArray[np.uint8]) -> None:
    again = quantize_network(emotion_net, images, ["logits"], 48, 48)
    assert again.SerializeToString(deterministic=True) == model.SerializeToString(deterministic=True)
    assert to_tflite(again) == to_tflite(model)


@pytest.mark.parametrize("groups", [None, face.FACE_MAPS])
def test_the_detector_gives_its_maps_in_order(groups: dict[str, tuple[str, ...]] | None) -> None:
    torch.manual_seed(0)
    network = registry.build({"name": "face", "stem": (4, 4), "width": 8, "blocks": (1, 0, 0)}).eval()
    pictures = parity.structured(4, 64, 96, 1)
    model = quantize_network(network, pictures, face.FACE_OUTPUTS, 64, 96, groups=groups)
    tflite = to_tflite(model)
    assert flatbuffer.read(tflite).outputs == tuple(groups or face.FACE_OUTPUTS)
    outputs = TfLite(tflite).run(pictures[0])
    assert [o.shape[1:3] for o in outputs[:3]] == [(8, 12), (4, 6), (2, 3)]
    assert [o.shape[3] for o in outputs] == ([15, 15, 15] if groups else [1, 1, 1, 4, 4, 4, 10, 10, 10])
    assert parity.parity(model, tflite, pictures).passed


def test_an_output_reaches_its_bounds_however_little_the_images_show() -> None:
    torch.manual_seed(0)
    network = registry.build({"name": "face", "stem": (4, 4), "width": 8, "blocks": (1, 0, 0)}).eval()
    pictures = parity.structured(4, 64, 96, 1)

    def bounds(least: dict[str, tuple[float, float]] | None) -> tuple[float, float]:
        model = quantize_network(network, pictures, face.FACE_OUTPUTS, 64, 96, "entropy", least)
        score = qdq.read(model).outputs[0]
        low, high = (float((end - score.zero_point[0]) * score.scale[0]) for end in (0, 255))
        return low, high

    assert bounds(None)[1] < 0.5  # an untrained detector sees no face anywhere
    low, high = bounds({"score_8": (-2.0, 1.0)})
    assert low == pytest.approx(-2, abs=0.02)
    assert high == pytest.approx(1, abs=0.02)


@pytest.mark.parametrize("method", ["percentile", "entropy"])
def test_other_methods_clip_no_more_than_min_max(
    model: onnx.ModelProto, emotion_net: nn.Module, images: NDArray[np.uint8], method: str
) -> None:
    other = quantize_network(emotion_net, images, ["logits"], 48, 48, method)
    widest, found = qdq.read(model).tensors(), qdq.read(other).tensors()
    inner = [name for name, tensor in widest.items() if tensor.data is None and name in found]
    assert len(inner) > 5
    assert all(found[name].scale[0] <= widest[name].scale[0] * 1.01 for name in inner)
    assert found["luma"].scale.tolist() == [1 / 64]


class Pooled(nn.Module):
    """Operators that need one scale, in a row."""

    def __init__(self) -> None:
        super().__init__()
        self.conv = nn.Conv2d(1, 4, 3, padding=1)

    def forward(self, x: Tensor) -> Tensor:
        return F.interpolate(F.max_pool2d(self.conv(x), 2), scale_factor=2.0, mode="nearest")


def test_tensors_that_need_one_scale_share_the_widest() -> None:
    torch.manual_seed(2)
    pictures = parity.noise(4, 16, 16, 1)
    model = quantize_network(Pooled(), pictures, ["y"], 16, 16)
    nodes = {node.op: node for node in qdq.read(model).nodes}
    assert list(nodes) == ["Conv", "MaxPool", "Resize"]
    tensors = [node.outputs[0] for node in nodes.values()]
    assert len({(float(t.scale[0]), int(t.zero_point[0])) for t in tensors}) == 1
    # Before the pool there are values below the lowest that it lets through.
    assert tensors[0].zero_point[0] > 0
    assert parity.parity(model, to_tflite(model), pictures).worst <= 1


def test_calibration_images_of_another_size_are_refused(emotion_net: nn.Module) -> None:
    with pytest.raises(MienError, match=r"shape \(2, 40, 40\); give at least one of 48×48"):
        quantize_network(emotion_net, np.zeros((2, 40, 40), np.uint8), ["logits"], 48, 48)
    with pytest.raises(MienError, match=r"unknown calibration method 'best'"):
        quantize_network(emotion_net, np.zeros((2, 48, 48), np.uint8), ["logits"], 48, 48, "best")


def test_an_exported_graph_names_no_file_of_the_machine_that_made_it(emotion_net: nn.Module) -> None:
    graph = trace(emotion_net, ["logits"], 48, 48).SerializeToString()
    assert b"/torch/" not in graph
    assert b".py" not in graph
