"""What a Raspberry Pi may need, projected from this machine and from multiply-accumulates; no measurement."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from mien_export.quantization import qdq

# Ratios of latency over 41 models that two publications share, with the geometric spread.
_PI4_OVER_DESKTOP = 16.3, 1.54  # Raspberry Pi 4B over one core of a desktop's i7-12700K
_PI4_OVER_PI5 = 2.68, 1.21  # Raspberry Pi 4B over an RK3588's Cortex-A76, which is near a Raspberry Pi 5
_ZERO2_OVER_PI4 = 3.0, 1.0  # no spread was published

# opencv_zoo on a Raspberry Pi 4B, OpenCV: YuNet, 160×120, 6.2 ms, and MobileFaceNet's expressions, 27.8 ms.
# Counted in their files, YuNet has 135.6 million multiply-accumulates at 320×320, MobileFaceNet 221.2 million.
_PI4_RATES = 135.6e6 * (160 * 120) / (320 * 320) / 6.2e-3, 221.2e6 / 27.8e-3  # a second

RESTS_ON = (
    "Projection, not measured: `mien bench` on the device replaces it. One end of each interval is this machine's "
    "median times the published ratio of a Raspberry Pi 4 to a desktop core (16.3, ×/÷ 1.54, over 41 models; that this "
    "machine's core is like that desktop's is an assumption), the other comes from multiply-accumulates at the rates "
    "that two float networks of opencv_zoo reach on a Pi 4 (int8 was no faster there). Pi 5 = Pi 4 / 2.68 (×/÷ 1.21), "
    "Zero 2 W = 3 × Pi 4. Pi 4 and Zero 2 W have no int8 dot product: multiply-accumulates weigh more there than here."
)


@dataclass(frozen=True, slots=True)
class Projection:
    """Milliseconds of one frame with one face on a board: middle, and the interval in which it may lie."""

    board: str
    middle: float
    low: float
    high: float


def macs(model: Any) -> dict[str, int]:
    """Multiply-accumulates of a bared QDQ graph by kind: "dense", "pointwise", "depthwise", "fully connected"."""
    found: Counter[str] = Counter()
    for node in qdq.read(model).nodes:
        weight = node.inputs[1] if len(node.inputs) > 1 else None
        if weight is None or weight.data is None or node.op not in ("Conv", "Gemm"):
            continue
        if node.op == "Gemm":
            found["fully connected"] += math.prod(weight.shape)
            continue
        depthwise = node.attributes.get("group", 1) > 1
        kind = "depthwise" if depthwise else "pointwise" if weight.shape[2:] == (1, 1) else "dense"
        found[kind] += math.prod(node.outputs[0].shape[1:]) * math.prod(weight.shape[1:])
    return dict(found)


def project(median: float, counts: Sequence[Mapping[str, int]]) -> list[Projection]:
    """Project one frame with one face.

    Args:
        median: of this machine, one thread, milliseconds.
        counts: multiply-accumulates of both networks, by kind.

    Returns:
        Raspberry Pi 4, Pi 5 and Zero 2 W.
    """
    total = sum(sum(count.values()) for count in counts)
    ratio, spread = _PI4_OVER_DESKTOP
    by_time = median * ratio / spread, median * ratio * spread
    by_work = 1e3 * total / max(_PI4_RATES), 1e3 * total / min(_PI4_RATES)
    low, high = min(*by_time, *by_work), max(*by_time, *by_work)
    boards = (
        ("Raspberry Pi 4", 1.0, 1.0),
        ("Raspberry Pi 5", 1 / _PI4_OVER_PI5[0], _PI4_OVER_PI5[1]),
        ("Raspberry Pi Zero 2 W", *_ZERO2_OVER_PI4),
    )
    return [_widened(board, low * factor, high * factor, extra) for board, factor, extra in boards]


def _widened(board: str, low: float, high: float, extra: float) -> Projection:
    # Independent relative spreads add up as squares of their logarithms.
    middle = math.sqrt(low * high)
    half = math.exp(float(np.hypot(math.log(high / low) / 2, math.log(extra))))
    return Projection(board, middle, middle / half, middle * half)
