"""A detector's three maps of a stride as one: its heads see the same features, so that they are one convolution.

On Arm, XNNPACK computes sixteen channels of a convolution at a time: heads of 1, 4 and 10 channels cost three times
what they cost together. A detector of 256×320 pixels takes 1.4 million instructions less on a Cortex-A53, 0.4 million
on an A76. The price is one scale for scores, boxes and landmarks, that of whichever has the widest range.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np
import onnx
from onnx import helper, numpy_helper
from onnxruntime.quantization import CalibrationMethod
from onnxruntime.quantization.calibrate import TensorData, TensorsData

from mien.errors import MienError


def together(
    model: onnx.ModelProto, measured: TensorsData, groups: Mapping[str, Sequence[str]]
) -> tuple[onnx.ModelProto, TensorsData]:
    """A copy of a float graph in which convolutions of one input that give outputs are one, with one output.

    Args:
        model: graph of `trace`.
        measured: ranges of its tensors.
        groups: a new output's name to those of the outputs that become its channels, in order. All outputs of the
            graph are in one group each.

    Returns:
        The graph, and its ranges: a new output's covers those of its channels. Weights and bias of the new convolution
        are called after the first of its outputs: those of `score.0.weight` are in `maps.0.weight`.

    Raises:
        MienError: they are not such convolutions.
    """
    outputs = {value.name: _shape(value) for value in model.graph.output}
    if sorted(outputs) != sorted(name for names in groups.values() for name in names):
        raise MienError(f"the graph gives {', '.join(outputs)}, which are not the maps that belong together")
    found = onnx.ModelProto()
    found.CopyFrom(model)
    graph = found.graph
    del graph.output[:]
    bounds = {name: tuple(float(np.ravel(bound)[0]) for bound in data.range_value) for name, data in measured.items()}
    for name, parts in groups.items():
        _join(graph, name, parts)
        first = outputs[parts[0]]
        shape = [first[0], sum(outputs[part][1] for part in parts), *first[2:]]
        graph.output.append(helper.make_tensor_value_info(name, onnx.TensorProto.FLOAT, shape))
        covered = [bounds.pop(part) for part in parts]
        bounds[name] = min(low for low, _ in covered), max(high for _, high in covered)
    _drop_unused(graph)
    ranges = {
        name: TensorData(lowest=np.float32(low), highest=np.float32(high)) for name, (low, high) in bounds.items()
    }
    return found, TensorsData(CalibrationMethod.MinMax, ranges)


def _shape(value: onnx.ValueInfoProto) -> list[int]:
    return [dimension.dim_value for dimension in value.type.tensor_type.shape.dim]


def _join(graph: onnx.GraphProto, name: str, parts: Sequence[str]) -> None:
    """The convolutions that give `parts` become the first of them, which gives `name`."""
    makers = {output: node for node in graph.node for output in node.output}
    constants = {tensor.name: numpy_helper.to_array(tensor) for tensor in graph.initializer}
    nodes = [makers[part] for part in parts]
    first, *others = nodes
    if any(node.op_type != "Conv" or len(node.input) != 3 or node.input[0] != first.input[0] for node in nodes):
        raise MienError(f"{', '.join(parts)}: are not convolutions of one tensor, with a bias each")
    if any(list(node.attribute) != list(first.attribute) for node in others):
        raise MienError(f"{', '.join(parts)}: are convolutions of different kinds")
    level = first.input[1].removesuffix(".weight").rpartition(".")[2]
    for place, kind in ((1, "weight"), (2, "bias")):
        data = np.concatenate([constants[node.input[place]] for node in nodes])
        graph.initializer.append(numpy_helper.from_array(data, f"maps.{level}.{kind}"))
        first.input[place] = f"maps.{level}.{kind}"
    first.output[0] = name
    for node in others:
        graph.node.remove(node)


def _drop_unused(graph: onnx.GraphProto) -> None:
    used = {name for node in graph.node for name in node.input}
    kept = [tensor for tensor in graph.initializer if tensor.name in used]
    del graph.initializer[:]
    graph.initializer.extend(kept)
