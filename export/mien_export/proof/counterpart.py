"""A detector's portrait counterpart, NAME-portrait beside NAME: the same network for frames higher than wide."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import onnx
from numpy.typing import NDArray

from mien.errors import MienError
from mien.models import bundle
from mien.models.bundle import Bundle
from mien_export.proof.check import Check, listed
from mien_export.quantization import qdq

SUFFIX = "-portrait"
"""What the counterpart's name adds to the detector's."""

_NAME = "portrait counterpart"


def names(name: str, size: tuple[int, int]) -> dict[str, tuple[int, int]]:
    """The detectors that one network is exported as, each with its input (height, width); a square one is alone."""
    height, width = size
    return {name: size} if height == width else {name: size, f"{name}{SUFFIX}": (width, height)}


def judged(model: Bundle) -> list[Check]:
    """Whether landscape and portrait frames are read by one network: same run, weights and decoding, sides swapped.

    Args:
        model: of either shape.

    Returns:
        One check, without a verdict where the other is not there; none for a classifier or a square detector.
    """
    if model.task != "face" or model.height == model.width:
        return []
    other = model.path.with_name(f"{_other(model.name)}.json")
    if not other.is_file():
        return [Check(_NAME, None, f"no {other.stem} beside it")]
    try:
        theirs = bundle.load(other)
        faults = _differences(model, theirs)
    except MienError as error:
        return [Check(_NAME, False, str(error))]
    return [listed(_NAME, faults, f"{other.stem} is the same network, for {theirs.height}×{theirs.width}")]


def _other(name: str) -> str:
    return name.removesuffix(SUFFIX) if name.endswith(SUFFIX) else f"{name}{SUFFIX}"


def _differences(one: Bundle, other: Bundle) -> list[str]:
    faults = []
    if not one.sidecar.same_run(other.sidecar):
        faults.append(f"{other.name} is of another training run; build {_landscape(one)} again, it makes both")
    if (one.height, one.width) != (other.width, other.height):
        faults.append(f"{other.name} takes {other.height}×{other.width}, expected {one.width}×{one.height}")
    if one.decode != other.decode:
        faults.append(
            f"{other.name} decodes otherwise: {', '.join(_settings(other))}, here {', '.join(_settings(one))}"
        )
    mine = one.path.parent / one.sidecar.files["onnx"].file  # whose hash is a check of its own
    if not faults and not _same(_weights(mine), _weights(other.artefact("onnx"))):
        faults.append(f"{other.name} has other weights; build {_landscape(one)} again, it makes both")
    return faults


def _settings(model: Bundle) -> list[str]:
    found = model.decode
    return [
        f"score threshold {found.score_threshold}",
        f"in tiles {found.tile_threshold}",
        f"slope {found.score_slope}",
        f"shift {found.score_shift}",
    ]


def _landscape(model: Bundle) -> str:
    return model.name.removesuffix(SUFFIX)


def _weights(path: Path) -> dict[str, qdq.Tensor]:
    """int8 weights by name. They follow from the network; activations' scales from its input as well."""
    try:
        graph = qdq.read(onnx.load(path))
    except MienError:
        raise
    except Exception as error:  # protobuf's own DecodeError, from whichever implementation is installed
        raise MienError(f"{path}: damaged ONNX file ({type(error).__name__}); export the model again") from None
    return {name: tensor for name, tensor in graph.tensors().items() if _is_weight(tensor)}


def _is_weight(tensor: qdq.Tensor) -> bool:
    return tensor.data is not None and tensor.data.dtype == np.int8


def _same(one: dict[str, qdq.Tensor], other: dict[str, qdq.Tensor]) -> bool:
    return one.keys() == other.keys() and all(_rounded_alike(one[name], other[name]) for name in one)


def _rounded_alike(one: qdq.Tensor, other: qdq.Tensor) -> bool:
    """Whether two weights can be roundings of one float weight.

    ONNX Runtime widens a channel's scale where its bias would not fit int32 otherwise, which its input decides:
    then both lie within half a step of the float value. Where the scales are equal, so are the steps.
    """
    assert one.data is not None
    assert other.data is not None
    if one.data.shape != other.data.shape:
        return False
    scales = [_spread(tensor) for tensor in (one, other)]
    apart = np.abs(one.data * scales[0] - other.data * scales[1])
    allowed = np.where(scales[0] == scales[1], 0.0, (scales[0] + scales[1]) / 2 * (1 + 1e-6))
    return bool((apart <= allowed).all())


def _spread(tensor: qdq.Tensor) -> NDArray[np.float64]:
    """The scales, (1, …, channels, …, 1), as the weights have their axes."""
    assert tensor.data is not None
    shape = [1] * tensor.data.ndim
    if tensor.axis is not None:
        shape[tensor.axis] = len(tensor.scale)
    return tensor.scale.astype(np.float64).reshape(shape)
