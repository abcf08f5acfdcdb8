"""The float ONNX graph of a fused network."""

from __future__ import annotations

import contextlib
import io
import logging
import warnings
from collections.abc import Iterator, Sequence

import onnx
import torch
from torch import nn

from mien.errors import MienError

OPSET = 18
"""The lowest that the exporter writes without conversion; every runtime of the last years reads it."""

INPUT = "luma"
"""Name of the graph's input."""


def trace(network: nn.Module, outputs: Sequence[str], height: int, width: int, channels: int = 1) -> onnx.ModelProto:
    """Write a network down as a float32 ONNX graph.

    Args:
        network: fused, in evaluation mode; float32 (1, channels, height, width) → one tensor or a tuple.
        outputs: names of the network's outputs, in order.
        height, width: input size in pixels.
        channels: 1, luma.

    Returns:
        The graph with a static batch of 1, input `INPUT`, and no initializer shared between two nodes.

    Raises:
        MienError: the network cannot be exported, or gives another number of outputs.
    """
    example = torch.zeros(1, channels, height, width)
    try:
        with _quiet():
            program = torch.onnx.export(
                network,
                (example,),
                dynamo=True,
                opset_version=OPSET,
                input_names=[INPUT],
                output_names=list(outputs),
                verbose=False,
            )
    except Exception as error:  # the exporter's errors share no base class of their own
        raise MienError(f"{type(network).__name__} cannot be exported to ONNX: {_first_line(error)}") from None
    assert program is not None
    model = program.model_proto
    names = [output.name for output in model.graph.output]
    if names != list(outputs):
        raise MienError(f"{type(network).__name__} gives outputs {names}, expected {list(outputs)}")
    for node in model.graph.node:
        # The exporter notes where in whose source each node comes from: it would change the file's hash with a comment,
        # and tell everybody the folders of the machine that made it.
        del node.metadata_props[:]
    del model.metadata_props[:], model.graph.metadata_props[:]
    for value in (*model.graph.input, *model.graph.output, *model.graph.value_info):
        del value.metadata_props[:]
    _unshare(model.graph)
    return onnx.shape_inference.infer_shapes(model, strict_mode=True, data_prop=True)


def _unshare(graph: onnx.GraphProto) -> None:
    # The exporter merges equal initializers. A bias takes its node's scales, so each needs its own.
    by_name = {initializer.name: initializer for initializer in graph.initializer}
    seen: set[str] = set()
    for node in graph.node:
        for index, name in enumerate(node.input):
            if name not in by_name:
                continue
            if name in seen:
                twin = onnx.TensorProto()
                twin.CopyFrom(by_name[name])
                twin.name = f"{name}.{node.name}.{index}"
                graph.initializer.append(twin)
                node.input[index] = twin.name
            seen.add(name)


@contextlib.contextmanager
def _quiet() -> Iterator[None]:
    # The exporter logs every operator set that is not installed, and its own libraries' deprecations.
    loggers = [logging.getLogger(name) for name in ("torch.onnx", "onnxscript", "onnx_ir")]
    levels = [logger.level for logger in loggers]
    with warnings.catch_warnings(), contextlib.redirect_stdout(io.StringIO()):
        warnings.simplefilter("ignore")
        for logger in loggers:
            logger.setLevel(logging.ERROR)
        try:
            yield
        finally:
            for logger, level in zip(loggers, levels, strict=True):
                logger.setLevel(level)


def _first_line(error: BaseException) -> str:
    return (str(error).strip().splitlines() or [type(error).__name__])[0]
