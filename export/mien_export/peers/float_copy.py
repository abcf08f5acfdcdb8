"""The float copy of an int8 model, out of its own file: the same graph and weights, to be timed beside it."""

from __future__ import annotations

from typing import Any

import ai_edge_litert.schema_py_generated as schema
import numpy as np
import onnx
from numpy.typing import NDArray
from onnx import TensorProto, helper, numpy_helper

from mien_export.quantization import qdq
from mien_export.tflite import columns, operators
from mien_export.tflite.layout import channels_last, to_channels_last
from mien_export.tflite.subgraph import Subgraph

_CLAMPED = ("Conv", "Add")
_RELU = schema.ActivationFunctionType.RELU


def float_tflite(model: onnx.ModelProto) -> bytes:
    """The float32 copy as TFLite.

    A quantized tensor whose least value stands for 0 has swallowed a ReLU; here the ReLU is put back.

    Args:
        model: bared QDQ graph, such as the ONNX file of a bundle.

    Returns:
        The file's bytes: float32 in and out, pictures (1, H, W, C).

    Raises:
        MienError: an operator that the writer does not cover.
    """
    graph = columns.gathered(qdq.read(model))
    subgraph = _FloatSubgraph()
    inputs = [subgraph.activation(tensor) for tensor in graph.inputs]
    for node in graph.nodes:
        operators.write(subgraph, node)
    outputs = [subgraph.activation(tensor) for tensor in graph.outputs]
    return subgraph.finish(inputs, outputs)


def float_onnx(model: onnx.ModelProto) -> onnx.ModelProto:
    """The float32 copy as ONNX: float32 in and out, pictures (1, C, H, W); see `float_tflite`."""
    graph = qdq.read(model)
    nodes, constants = [], []
    for node in graph.nodes:
        names = []
        for index, tensor in enumerate(node.inputs):
            if tensor is None and index not in node.arguments:
                names.append("")
                continue
            data = node.arguments[index] if tensor is None else _real(tensor)
            name = tensor.name if tensor is not None else f"{node.name}.{index}"
            if data is not None:
                name = f"{node.name}.{index}"
                constants.append(numpy_helper.from_array(data, name))
            names.append(name)
        output, clamped = node.outputs[0], node.op in _CLAMPED and _swallowed(node.outputs[0])
        raw = f"{output.name}.raw" if clamped else output.name
        nodes.append(helper.make_node(node.op, names, [raw], name=node.name, **node.attributes))
        if clamped:
            nodes.append(helper.make_node("Relu", [raw], [output.name], name=f"{node.name}.relu"))
    copy = helper.make_graph(nodes, "copy", _ends(graph.inputs), _ends(graph.outputs), constants)
    versions = [entry for entry in model.opset_import if entry.domain in ("", "ai.onnx")]
    made = helper.make_model(copy, opset_imports=versions, ir_version=model.ir_version)
    onnx.checker.check_model(made)
    return made


class _FloatSubgraph(Subgraph):
    """Writes dequantized tensors, and fuses the ReLUs that quantization swallowed."""

    def activation(self, tensor: qdq.Tensor) -> int:
        if tensor.name not in self._indices:
            data = _real(tensor)
            last = None if data is None else to_channels_last(data)
            self._indices[tensor.name] = self._add(tensor.name, channels_last(tensor.shape), np.dtype(np.float32), last)
        return self._indices[tensor.name]

    def weight(self, tensor: qdq.Tensor, data: NDArray[Any], axis: int) -> int:
        if tensor.name not in self._indices:
            shape = [1] * data.ndim
            shape[axis] = len(tensor.scale)
            values = (data * tensor.scale.reshape(shape)).astype(np.float32)
            self._indices[tensor.name] = self._add(tensor.name, values.shape, values.dtype, values)
        return self._indices[tensor.name]

    def bias(self, name: str, data: NDArray[np.int32], scale: NDArray[np.float32]) -> int:
        return self._add(name, data.shape, np.dtype(np.float32), (data * scale).astype(np.float32))

    def operator(
        self, code: int, version: int, inputs: list[int], output: qdq.Tensor, options_type: int, options: Any
    ) -> None:
        if hasattr(options, "fusedActivationFunction") and _swallowed(output):
            options.fusedActivationFunction = _RELU
        super().operator(code, 1, inputs, output, options_type, options)


def _swallowed(tensor: qdq.Tensor) -> bool:
    return int(tensor.zero_point[0]) == 0


def _real(tensor: qdq.Tensor) -> NDArray[np.float32] | None:
    """float32 values of a constant, of its own shape; None for activations."""
    if tensor.data is None:
        return None
    shape = [1] * tensor.data.ndim
    if tensor.axis is not None:
        shape[tensor.axis] = len(tensor.scale)
    steps = tensor.data.astype(np.float32) - tensor.zero_point.astype(np.float32).reshape(shape)
    return np.asarray(steps * tensor.scale.reshape(shape), dtype=np.float32)


def _ends(tensors: tuple[qdq.Tensor, ...]) -> list[onnx.ValueInfoProto]:
    return [helper.make_tensor_value_info(t.name, TensorProto.FLOAT, t.shape) for t in tensors]
