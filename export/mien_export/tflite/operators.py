"""How each ONNX operator on quantized tensors is spelled in TFLite."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import ai_edge_litert.schema_py_generated as schema
import numpy as np

from mien.errors import MienError
from mien_export.quantization import qdq
from mien_export.tflite import columns
from mien_export.tflite.layout import channels_last, padding
from mien_export.tflite.subgraph import Subgraph

_OPS = schema.BuiltinOperator
_OPTIONS = schema.BuiltinOptions

VERSIONS = {
    _OPS.CONV_2D: 3,
    _OPS.DEPTHWISE_CONV_2D: 3,
    _OPS.ADD: 2,
    _OPS.MAX_POOL_2D: 2,
    _OPS.RESIZE_NEAREST_NEIGHBOR: 2,
    _OPS.ELU: 1,
    _OPS.RESHAPE: 1,
}
"""Every TFLite operator that a recipe's network needs, with the version whose int8 kernel the writer asks for."""


def write(subgraph: Subgraph, node: qdq.Node) -> None:
    """Append one node.

    Raises:
        MienError: the operator, or this use of it, is not covered.
    """
    if node.op not in _WRITERS:
        raise MienError(f"{_where(node)}: operator not covered by the TFLite writer; it knows {', '.join(_WRITERS)}")
    _WRITERS[node.op](subgraph, node)


def _where(node: qdq.Node) -> str:
    return f"{node.op} {node.name}"


def _input(node: qdq.Node, index: int = 0) -> qdq.Tensor:
    tensor = node.inputs[index] if index < len(node.inputs) else None
    if tensor is None:
        raise MienError(f"{_where(node)}: its input {index} is not quantized")
    return tensor


def _append(
    subgraph: Subgraph, node: qdq.Node, code: int, inputs: list[int], kind: int = 0, options: Any = None
) -> None:
    subgraph.operator(code, VERSIONS[code], inputs, node.outputs[0], kind, options)


def _one_scale(node: qdq.Node, *tensors: qdq.Tensor) -> None:
    first = tensors[0]
    for other in tensors[1:]:
        if not (np.array_equal(first.scale, other.scale) and np.array_equal(first.zero_point, other.zero_point)):
            raise MienError(f"{_where(node)}: {first.name} and {other.name} have different scales; TFLite needs one")


def _window(node: qdq.Node, kernel: tuple[int, ...], options: Any) -> Any:
    """Fill in strides and padding, which convolutions and pools have in common."""
    size, output = _input(node).shape, node.outputs[0].shape
    if len(size) != 4:
        raise MienError(f"{_where(node)}: works on shape {size}; only pictures (1, C, H, W) are covered")
    strides = tuple(node.attributes.get("strides", (1, 1)))
    if tuple(node.attributes.get("dilations", (1, 1))) != (1, 1):
        raise MienError(f"{_where(node)}: dilations {node.attributes['dilations']} are not covered; use 1")
    if node.attributes.get("auto_pad", b"NOTSET") != b"NOTSET":
        raise MienError(f"{_where(node)}: auto_pad is not covered; export with explicit pads")
    pads = list(node.attributes.get("pads", (0, 0, 0, 0)))
    if node.op == "MaxPool" and node.attributes.get("ceil_mode"):
        # What the last window hangs over is padding below and to the right, which a maximum passes over.
        for axis in (0, 1):
            reach = (output[axis + 2] - 1) * strides[axis] + kernel[axis]
            pads[axis + 2] = max(pads[axis + 2], reach - size[axis + 2] - pads[axis])
    way = padding(size[2:], kernel, strides, pads, output[2:], _where(node))
    options.padding = schema.Padding.SAME if way == "SAME" else schema.Padding.VALID
    options.strideH, options.strideW = strides
    return options


def _conv(subgraph: Subgraph, node: qdq.Node) -> None:
    source, weight = _input(node), _input(node, 1)
    assert weight.data is not None
    groups, channels = node.attributes.get("group", 1), source.shape[1]
    kernel = weight.shape[2:]
    if groups == 1:
        code, kind, options = _OPS.CONV_2D, _OPTIONS.Conv2DOptions, schema.Conv2DOptionsT()
        data, axis = weight.data.transpose(0, 2, 3, 1), 0  # (O, I, kh, kw) → (O, kh, kw, I)
    elif groups == channels:
        code, kind = _OPS.DEPTHWISE_CONV_2D, _OPTIONS.DepthwiseConv2DOptions
        options = schema.DepthwiseConv2DOptionsT()
        options.depthMultiplier = weight.shape[0] // channels
        data, axis = weight.data.transpose(1, 2, 3, 0), 3  # (O, 1, kh, kw) → (1, kh, kw, O)
    else:
        raise MienError(f"{_where(node)}: {groups} groups of {channels} channels; only 1 or all are covered")
    options = _window(node, kernel, options)
    options.dilationHFactor = options.dilationWFactor = 1
    inputs = [
        subgraph.activation(source),
        subgraph.weight(weight, data, axis),
        _bias(subgraph, node, source, weight),
    ]
    _append(subgraph, node, code, inputs, kind, options)


def _bias(subgraph: Subgraph, node: qdq.Node, source: qdq.Tensor, weight: qdq.Tensor) -> int:
    if len(node.inputs) > 2:
        bias = _input(node, 2)
        assert bias.data is not None
        return subgraph.weight(bias, bias.data, 0)
    scale = source.scale * weight.scale
    return subgraph.bias(f"{weight.name}.bias", np.zeros(node.outputs[0].shape[1], np.int32), scale)


def _add(subgraph: Subgraph, node: qdq.Node) -> None:
    operands = [_input(node, 0), _input(node, 1)]
    ranks = {len(tensor.shape) for tensor in operands if np.prod(tensor.shape) > 1}
    if len(ranks) > 1:
        raise MienError(f"{_where(node)}: operands of shape {[t.shape for t in operands]}; give both the same rank")
    inputs = [subgraph.activation(tensor) for tensor in operands]
    _append(subgraph, node, _OPS.ADD, inputs, _OPTIONS.AddOptions, schema.AddOptionsT())


def _max_pool(subgraph: Subgraph, node: qdq.Node) -> None:
    _one_scale(node, _input(node), node.outputs[0])
    kernel = tuple(node.attributes["kernel_shape"])
    options = _window(node, kernel, schema.Pool2DOptionsT())
    options.filterHeight, options.filterWidth = kernel
    _append(subgraph, node, _OPS.MAX_POOL_2D, [subgraph.activation(_input(node))], _OPTIONS.Pool2DOptions, options)


def _resize(subgraph: Subgraph, node: qdq.Node) -> None:
    source, output, a = _input(node), node.outputs[0], node.attributes
    _one_scale(node, source, output)
    way = (a.get("mode"), a.get("coordinate_transformation_mode"), a.get("nearest_mode"))
    doubled = (*source.shape[:2], source.shape[2] * 2, source.shape[3] * 2) if len(source.shape) == 4 else ()
    if way != (b"nearest", b"asymmetric", b"floor") or output.shape != doubled:
        raise MienError(f"{_where(node)}: only nearest ×2 is covered, this is {source.shape} → {output.shape}, {way}")
    size = subgraph.integers(f"{output.name}.size", np.array(output.shape[2:], np.int32))
    options = schema.ResizeNearestNeighborOptionsT()
    inputs = [subgraph.activation(source), size]
    _append(subgraph, node, _OPS.RESIZE_NEAREST_NEIGHBOR, inputs, _OPTIONS.ResizeNearestNeighborOptions, options)


def _reshape(subgraph: Subgraph, node: qdq.Node) -> None:
    source, output = _input(node), node.outputs[0]
    _one_scale(node, source, output)
    if len(output.shape) == 4 or len(source.shape) not in (2, 4):
        raise MienError(f"{_where(node)}: {source.shape} → {output.shape} is not covered; only flattening is")
    if len(source.shape) == 4 and source.shape[1] > 1 and source.shape[2] * source.shape[3] > 1:
        raise MienError(
            f"{_where(node)}: flattens {source.shape[1:]}, whose order differs in TFLite; end in a convolution over "
            "the whole map"
        )
    _shaped(subgraph, node, output.shape)


def _columns(subgraph: Subgraph, node: qdq.Node) -> None:
    _one_scale(node, _input(node), node.outputs[0])
    _shaped(subgraph, node, channels_last(node.outputs[0].shape))


def _shaped(subgraph: Subgraph, node: qdq.Node, shape: tuple[int, ...]) -> None:
    wanted = subgraph.integers(f"{node.outputs[0].name}.shape", np.array(shape, np.int32))
    options = schema.ReshapeOptionsT()
    options.newShape = list(shape)
    inputs = [subgraph.activation(_input(node)), wanted]
    _append(subgraph, node, _OPS.RESHAPE, inputs, _OPTIONS.ReshapeOptions, options)


def _elu(subgraph: Subgraph, node: qdq.Node) -> None:
    alpha = node.attributes.get("alpha", 1.0)
    if alpha != 1:
        raise MienError(f"{_where(node)}: alpha is {alpha}; TFLite's ELU knows only 1")
    _append(subgraph, node, _OPS.ELU, [subgraph.activation(_input(node))])


_WRITERS: dict[str, Callable[[Subgraph, qdq.Node], None]] = {
    "Conv": _conv,
    "Add": _add,
    "MaxPool": _max_pool,
    "Resize": _resize,
    "Reshape": _reshape,
    "Elu": _elu,
    columns.OP: _columns,
}
