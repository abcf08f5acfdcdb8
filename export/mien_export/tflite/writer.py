"""The same quantized graph as a TFLite flatbuffer, written operator by operator."""

from __future__ import annotations

import onnx

from mien_export.quantization import qdq
from mien_export.tflite import columns, operators
from mien_export.tflite.subgraph import Subgraph


def to_tflite(model: onnx.ModelProto) -> bytes:
    """Write a bared QDQ graph as TFLite.

    Args:
        model: of `quantize_network`: uint8 in, uint8 out, pictures (1, C, H, W).

    Returns:
        The file's bytes: int8 = uint8 − 128 in and out, pictures (1, H, W, C), the same scales and weights; a first
        layer as `columns` lays it out.

    Raises:
        MienError: an operator or a way of padding that the writer does not cover; the message names the node.
    """
    graph = columns.gathered(qdq.read(model))
    subgraph = Subgraph()
    inputs = [subgraph.activation(tensor) for tensor in graph.inputs]
    for node in graph.nodes:
        operators.write(subgraph, node)
    outputs = [subgraph.activation(tensor) for tensor in graph.outputs]
    return subgraph.finish(inputs, outputs)
