"""The networks, by name. All take float32 (N, 1, H, W) = (luma − 128) × INPUT_SCALE.

Only operators that quantize to int8 without a float island and that every TFLite runtime knows: 3×3 and 1×1
convolutions, depthwise 3×3, ReLU, add, nearest upsampling, average pooling with a constant kernel. The classic
systems' networks, which stand in `classic`, take max pooling, ELU and whole-map convolutions besides.

No network holds a 1×1 convolution of stride 2: see `mien_train.networks.layers.ConvNormReLU`.
"""

from __future__ import annotations

import functools
import inspect
from collections.abc import Callable, Mapping

import torch
from torch import Tensor, nn

from mien.errors import MienError
from mien_train.networks.classic import BlockNet, MiniXception, PlainNet, TwoStageNet
from mien_train.networks.emotion import EmotionNet
from mien_train.networks.face import FaceNet

INPUT_SCALE = 1 / 64
"""Real units per luma step: luma 0..255 becomes −2..2, and grey 128 is the 0 that convolutions pad with."""

NETWORKS: Mapping[str, Callable[..., nn.Module]] = {
    "residual": EmotionNet,
    "emotion": functools.partial(EmotionNet, shortcut="sampled"),  # as earlier versions trained and stored it
    "plain": PlainNet,
    "blocks": BlockNet,
    "xception": MiniXception,
    "two-stage": TwoStageNet,
    "face": FaceNet,
}
"""A network's name, as checkpoints and sidecars keep it, to what builds it."""


def build(network: Mapping[str, object]) -> nn.Module:
    """A network from its name and arguments, such as `{"name": "residual", "classes": 8, …}`; lists become tuples.

    Raises:
        MienError: unknown name, or an argument that the network cannot have or lacks.
    """
    arguments = {key: _frozen(value) for key, value in network.items() if key != "name"}
    name = network.get("name")
    if name not in NETWORKS:
        raise MienError(f"unknown network {name!r}; known are {', '.join(NETWORKS)}")
    maker = NETWORKS[str(name)]
    try:
        inspect.signature(maker).bind(**arguments)
    except TypeError as error:
        raise MienError(f"network {name!r}: {error}; it was made by another version, train again") from None
    return maker(**arguments)


def _frozen(value: object) -> object:
    return tuple(_frozen(part) for part in value) if isinstance(value, list | tuple) else value


def count(network: nn.Module, height: int, width: int) -> tuple[int, int]:
    """Parameters, and multiply-accumulates of the convolutions for one (1, 1, height, width) input."""
    macs = 0

    def add(module: nn.Module, _: object, output: Tensor) -> None:
        nonlocal macs
        assert isinstance(module, nn.Conv2d)
        macs += output[0].numel() * module.weight[0].numel()

    hooks = [m.register_forward_hook(add) for m in network.modules() if isinstance(m, nn.Conv2d)]
    try:
        with torch.no_grad():
            network(torch.zeros(1, 1, height, width))
    finally:
        for hook in hooks:
            hook.remove()
    return sum(p.numel() for p in network.parameters()), macs
