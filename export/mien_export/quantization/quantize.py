"""One static int8 quantization of a network: the QDQ graph that both artefacts spell out."""

from __future__ import annotations

import contextlib
import logging
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import numpy as np
import onnx
from numpy.typing import NDArray
from onnx import numpy_helper
from onnxruntime.quantization import CalibrationMethod, QuantType
from onnxruntime.quantization.calibrate import TensorData, TensorsData
from onnxruntime.quantization.qdq_quantizer import QDQQuantizer
from torch import nn

from mien_export.quantization import maps, qdq
from mien_export.quantization.fuse import fuse
from mien_export.quantization.observers import LUMA, ONE_SCALE, InputScale, ranges
from mien_export.quantization.pool import as_convolutions
from mien_export.quantization.ties import settle
from mien_export.quantization.trace import INPUT, trace


def quantize_network(
    network: nn.Module,
    images: NDArray[np.uint8],
    outputs: Sequence[str],
    height: int,
    width: int,
    method: str = "minmax",
    least: Mapping[str, tuple[float, float]] | None = None,
    groups: Mapping[str, Sequence[str]] | None = None,
) -> onnx.ModelProto:
    """Quantize a trained network.

    Args:
        network: float32 (1, 1, height, width) = (luma − 128) × INPUT_SCALE → one tensor or a tuple; it stays
            as it is.
        images: calibration images, uint8 (n, height, width), luma.
        outputs: names of the network's outputs, in order.
        height, width: input size in pixels.
        method: "minmax", "percentile" or "entropy".
        least: output to the lowest value worth telling apart (what lies below becomes that), and to one up to which
            it must reach, whatever the method takes for outliers.
        groups: of outputs that become one, as in `maps.together`; none if not given.

    Returns:
        The QDQ graph: uint8 luma (1, 1, height, width) → raw uint8 tensors; activations uint8, weights int8
        per output channel, biases int32.

    Raises:
        MienError: the network, the images or the method cannot be used; the message names which.
    """
    model = as_convolutions(trace(fuse(network), outputs, height, width))
    measured = _bounded(ranges(model, images, method), least or {})
    if groups:
        model, measured = maps.together(model, measured, groups)
    return quantize(model, settle(model, measured))


def quantize(model: onnx.ModelProto, measured: TensorsData, scale: InputScale = LUMA) -> onnx.ModelProto:
    """Quantize a float graph of `trace` with the ranges of `observers.ranges` and the input's scale.

    See `quantize_network`.
    """
    overrides: dict[str, list[dict[str, object]]] = {
        INPUT: [
            {
                "quant_type": QuantType.QUInt8,
                "scale": np.array(scale.scale, np.float32),
                "zero_point": np.array(scale.zero_point, np.uint8),
            }
        ]
    }
    with _quiet():
        quantizer = _Quantizer(
            _standing(model.graph, measured),
            model,
            per_channel=True,
            reduce_range=False,
            weight_qType=QuantType.QInt8,
            activation_qType=QuantType.QUInt8,
            tensors_range=measured,
            nodes_to_quantize=[],
            nodes_to_exclude=[],
            op_types_to_quantize=sorted({node.op_type for node in model.graph.node}),
            # Without the check, a pool or a reshape right behind the input is quantized too.
            extra_options={"TensorQuantOverrides": overrides, "ForceQuantizeNoInputCheck": True},
        )
        quantizer.quantize_model()
    return qdq.bare(quantizer.model.model)


def _bounded(measured: TensorsData, least: Mapping[str, tuple[float, float]]) -> TensorsData:
    data = {}
    for name, found in measured.items():
        low, high = (np.float32(np.ravel(bound)[0]) for bound in found.range_value)
        floor, reach = least.get(name, (low, high))
        data[name] = TensorData(lowest=np.float32(max(low, floor)), highest=np.float32(max(high, reach)))
    return TensorsData(CalibrationMethod.MinMax, data)


class _Quantizer(QDQQuantizer):  # type: ignore[misc] # onnxruntime ships no types
    """ONNX Runtime's quantizer, which drops activations and leaves their work to the clamp before.

    Args:
        standing: outputs of activations that must stay, since no clamp does their work.
    """

    def __init__(self, standing: frozenset[str], *arguments: Any, **options: Any) -> None:
        super().__init__(*arguments, **options)
        self._standing = standing

    def try_replacing_upstream_output(self, upstream: str, output: str) -> bool:
        """Whether the activation between the two tensors could be dropped."""
        return output not in self._standing and bool(super().try_replacing_upstream_output(upstream, output))


def _standing(graph: onnx.GraphProto, measured: TensorsData) -> frozenset[str]:
    producers = {name: node for node in graph.node for name in node.output}
    constants = {i.name: numpy_helper.to_array(i) for i in graph.initializer}
    found = set()
    for node in graph.node:
        if node.op_type not in ("Relu", "Clip"):
            continue
        before, output = producers.get(node.input[0]), node.output[0]
        bounds = [float(constants[name]) if name in constants else None for name in node.input[1:3]]
        least, most = (0.0, None) if node.op_type == "Relu" else (*bounds, None, None)[:2]
        # The range always includes 0, and is wider than the activation's where another operator ties it to others.
        low, high = (float(np.ravel(bound)[0]) for bound in measured[output].range_value)
        wider = (least is not None and min(low, 0.0) < least) or (most is not None and max(high, 0.0) > most)
        # An operator that shares its scale with its inputs has no clamp of its own.
        if wider or before is None or before.op_type in ONE_SCALE:
            found.add(output)
    return frozenset(found)


@contextlib.contextmanager
def _quiet() -> Iterator[None]:
    root = logging.getLogger()  # ONNX Runtime's quantizer logs its advice on the root logger
    level = root.level
    root.setLevel(logging.ERROR)
    try:
        yield
    finally:
        root.setLevel(level)
