"""The weights of an exported model as floats, so that a network can be trained further whose run is not at hand.

An export folds each normalisation into the convolution before it. Here the convolution gets what was folded, and its
normalisation passes everything through until `settle` shows it what really comes.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from mien.errors import MienError
from mien.models import contract
from mien_train.networks.face import HEADS
from mien_train.networks.layers import ConvNormReLU, folded

_QUANTIZED, _WEIGHT, _BIAS = "_q", ".weight", ".bias"
_MAPS = "maps."
_TRUNK, _HEADS, _HEAD = "trunk.", "heads.", "head"


def weights(path: Path) -> dict[str, Tensor]:
    """Weights and biases of an exported model, float32, by the names that they have in the network that was exported.

    Args:
        path: the .onnx file that `mien_export build` wrote; both heads of a classifier are one again, a detector's
            are three.

    Raises:
        MienError: it cannot be read, or is none.
    """
    try:
        import onnx
        from onnx import numpy_helper
    except ImportError:
        raise MienError(f"{path}: onnx is not installed; install it: pip install onnx") from None
    try:
        graph = onnx.load(str(path)).graph
        kept = {value.name: numpy_helper.to_array(value) for value in graph.initializer}
    except OSError as error:
        raise MienError(f"{path}: cannot be read ({error.strerror or error})") from None
    except Exception as error:  # whatever protobuf and onnx make of damaged bytes
        raise MienError(f"{path}: not a readable ONNX file ({type(error).__name__})") from None
    scales = {node.input[0]: node.input[1] for node in graph.node if node.op_type == "DequantizeLinear"}
    found = {
        name.removesuffix(_QUANTIZED).removeprefix(_TRUNK): _floats(kept[name], kept[scale])
        for name, scale in scales.items()
        if name.endswith((_WEIGHT + _QUANTIZED, _BIAS + _QUANTIZED)) and _fit(kept.get(name), kept.get(scale))
    }
    if not found:
        raise MienError(f"{path}: holds no int8 weights as `python -m mien_export build` writes them")
    return _parted(_joined(found))


def deployed(network: nn.Module) -> dict[str, Tensor]:
    """What `weights` gives of a network's export, before any rounding."""
    found: dict[str, Tensor] = {}
    blocks = {id(block[0]): block for block in network.modules() if isinstance(block, ConvNormReLU)}
    for name, convolution in network.named_modules():
        if not isinstance(convolution, nn.Conv2d) or not convolution.weight.requires_grad:
            continue
        block = blocks.get(id(convolution))
        if block is not None and isinstance(block[1], nn.BatchNorm2d):
            found[name + _WEIGHT], found[name + _BIAS] = folded(block)
            continue
        found[name + _WEIGHT] = convolution.weight.detach()
        if convolution.bias is not None:
            found[name + _BIAS] = convolution.bias.detach()
    return found


def put(network: nn.Module, found: Mapping[str, Tensor]) -> tuple[int, int]:
    """Give a network the weights that fit it by name and shape; see `settle` for what is to follow.

    Returns:
        How many convolutions got theirs, and how many learn any.
    """
    taken = there = 0
    norms = {id(block[0]): block[1] for block in network.modules() if isinstance(block, ConvNormReLU)}
    for name, convolution in network.named_modules():
        if not isinstance(convolution, nn.Conv2d) or not convolution.weight.requires_grad:
            continue  # what is never learned is as it was; an export writes equal ones once
        there += 1
        weight, bias = found.get(name + _WEIGHT), found.get(name + _BIAS)
        norm = norms.get(id(convolution))
        biased = norm.bias if isinstance(norm, nn.BatchNorm2d) else convolution.bias
        if weight is None or weight.shape != convolution.weight.shape or (biased is None) != (bias is None):
            continue
        with torch.no_grad():
            convolution.weight.copy_(weight)
            if isinstance(norm, nn.BatchNorm2d):
                _through(norm)
            if biased is not None and bias is not None:
                biased.copy_(bias)
        taken += 1
    return taken, there


@torch.no_grad()
def settle(network: nn.Module, inputs: Iterable[Tensor]) -> None:
    """Have every normalisation expect what comes to it, the network computing what it did.

    While a network is trained its normalisations use the batch's own mean and variance; those of an exported model's
    weights would change everything at the first step.

    Args:
        network: on the CPU; left in the mode that it is in.
        inputs: float32 (N, 1, H, W) each, as it is trained on; a few batches.
    """
    seen: dict[nn.BatchNorm2d, list[Tensor]] = {}

    def note(norm: nn.Module, arguments: tuple[Tensor]) -> None:
        values = arguments[0].double()
        sums = [part.sum((0, 2, 3)) for part in (torch.ones_like(values), values, values.square())]
        seen.setdefault(norm, []).append(torch.stack(sums))  # type: ignore[arg-type] # hooked to no others

    hooks = [m.register_forward_pre_hook(note) for m in network.modules() if isinstance(m, nn.BatchNorm2d)]
    training = network.training
    network.eval()
    try:
        for batch in inputs:
            network(batch)
    finally:
        network.train(training)
        for hook in hooks:
            hook.remove()
    for norm, sums in seen.items():
        _expect(norm, torch.stack(sums).sum(0))


def _through(norm: nn.BatchNorm2d) -> None:
    nn.init.zeros_(norm.running_mean)  # type: ignore[arg-type]
    nn.init.constant_(norm.running_var, 1 - norm.eps)  # type: ignore[arg-type]
    nn.init.ones_(norm.weight)


def _expect(norm: nn.BatchNorm2d, sums: Tensor) -> None:
    """Count, sum and sum of squares, float64 (3, channels), become its statistics; weight and bias make up for it."""
    assert norm.running_mean is not None
    assert norm.running_var is not None
    mean = sums[1] / sums[0]
    variance = (sums[2] / sums[0] - mean.square()).clamp_min(1e-8)
    gain = norm.weight.double() / (norm.running_var.double() + norm.eps).sqrt()
    norm.bias.copy_(norm.bias + gain * (mean - norm.running_mean))
    norm.weight.copy_(gain * (variance + norm.eps).sqrt())
    norm.running_mean.copy_(mean)
    norm.running_var.copy_(variance)


def _fit(quantized: NDArray[np.generic] | None, scale: NDArray[np.generic] | None) -> bool:
    """Whether both are there, with one scale, or one for each output channel."""
    return quantized is not None and scale is not None and scale.size in (1, *quantized.shape[:1])


def _floats(quantized: NDArray[np.generic], scale: NDArray[np.generic]) -> Tensor:
    """A quantized tensor as float32: about 0, with a scale of its own for each output channel."""
    values = torch.from_numpy(quantized.astype(np.float32))
    return values * torch.from_numpy(scale.astype(np.float32)).reshape(-1, *[1] * (values.ndim - 1))


def _joined(found: dict[str, Tensor]) -> dict[str, Tensor]:
    """With the parts of a classifier's head as one: an export of two expressions parts it."""
    for kind in (_WEIGHT, _BIAS):
        parts = sorted(name for name in found if name.startswith(_HEADS) and name.endswith(kind))
        if parts:
            found[_HEAD + kind] = torch.cat([found.pop(name) for name in parts])
    return found


def _parted(found: dict[str, Tensor]) -> dict[str, Tensor]:
    """With a detector's heads apart: an export joins those of a stride."""
    for name in [name for name in found if name.startswith(_MAPS)]:
        parts = torch.split(found.pop(name), list(contract.MAPS))
        found |= {f"{head}.{name.removeprefix(_MAPS)}": part for head, part in zip(HEADS, parts, strict=True)}
    return found
