"""The quantized graph: bared to its integer tensors, and read without the nodes that only convert."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass
from typing import Any

import numpy as np
import onnx
from numpy.typing import NDArray
from onnx import numpy_helper

from mien.errors import MienError

_SUFFIXES = ("_QuantizeLinear_Output", "_quantized")  # ONNX Runtime's, for activations and for weights


@dataclass(frozen=True, slots=True, eq=False)
class Tensor:
    """A quantized tensor: real = (value − zero point) × scale.

    Attributes:
        name: as in the ONNX file.
        shape: in ONNX order, (1, C, H, W) for pictures.
        scale: float32 (1,), or (C,) when quantized per channel.
        zero_point: int64, one per scale; of uint8 for activations, 0 for weights and biases.
        axis: the channels' axis of a per-channel tensor, else None.
        data: int8 weights, int32 biases or uint8 constants of `shape`; None for activations.
    """

    name: str
    shape: tuple[int, ...]
    scale: NDArray[np.float32]
    zero_point: NDArray[np.int64]
    axis: int | None
    data: NDArray[Any] | None


@dataclass(frozen=True, slots=True, eq=False)
class Node:
    """An operator on quantized tensors.

    Attributes:
        op: ONNX operator, such as "Conv".
        name: as in the ONNX file.
        inputs: quantized inputs by position; None where the input is absent or an unquantized constant.
        outputs: quantized outputs.
        arguments: unquantized constants (shapes, factors, bounds) by their input's position.
        attributes: ONNX attributes as Python values.
    """

    op: str
    name: str
    inputs: tuple[Tensor | None, ...]
    outputs: tuple[Tensor, ...]
    arguments: dict[int, NDArray[Any]]
    attributes: dict[str, Any]


@dataclass(frozen=True, slots=True, eq=False)
class Graph:
    """A quantized network; nodes in order of execution."""

    inputs: tuple[Tensor, ...]
    outputs: tuple[Tensor, ...]
    nodes: tuple[Node, ...]

    def tensors(self) -> dict[str, Tensor]:
        """Every tensor by name, inputs first."""
        found = {tensor.name: tensor for tensor in self.inputs}
        for node in self.nodes:
            found.update({t.name: t for t in (*node.inputs, *node.outputs) if t is not None})
        return found


def bare(model: onnx.ModelProto) -> onnx.ModelProto:
    """Strip the float ends: uint8 into the first DequantizeLinear, raw uint8 out of the last QuantizeLinear.

    Args:
        model: float in, float out, with a QuantizeLinear and DequantizeLinear pair at both ends.

    Returns:
        A copy with short tensor names, sorted nodes and inferred shapes.

    Raises:
        MienError: an end of the graph is not quantized.
    """
    model = onnx.ModelProto.FromString(model.SerializeToString())
    graph = model.graph
    for value in graph.input:
        node = next((n for n in graph.node if n.op_type == "QuantizeLinear" and n.input[0] == value.name), None)
        if node is None:
            raise MienError(f"input {value.name}: is not quantized; quantize the graph first")
        graph.node.remove(node)
        _rename(graph, {node.output[0]: value.name})
        value.type.tensor_type.elem_type = onnx.TensorProto.UINT8
    for value in graph.output:
        node = next((n for n in graph.node if n.op_type == "DequantizeLinear" and value.name in n.output), None)
        if node is None or any(node.input[0] == other.name for other in graph.output):
            raise MienError(f"output {value.name}: is not quantized, or the same tensor as another output")
        raw = node.input[0]
        if any(value.name in n.input for n in graph.node):
            _rename(graph, {value.name: f"{value.name}_real"})
        else:
            graph.node.remove(node)
        _rename(graph, {raw: value.name})
        value.type.tensor_type.elem_type = onnx.TensorProto.UINT8
    names = {name for node in graph.node for name in (*node.input, *node.output)}
    _rename(graph, {n: n.removesuffix(s) + "_q" for s in _SUFFIXES for n in names if n.endswith(s)})
    _sort(graph)
    del graph.value_info[:]
    return onnx.shape_inference.infer_shapes(model, strict_mode=True)


def read(model: onnx.ModelProto) -> Graph:
    """Read a bared QDQ graph.

    Raises:
        MienError: an operator works on a float tensor, or a shape is not static; the message names the node.
    """
    try:
        graph = onnx.shape_inference.infer_shapes(model, strict_mode=True).graph
    except Exception as error:  # onnx raises C++ errors that share no public base class
        raise MienError(f"the ONNX graph is not consistent: {str(error).strip().splitlines()[0]}") from None
    constants = {i.name: numpy_helper.to_array(i) for i in graph.initializer}
    shapes = {
        value.name: tuple(d.dim_value for d in value.type.tensor_type.shape.dim)
        for value in (*graph.input, *graph.output, *graph.value_info)
    }
    quantized: dict[str, Tensor] = {}  # by the name of the integer tensor
    real: dict[str, Tensor] = {}  # by the name of the float tensor that stands for it
    for node in graph.node:
        if node.op_type in ("QuantizeLinear", "DequantizeLinear"):
            integer = node.output[0] if node.op_type == "QuantizeLinear" else node.input[0]
            float_name = node.input[0] if node.op_type == "QuantizeLinear" else node.output[0]
            tensor = _tensor(node, integer, constants, shapes)
            known = quantized.setdefault(integer, tensor)
            if not (np.array_equal(known.scale, tensor.scale) and np.array_equal(known.zero_point, tensor.zero_point)):
                raise MienError(f"{node.name}: {integer} is written and read with different scales")
            real[float_name] = known
    nodes = tuple(
        _node(node, real, constants)
        for node in graph.node
        if node.op_type not in ("QuantizeLinear", "DequantizeLinear")
    )
    ends = [value.name for value in (*graph.input, *graph.output)]
    missing = [name for name in ends if name not in quantized]
    if missing:
        raise MienError(f"graph input or output {missing[0]} is not quantized; give the graph that `bare` returns")
    return Graph(
        tuple(quantized[value.name] for value in graph.input),
        tuple(quantized[value.name] for value in graph.output),
        nodes,
    )


def _tensor(
    node: onnx.NodeProto, name: str, constants: dict[str, NDArray[Any]], shapes: dict[str, tuple[int, ...]]
) -> Tensor:
    scale = np.atleast_1d(constants[node.input[1]]).astype(np.float32)
    zero_point = np.atleast_1d(constants[node.input[2]]) if len(node.input) > 2 else np.zeros(len(scale))
    data = constants.get(name)
    shape = tuple(data.shape) if data is not None else shapes.get(name, ())
    if not shape or 0 in shape:
        raise MienError(f"{node.name}: {name} has no static shape {shape}; export with a fixed batch and size")
    axis = next((a.i for a in node.attribute if a.name == "axis"), 1) % len(shape)
    return Tensor(name, shape, scale, zero_point.astype(np.int64), axis if len(scale) > 1 else None, data)


def _node(node: onnx.NodeProto, real: dict[str, Tensor], constants: dict[str, NDArray[Any]]) -> Node:
    inputs: list[Tensor | None] = []
    arguments: dict[int, NDArray[Any]] = {}
    for index, name in enumerate(node.input):
        inputs.append(real.get(name))
        if name in constants:
            arguments[index] = constants[name]
        elif name and name not in real:
            raise MienError(f"{node.op_type} {node.name}: its input {name} is not quantized")
    floats = [name for name in node.output if name not in real]
    if floats:
        raise MienError(f"{node.op_type} {node.name}: its output {floats[0]} is not quantized")
    attributes = {a.name: onnx.helper.get_attribute_value(a) for a in node.attribute}
    return Node(
        node.op_type,
        node.name,
        tuple(inputs),
        tuple(real[name] for name in node.output),
        arguments,
        attributes,
    )


def _rename(graph: onnx.GraphProto, names: dict[str, str]) -> None:
    for node in graph.node:
        for field in (node.input, node.output):
            for index, name in enumerate(field):
                field[index] = names.get(name, name)
    for initializer in graph.initializer:
        initializer.name = names.get(initializer.name, initializer.name)


def _sort(graph: onnx.GraphProto) -> None:
    ready = {value.name for value in (*graph.input, *graph.initializer)} | {""}
    waiting, done = list(graph.node), []
    while waiting:
        free = [node for node in waiting if ready.issuperset(node.input)]
        if not free:
            raise MienError(f"{waiting[0].name}: the graph has a cycle or lacks an input of this node")
        done += free
        for node in free:
            ready.update(node.output)
        waiting = [node for node in waiting if not ready.issuperset(node.output)]
    repeated = [name for name, times in Counter(name for n in done for name in n.output if name).items() if times > 1]
    assert not repeated, repeated
    del graph.node[:]
    graph.node.extend(done)
