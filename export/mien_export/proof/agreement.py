"""Whether ONNX and TFLite spell the same quantization: scales, zero points, weights, biases and wires."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from mien_export.quantization import qdq
from mien_export.tflite import columns, flatbuffer
from mien_export.tflite.layout import channels_last, to_channels_last
from mien_export.tflite.operators import VERSIONS

_SPELLING = {
    "Conv": ("CONV_2D", "DEPTHWISE_CONV_2D"),
    "Add": ("ADD",),
    "MaxPool": ("MAX_POOL_2D",),
    "Resize": ("RESIZE_NEAREST_NEIGHBOR",),
    "Reshape": ("RESHAPE",),
    "Elu": ("ELU",),
    columns.OP: ("RESHAPE",),
}
"""Operator of the graph to the TFLite operators that may stand for it."""


def tensor_differences(graph: qdq.Graph, file: flatbuffer.File) -> list[str]:
    """What differs between the two artefacts' tensors, one line each; empty when all agree."""
    found: list[str] = []
    laid_out = _weights(graph)
    for name, tensor in graph.tensors().items():
        twin = file.tensors.get(name)
        if twin is None:
            found.append(f"{name}: missing in TFLite")
            continue
        fixed = name in laid_out
        shift = 0 if fixed else 128
        if not np.array_equal(tensor.scale, twin.scale):
            found.append(f"{name}: scale {_some(tensor.scale)} in ONNX, {_some(twin.scale)} in TFLite")
        if not np.array_equal(tensor.zero_point - shift, twin.zero_point):
            found.append(f"{name}: zero point {_some(tensor.zero_point)} − {shift}, TFLite {_some(twin.zero_point)}")
        expected = laid_out[name] if fixed else _activation(tensor)
        shape = expected.shape if expected is not None else channels_last(tensor.shape)
        if tuple(shape) != twin.shape:
            found.append(f"{name}: shape {tuple(shape)} expected, {twin.shape} in TFLite")
        elif expected is None:
            if twin.data is not None or twin.dtype != "int8":
                found.append(f"{name}: an int8 activation in ONNX, not so in TFLite")
        elif twin.data is None or twin.data.dtype != expected.dtype or not np.array_equal(expected, twin.data):
            count = 0 if twin.data is None else int((expected != twin.data).sum())
            found.append(f"{name}: {count or 'all'} of {expected.size} values differ")
    return found


def operator_differences(graph: qdq.Graph, file: flatbuffer.File) -> list[str]:
    """Operators that are not allowed, of another version, or wired differently; empty when all is well."""
    found = [
        f"{operator.name}: not on the list of allowed operators"
        for operator in file.operators
        if operator.code not in VERSIONS
    ]
    found += [
        f"{operator.name}: version {operator.version}; mien writes {VERSIONS[operator.code]}"
        for operator in file.operators
        if operator.code in VERSIONS and operator.version != VERSIONS[operator.code]
    ]
    if len(graph.nodes) != len(file.operators):
        found.append(f"{len(graph.nodes)} nodes in ONNX, {len(file.operators)} operators in TFLite")
    for node, operator in zip(graph.nodes, file.operators, strict=False):
        inputs = [tensor.name for tensor in node.inputs if tensor is not None]
        outputs = [tensor.name for tensor in node.outputs]
        if operator.name not in _SPELLING.get(node.op, ()):
            found.append(f"{node.op} {node.name}: is {operator.name} in TFLite")
        elif inputs != list(operator.inputs[: len(inputs)]) or outputs != list(operator.outputs):
            found.append(f"{node.op} {node.name}: wired {inputs} → {outputs}, in TFLite {operator.inputs}")
    for side, ours, theirs in (
        ("inputs", graph.inputs, file.inputs),
        ("outputs", graph.outputs, file.outputs),
    ):
        if tuple(tensor.name for tensor in ours) != theirs:
            found.append(f"{side}: {[tensor.name for tensor in ours]} in ONNX, {list(theirs)} in TFLite")
    return found


def _weights(graph: qdq.Graph) -> dict[str, NDArray[Any]]:
    """Weights and biases by name, laid out as TFLite has them."""
    found: dict[str, NDArray[Any]] = {}
    for node in graph.nodes:
        if node.op != "Conv":
            continue
        weight = node.inputs[1]
        assert weight is not None
        assert weight.data is not None
        dense = node.attributes.get("group", 1) == 1
        found[weight.name] = weight.data.transpose((0, 2, 3, 1) if dense else (1, 2, 3, 0))
        bias = node.inputs[2] if len(node.inputs) > 2 else None
        if bias is not None and bias.data is not None:
            found[bias.name] = bias.data
    return found


def _activation(tensor: qdq.Tensor) -> NDArray[np.int8] | None:
    if tensor.data is None:
        return None
    return (to_channels_last(tensor.data).astype(np.int16) - 128).astype(np.int8)


def _some(values: NDArray[Any]) -> str:
    return str(values[0]) if len(values) == 1 else f"{values[:3]}… of {len(values)}"
