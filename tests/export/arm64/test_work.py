"""Multiply-accumulates of TFLite files, worked out by hand."""

from __future__ import annotations

from pathlib import Path

from mien_export.arm64.work import macs


def test_multiply_accumulates_are_counted_by_kind(models: tuple[Path, Path]) -> None:
    counted = macs(models[1].with_suffix(".tflite").read_bytes())
    # Stem 1→4 at 48×48; stage 1 twice 4→4; stage 2 4→6 and 6→6 at 24×24; stage 3 6→8 and 8→8 at 12×12.
    dense = 9 * (48**2 * (4 + 2 * 16) + 24**2 * (24 + 36) + 12**2 * (48 + 64))
    # Shortcuts 4→6 and 6→8, and the head 8→3; the average pool is a depthwise convolution.
    assert counted == {"dense": dense, "pointwise": 24**2 * 24 + 12**2 * 48 + 24, "depthwise": 8 * 12**2}
