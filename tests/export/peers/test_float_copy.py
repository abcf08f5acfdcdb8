"""The float copies compute what the int8 models compute, to within their steps."""

from __future__ import annotations

from pathlib import Path

import ai_edge_litert.interpreter as litert
import numpy as np
import onnx
import onnxruntime
import pytest
from numpy.typing import NDArray

from mien_export.peers import float_copy
from mien_export.proof.parity import structured
from mien_export.proof.runners import Onnx
from mien_export.quantization import qdq
from mien_export.quantization.observers import real
from mien_export.tflite import flatbuffer
from mien_export.tflite.layout import to_channels_last


@pytest.fixture
def model(built: Path) -> onnx.ModelProto:
    return onnx.load(built.with_suffix(".onnx"))


@pytest.fixture
def image(model: onnx.ModelProto) -> NDArray[np.uint8]:
    height, width = qdq.read(model).inputs[0].shape[2:]
    return structured(1, height, width, seed=3)[0]


def run_onnx(content: bytes, image: NDArray[np.uint8]) -> list[NDArray[np.float32]]:
    session = onnxruntime.InferenceSession(content, providers=["CPUExecutionProvider"])
    return [to_channels_last(output) for output in session.run(None, {session.get_inputs()[0].name: real(image[None])})]


def test_both_copies_agree_with_each_other(model: onnx.ModelProto, image: NDArray[np.uint8]) -> None:
    expected = run_onnx(float_copy.float_onnx(model).SerializeToString(), image)
    interpreter = litert.Interpreter(model_content=float_copy.float_tflite(model), num_threads=1)
    interpreter.allocate_tensors()
    interpreter.set_tensor(interpreter.get_input_details()[0]["index"], to_channels_last(real(image[None])))
    interpreter.invoke()
    found = [interpreter.get_tensor(detail["index"]) for detail in interpreter.get_output_details()]
    assert len(found) == len(expected) >= 1
    for one, other in zip(found, expected, strict=True):
        np.testing.assert_allclose(one, other, rtol=1e-3, atol=1e-4)


def test_the_copy_is_near_the_int8_model(model: onnx.ModelProto, image: NDArray[np.uint8]) -> None:
    floats = run_onnx(float_copy.float_onnx(model).SerializeToString(), image)
    integers = Onnx(model.SerializeToString()).run(image)
    tensors = qdq.read(model).outputs
    assert len(tensors) == len(floats) >= 1
    correlations = []
    for tensor, one, raw in zip(tensors, floats, integers, strict=True):
        dequantized = (raw.astype(np.float32) + 128 - tensor.zero_point) * tensor.scale
        # The int8 model clamps to its calibrated range; inside of it both are a few steps apart.
        low, high = (float(v) * tensor.scale[0] for v in (-tensor.zero_point[0], 255 - tensor.zero_point[0]))
        apart = np.abs(np.clip(one, low, high) - dequantized) / tensor.scale
        assert np.median(apart) <= 3
        # An untrained detector's scores hardly leave their prior: within a few steps there is nothing to correlate.
        if np.ptp(one) > 40 * tensor.scale[0]:
            correlations.append(np.corrcoef(one.ravel(), dequantized.ravel())[0, 1])
    assert correlations
    assert min(correlations) > 0.95


def test_the_copys_file_is_float_throughout(model: onnx.ModelProto) -> None:
    file = flatbuffer.read(float_copy.float_tflite(model))
    assert file.operators
    kinds = {tensor.dtype for tensor in file.tensors.values()}
    assert "int8" not in kinds
    assert {operator.version for operator in file.operators} == {1}
    nodes = {node.op_type for node in float_copy.float_onnx(model).graph.node}
    assert not {"QuantizeLinear", "DequantizeLinear"} & nodes
    assert "Relu" in nodes
