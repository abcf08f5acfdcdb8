"""Pools as the convolutions that both runtimes compute alike."""

from __future__ import annotations

import numpy as np
import onnx
from onnx import helper, numpy_helper


def as_convolutions(model: onnx.ModelProto) -> onnx.ModelProto:
    """Replace every average pool without padding by a depthwise convolution with equal weights.

    ONNX Runtime and LiteRT round the ties of an average pool differently (with a 6×6 window one mean in 36 is
    a tie), and the layer behind it multiplies that. Convolutions round alike; and a convolution may have a
    finer output scale than its input, which an int8 average pool may not.

    A pool of single pixels, as the shortcuts of some networks sample with, becomes the stride of the 1×1 convolution
    behind it: the same numbers, in one operator that every runtime has a fast kernel for.

    Args:
        model: float graph with inferred shapes.

    Returns:
        A copy; average pools with padding or with ceil_mode stay pools.
    """
    model = onnx.ModelProto.FromString(model.SerializeToString())
    graph = model.graph
    channels = {
        value.name: value.type.tensor_type.shape.dim[1].dim_value
        for value in (*graph.input, *graph.value_info, *graph.output)
        if len(value.type.tensor_type.shape.dim) == 4
    }
    for node in graph.node:
        if node.op_type != "AveragePool":
            continue
        attributes = {a.name: helper.get_attribute_value(a) for a in node.attribute}
        if any(attributes.get("pads", ())) or attributes.get("ceil_mode") or node.input[0] not in channels:
            continue
        kernel = attributes["kernel_shape"]
        count = channels[node.input[0]]
        weight = np.full((count, 1, *kernel), 1 / np.prod(kernel), np.float32)
        name = f"{node.output[0]}.weight"
        graph.initializer.append(numpy_helper.from_array(weight, name))
        node.CopyFrom(
            helper.make_node(
                "Conv",
                [node.input[0], name],
                list(node.output),
                name=node.name,
                group=count,
                kernel_shape=kernel,
                strides=attributes.get("strides", [1, 1]),
                pads=[0, 0, 0, 0],
                dilations=[1, 1],
            )
        )
    _sampling_as_strides(graph)
    return model


def _sampling_as_strides(graph: onnx.GraphProto) -> None:
    for pool in [node for node in graph.node if node.op_type == "MaxPool"]:
        attributes = {a.name: helper.get_attribute_value(a) for a in pool.attribute}
        readers = [node for node in graph.node if pool.output[0] in node.input]
        if list(attributes["kernel_shape"]) != [1, 1] or len(readers) != 1 or readers[0].op_type != "Conv":
            continue
        convolution = {a.name: a for a in readers[0].attribute}
        if list(convolution["kernel_shape"].ints) != [1, 1] or list(convolution["strides"].ints) != [1, 1]:
            continue
        convolution["strides"].ints[:] = attributes["strides"]
        readers[0].input[0] = pool.input[0]
        graph.node.remove(pool)
