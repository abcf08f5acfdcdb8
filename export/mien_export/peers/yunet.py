"""YuNet_n in int8, by this package's own export: the peer that mien's detector is measured against."""

from __future__ import annotations

import os
from pathlib import Path

import cv2
import numpy as np
import onnx
from numpy.typing import NDArray

from mien.cameras.demo import DemoCamera
from mien.errors import MienError
from mien.models import bundle
from mien_export.proof.parity import structured
from mien_export.quantization.observers import InputScale, ranges
from mien_export.quantization.quantize import quantize
from mien_export.quantization.trace import INPUT
from mien_export.tflite.writer import to_tflite
from mien_train.data import store
from mien_train.face.detectors import YuNet

FILE = YuNet.FILE
PIXELS = InputScale(scale=1.0, zero_point=0)
"""YuNet takes 0..255 as they are."""

_CONVERSION = 1
"""Raised whenever `converted` would write another file for the same model and size."""

_OPSET = 13  # the first with per-channel DequantizeLinear
_FRAMES = 16


def converted(peers: Path, height: int, width: int) -> Path:
    """YuNet_n as int8 TFLite, converted once and kept in the user's cache.

    TFLite has no padding of one pixel on every side for a stride of 2, so the border that the first convolution
    pads with stands in the input: (1, height + 1, width + 1, 3), its first row and column 0. That costs the peer
    no operator. The last sigmoids are left out, as they are for mien's own detector.

    Args:
        peers: folder of `FILE`.
        height, width: of the picture, multiples of 32.

    Returns:
        Path of the file: int8 = B, G, R − 128.

    Raises:
        MienError: the model is missing or is not the YuNet that this knows.
    """
    source = peers / FILE
    if not source.is_file():
        raise MienError(f"{source}: missing; it is YuNet_n of github.com/ShiqiYu/libfacedetection.train")
    path = store.cache() / f"yunet_n-{height}x{width}-{bundle.sha256(source)[:12]}-{_CONVERSION}.tflite"
    if not path.is_file():
        model = network(onnx.load(source), height, width)
        measured = ranges(model, _pictures(height, width), "minmax", PIXELS)
        partial = path.with_suffix(f".{os.getpid()}.partial")
        partial.write_bytes(to_tflite(quantize(model, measured, PIXELS)))
        os.replace(partial, path)
    return path


def network(model: onnx.ModelProto, height: int, width: int) -> onnx.ModelProto:
    """The convolutional part, from a padded input of static size to the twelve raw maps.

    Raises:
        MienError: not the YuNet that this knows.
    """
    model = onnx.ModelProto.FromString(model.SerializeToString())
    graph = model.graph
    producers = {name: node for node in graph.node for name in node.output}
    heads = {}
    for output in graph.output:
        node = producers[output.name]
        while node.op_type in ("Sigmoid", "Reshape", "Transpose"):
            name = node.input[0]
            node = producers[name]
        if node.op_type != "Conv" or name in heads:
            raise MienError(f"{FILE}: output {output.name} is no convolution's; give the YuNet_n of 2023")
        heads[name] = output.name
    needed, waiting = set(), list(heads)
    while waiting:
        node = producers.get(waiting.pop())
        if node is not None and node.output[0] not in needed:
            needed.add(node.output[0])
            waiting += node.input
    kept = [node for node in graph.node if node.output[0] in needed]
    stem = kept[0]
    pads = next((a for a in stem.attribute if a.name == "pads"), None)
    if stem.op_type != "Conv" or pads is None or list(pads.ints) != [1, 1, 1, 1]:
        raise MienError(f"{FILE}: does not begin with a padded convolution; give the YuNet_n of 2023")
    pads.ints[:] = [0, 0, 0, 0]
    names = {graph.input[0].name: INPUT, **heads}
    for node in kept:
        node.input[:] = [names.get(name, name) for name in node.input]
        node.output[:] = [names.get(name, name) for name in node.output]
        node.name = f"{node.op_type}_{node.output[0]}"
    used = {name for node in kept for name in node.input}
    small = onnx.helper.make_graph(
        kept,
        "yunet_n",
        [onnx.helper.make_tensor_value_info(INPUT, onnx.TensorProto.FLOAT, (1, 3, height + 1, width + 1))],
        [onnx.helper.make_tensor_value_info(name, onnx.TensorProto.FLOAT, None) for name in heads.values()],
        [constant for constant in graph.initializer if constant.name in used],
    )
    opset = model.opset_import[0].version
    alone = onnx.helper.make_model(small, opset_imports=[onnx.helper.make_opsetid("", opset)], ir_version=8)
    newer = onnx.version_converter.convert_version(onnx.shape_inference.infer_shapes(alone), _OPSET)
    return onnx.shape_inference.infer_shapes(newer, strict_mode=True, data_prop=True)


def framed(luma: NDArray[np.uint8], height: int, width: int) -> NDArray[np.uint8]:
    """A picture with YuNet's border: uint8 (H, W) → (height + 1, width + 1, 3), three equal channels.

    The picture is letterboxed: it keeps its shape, and what it does not cover is 0.
    """
    canvas = np.zeros((height + 1, width + 1, 3), np.uint8)
    scale = min(height / luma.shape[0], width / luma.shape[1])
    size = (round(luma.shape[1] * scale), round(luma.shape[0] * scale))
    small = cv2.resize(luma, size, interpolation=cv2.INTER_AREA)
    canvas[1 : 1 + size[1], 1 : 1 + size[0]] = small[..., None]
    return canvas


def _pictures(height: int, width: int) -> NDArray[np.uint8]:
    """Calibration: frames of the demo's clip, else surfaces and gradients; uint8 (n, 3, height + 1, width + 1)."""
    try:
        frames = [frame.luma.copy() for frame in DemoCamera(_FRAMES).frames()]
    except MienError:
        frames = list(structured(_FRAMES, height, width, seed=0))
    return np.stack([framed(frame, height, width).transpose(2, 0, 1) for frame in frames])
