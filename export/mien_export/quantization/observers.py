"""The value range of every activation, measured on calibration images."""

from __future__ import annotations

import contextlib
import io
import tempfile
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import onnx
from numpy.typing import NDArray
from onnxruntime.quantization import CalibrationDataReader, CalibrationMethod
from onnxruntime.quantization.calibrate import TensorData, TensorsData, create_calibrator

from mien.errors import MienError
from mien_export.quantization.trace import INPUT
from mien_train.networks.registry import INPUT_SCALE
from mien_train.training.progress import progress

METHODS = {
    "minmax": CalibrationMethod.MinMax,
    "percentile": CalibrationMethod.Percentile,
    "entropy": CalibrationMethod.Entropy,
}
"""Name of a calibration method to ONNX Runtime's."""

INPUT_ZERO_POINT = 128
"""The uint8 luma that stands for 0."""

ONE_SCALE = frozenset({"MaxPool", "Resize", "Reshape"})
"""Operators that only move values; TFLite wants one scale for all their inputs and outputs."""


@dataclass(frozen=True, slots=True)
class InputScale:
    """What a uint8 input stands for: real = (value − zero point) × scale; mien's luma unless told otherwise."""

    scale: float = INPUT_SCALE
    zero_point: int = INPUT_ZERO_POINT

    @property
    def bounds(self) -> tuple[float, float]:
        """What 0 and 255 stand for."""
        return -self.zero_point * self.scale, (255 - self.zero_point) * self.scale


LUMA = InputScale()

_BATCH = 16  # images whose activations are held in memory together


def real(images: NDArray[np.uint8], scale: InputScale = LUMA) -> NDArray[np.float32]:
    """What the float network takes: uint8 (n, H, W) → float32 (n, 1, H, W); (n, C, H, W) keeps its shape."""
    pictures = images[:, None] if images.ndim == 3 else images
    return (pictures.astype(np.float32) - scale.zero_point) * np.float32(scale.scale)


def ranges(model: onnx.ModelProto, images: NDArray[np.uint8], method: str, scale: InputScale = LUMA) -> TensorsData:
    """Measure the range of every activation.

    Args:
        model: float graph of `trace`.
        images: uint8 (n, H, W), or (n, C, H, W) for a network of C channels; at least one.
        method: "minmax", "percentile" or "entropy".
        scale: of the input.

    Returns:
        ONNX Runtime's ranges; the input's is what uint8 covers, and tensors that a `ONE_SCALE` operator ties
        together share theirs.

    Raises:
        MienError: unknown method, or images that are missing or of another size than the graph's input.
    """
    if method not in METHODS:
        raise MienError(f"unknown calibration method {method!r}; choose one of {', '.join(METHODS)}")
    expected = tuple(d.dim_value for d in model.graph.input[0].type.tensor_type.shape.dim)
    if not len(images) or (1, *images.shape[1:])[-3:] != expected[1:]:
        raise MienError(
            f"calibration images have shape {images.shape}; give at least one of {expected[2]}×{expected[3]}"
        )
    with tempfile.TemporaryDirectory() as folder:
        source = Path(folder) / "float.onnx"
        onnx.save(model, source)
        calibrator = create_calibrator(
            source,
            augmented_model_path=str(Path(folder) / "augmented.onnx"),
            calibrate_method=METHODS[method],
            extra_options={"symmetric": False},
        )
        # ONNX Runtime's histogram methods print their progress on standard output, which is the commands' own.
        with contextlib.redirect_stdout(io.StringIO()):
            for start in progress(range(0, len(images), _BATCH), "calibrate", unit="batches"):
                calibrator.collect_data(_Reader(images[start : start + _BATCH], scale))
            measured = calibrator.compute_data()
    return _tied(model.graph, measured, scale.bounds)


class _Reader(CalibrationDataReader):  # type: ignore[misc] # onnxruntime ships no types
    """Feeds images to ONNX Runtime one at a time."""

    def __init__(self, images: NDArray[np.uint8], scale: InputScale) -> None:
        self._images: Iterator[NDArray[np.uint8]] = iter(images)
        self._scale = scale

    def get_next(self) -> dict[str, NDArray[np.float32]] | None:
        """The next input, or None at the end."""
        image = next(self._images, None)
        return None if image is None else {INPUT: real(image[None], self._scale)}


def _tied(graph: onnx.GraphProto, measured: TensorsData, covered: tuple[float, float]) -> TensorsData:
    bounds = {name: tuple(float(v) for v in np.ravel(data.range_value)) for name, data in measured.items()}
    bounds[INPUT] = covered
    for group in tied(graph):
        members = [name for name in group if name in bounds]
        low, high = min(bounds[n][0] for n in members), max(bounds[n][1] for n in members)
        # The input's scale is given by the camera, so whatever is tied to it follows.
        shared = covered if INPUT in group else (low, high)
        bounds.update(dict.fromkeys(members, shared))
    data = {name: TensorData(lowest=np.float32(low), highest=np.float32(high)) for name, (low, high) in bounds.items()}
    return TensorsData(CalibrationMethod.MinMax, data)


def tied(graph: onnx.GraphProto) -> list[set[str]]:
    """Groups of tensors that `ONE_SCALE` operators tie to one scale."""
    constants = {initializer.name for initializer in graph.initializer}
    groups: list[set[str]] = []
    for node in graph.node:
        if node.op_type not in ONE_SCALE:
            continue
        group = {name for name in (node.input[0], node.output[0]) if name not in constants}
        apart = []
        for other in groups:
            if other & group:
                group |= other
            else:
                apart.append(other)
        groups = [*apart, group]
    return groups
