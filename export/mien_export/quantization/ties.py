"""Output scales of additions and ELUs, chosen so that no two runtimes round a value differently."""

from __future__ import annotations

import numpy as np
import onnx
from onnxruntime.quantization import CalibrationMethod
from onnxruntime.quantization.calibrate import TensorData, TensorsData

from mien_export.quantization.observers import INPUT_ZERO_POINT, tied
from mien_export.quantization.trace import INPUT
from mien_train.networks.registry import INPUT_SCALE

_STEP, _STEPS = 2.0**-13, 257  # up to 3 % wider: a loss of 0.05 bit at most
_EPSILON = 2.0**-24  # of float32, in which ONNX Runtime adds up products of raw values

Bounds = tuple[float, float]


def settle(model: onnx.ModelProto, measured: TensorsData) -> TensorsData:
    """Widen the ranges of sums and of ELUs a little where their scale would make runtimes disagree.

    An addition of two int8 tensors has 65,536 possible operands. ONNX Runtime adds in float32; XNNPACK multiplies
    with 21-bit integers, so a handful of the sums that lie next to a tie round the other way, and later layers
    multiply that. An ELU has 256 operands; ONNX Runtime divides by the scale and rounds ties to even, TFLite's look-up
    tables multiply by its inverse, and the builtin ones round ties away from 0. Another scale moves the ties: the
    narrowest is taken at which every value rounds alike.

    Args:
        model: float graph of `trace`.
        measured: ranges of `observers.ranges`.

    Returns:
        The ranges, those of these operators' outputs (and of what is tied to them) up to 3 % wider.
    """
    bounds = {
        name: (float(np.ravel(data.lowest)[0]), float(np.ravel(data.highest)[0])) for name, data in measured.items()
    }
    groups = tied(model.graph)
    absorbed = _absorbed(model.graph)
    for node in model.graph.node:
        if node.op_type not in ("Add", "Elu") or not all(name in bounds for name in node.input):
            continue
        output = absorbed.get(node.output[0], node.output[0])
        group = next((group for group in groups if output in group), {output})
        if INPUT in group or group.intersection(node.input):
            continue
        operands = [_parameters(name, bounds[absorbed.get(name, name)]) for name in node.input]
        low, high = bounds[output]
        factors = 1 + _STEP * np.arange(_STEPS)
        disputed = []
        for factor in factors:
            wider = _parameters(output, (low * factor, high * factor))
            disputed.append(
                disputes(operands[0], operands[1], wider) if node.op_type == "Add" else elu_disputes(operands[0], wider)
            )
            if not disputed[-1]:
                break
        best = factors[int(np.argmin(disputed))]
        bounds.update({name: (low * best, high * best) for name in group if name in bounds})
    data = {name: TensorData(lowest=np.float32(low), highest=np.float32(high)) for name, (low, high) in bounds.items()}
    return TensorsData(CalibrationMethod.MinMax, data)


def disputes(one: tuple[float, int], other: tuple[float, int], output: tuple[float, int]) -> int:
    """How many of the 65,536 sums XNNPACK rounds differently from ONNX Runtime, or may.

    Args:
        one, other, output: (scale, uint8 zero point) of the two operands and of the sum.
    """
    ratios = one[0] / output[0], other[0] / output[0]
    values = np.arange(256)
    exact = np.add.outer((values - one[1]) * ratios[0], (values - other[1]) * ratios[1])
    floor = np.floor(exact)
    fixed_part = abs(output[1] - one[1] * ratios[0] - other[1] * ratios[1])
    added_up = np.add.outer(values * ratios[0], values * ratios[1]) + fixed_part
    near = np.abs(exact - floor - 0.5) < _EPSILON * added_up
    # XNNPACK's qs8-vadd: the larger ratio becomes an integer of 21 bits, and a tie rounds up.
    shift = 20 - (int(np.frexp(max(ratios))[1]) - 1)
    multipliers = [int(np.rint(np.ldexp(np.float32(ratio), shift))) for ratio in ratios]
    total = np.add.outer((values - one[1]) * multipliers[0], (values - other[1]) * multipliers[1])
    fixed = (total + (1 << (shift - 1))) >> shift
    steps = exact + output[1]
    inside = (steps > -1) & (steps < 256)  # beyond the clamp both give its bound, however they round
    apart = np.clip(fixed + output[1], 0, 255) != np.clip(np.rint(exact) + output[1], 0, 255)
    return int(((near | apart) & inside).sum())


def elu_disputes(source: tuple[float, int], output: tuple[float, int]) -> int:
    """How many of the 256 values of an ELU (α = 1) may be rounded differently.

    Args:
        source, output: (scale, uint8 zero point).
    """
    real = (np.arange(256) - source[1]) * source[0]
    exact = np.where(real < 0, np.expm1(real), real) / output[0]
    # Some runtimes take exp(x) − 1, which is off by a float32 step of 1, the others by some steps of the result.
    slack = 4 * _EPSILON * (np.abs(exact) + 1 / output[0])
    near = np.abs(exact - np.floor(exact) - 0.5) < slack
    steps = exact + output[1]
    return int((near & (steps > -1) & (steps < 256)).sum())


def _parameters(name: str, bounds: Bounds) -> tuple[float, int]:
    """Scale and zero point that ONNX Runtime derives from a range, in float32 as it does."""
    if name == INPUT:
        return INPUT_SCALE, INPUT_ZERO_POINT
    low, high = np.float32(min(bounds[0], 0.0)), np.float32(max(bounds[1], 0.0))
    scale = np.float32((np.float64(high) - np.float64(low)) / 255) or np.float32(1)
    return float(scale), int(np.clip(np.rint(-np.float64(low) / scale), 0, 255))


def _absorbed(graph: onnx.GraphProto) -> dict[str, str]:
    """Tensors whose only reader is a ReLU, which takes their place; a Clip's bound is not to be widened."""
    readers: dict[str, list[onnx.NodeProto]] = {}
    for node in graph.node:
        for name in node.input:
            readers.setdefault(name, []).append(node)
    ends = {value.name for value in graph.output}
    return {
        name: nodes[0].output[0]
        for name, nodes in readers.items()
        if name not in ends and len(nodes) == 1 and nodes[0].op_type == "Relu"
    }
