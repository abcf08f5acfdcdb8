"""Multiply-accumulates of a TFLite file."""

from __future__ import annotations

import math
from collections import Counter

from mien_export.tflite import flatbuffer


def macs(content: bytes) -> dict[str, int]:
    """Count a file's multiply-accumulates for a batch of one.

    Returns:
        "dense", "pointwise", "depthwise" and "fully connected", those that occur.

    Raises:
        MienError: not a TFLite file with one subgraph.
    """
    file = flatbuffer.read(content)
    found: Counter[str] = Counter()
    for operator in file.operators:
        if operator.name not in ("CONV_2D", "DEPTHWISE_CONV_2D", "FULLY_CONNECTED"):
            continue
        weights = file.tensors[operator.inputs[1]].shape  # (out, height, width, in), (1, height, width, out), (out, in)
        if operator.name == "FULLY_CONNECTED":
            found["fully connected"] += math.prod(weights)
            continue
        pointwise = "pointwise" if weights[1:3] == (1, 1) else "dense"
        kind = "depthwise" if operator.name == "DEPTHWISE_CONV_2D" else pointwise
        _, height, width, _ = file.tensors[operator.outputs[0]].shape
        found[kind] += height * width * math.prod(weights)
    return dict(found)
