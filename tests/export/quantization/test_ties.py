"""Sums that runtimes round differently: counted by hand, and avoided."""

from __future__ import annotations

import numpy as np
import torch
from torch import nn

from mien_export.proof import parity
from mien_export.quantization import qdq
from mien_export.quantization.fuse import fuse
from mien_export.quantization.observers import ranges
from mien_export.quantization.quantize import quantize
from mien_export.quantization.ties import disputes, settle
from mien_export.quantization.trace import trace
from mien_train.networks import face, registry


def test_half_of_all_sums_are_ties_when_the_output_step_is_twice_as_large() -> None:
    # (a + b) / 2 is a tie whenever a + b is odd, which half of the 65,536 pairs are.
    assert disputes((1.0, 0), (1.0, 0), (2.0, 0)) == 32768


def test_whole_sums_are_never_disputed() -> None:
    assert disputes((1.0, 128), (1.0, 128), (1.0, 128)) == 0


def test_ties_beyond_the_clamp_do_not_count() -> None:
    # Of the odd sums, those below the zero point of a rectified output are cut off, however they are rounded.
    assert 0 < disputes((1.0, 128), (1.0, 128), (2.0, 0)) < 16384 + 256


def test_settled_ranges_are_a_little_wider_and_leave_no_dispute(emotion_net: nn.Module) -> None:
    images = parity.structured(4, 48, 48, 1)
    model = trace(fuse(emotion_net), ["logits"], 48, 48)
    measured = ranges(model, images, "minmax")
    settled = settle(model, measured)
    assert set(settled.keys()) == set(measured.keys())
    growth = {n: float(settled[n].highest) / float(measured[n].highest) for n in measured if n != "logits"}
    assert max(growth.values()) > 1
    assert all(0.999999 < factor < 1.032 for factor in growth.values())
    additions = [node for node in qdq.read(quantize(model, settled)).nodes if node.op == "Add"]
    assert len(additions) == 3
    for node in additions:
        one, other = node.inputs
        assert one is not None
        assert other is not None
        triple = [(float(t.scale[0]), int(t.zero_point[0])) for t in (one, other, node.outputs[0])]
        assert disputes(triple[0], triple[1], triple[2]) == 0


def test_top_down_additions_of_the_detector_are_settled_too() -> None:
    torch.manual_seed(3)
    network = registry.build({"name": "face", "stem": (4, 4), "width": 8, "blocks": (1, 1, 0)}).eval()
    images = parity.noise(2, 64, 64, 1)
    model = trace(fuse(network), face.FACE_OUTPUTS, 64, 64)
    nodes = qdq.read(quantize(model, settle(model, ranges(model, images, "minmax")))).nodes
    additions = [node for node in nodes if node.op == "Add"]
    assert len(additions) == 2
    for node in additions:
        values = [(float(t.scale[0]), int(t.zero_point[0])) for t in (*node.inputs, node.outputs[0]) if t is not None]
        assert disputes(values[0], values[1], values[2]) <= 1
    assert np.all([t.scale > 0 for node in nodes for t in node.outputs])
