"""The networks, by name. All take float32 (N, 1, H, W) = (luma − 128) × INPUT_SCALE.

Only operators that quantize to int8 without a float island and that every TFLite runtime knows: 3×3 and 1×1
convolutions, depthwise 3×3, ReLU, add, nearest upsampling, average pooling with a constant kernel. The classic
systems' networks, which stand in `classic_networks`, take max pooling, ELU and whole-map convolutions besides.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import torch
import torch.nn.functional as F  # noqa: N812 - torch's own convention
from torch import Tensor, nn

from mien.errors import MienError
from mien_train.networks.classic import BlockNet, MiniXception, PlainNet, TwoStageNet
from mien_train.networks.layers import ConvNormReLU, Residual, Separable

INPUT_SCALE = 1 / 64
"""Real units per luma step: luma 0..255 becomes −2..2, and grey 128 is the 0 that convolutions pad with."""


STRIDES = (8, 16, 32)
"""Pixels per cell of the detector's three maps."""

FACE_OUTPUTS = tuple(f"{kind}_{stride}" for kind in ("score", "box", "landmarks") for stride in STRIDES)
"""Names of the detector's outputs, in order."""


class EmotionNet(nn.Module):
    """Residual classifier of 48×48 luma.

    Args:
        classes: number of labels.
        widths: channels of the stages; the side halves at every stage but the first (48, 24, 12, 6, …).
        blocks: residual blocks of each stage.
        dropout: probability with which a pooled feature is dropped in training.

    Raises:
        MienError: stages and blocks that do not fit each other or the image.
    """

    def __init__(self, classes: int, widths: tuple[int, ...], blocks: tuple[int, ...], dropout: float = 0.2) -> None:
        super().__init__()
        if len(widths) != len(blocks) or 48 % 2 ** (len(widths) - 1):
            raise MienError(
                f"widths is {widths} and blocks is {blocks}; give both one length, of 1 to 5 stages (48 pixels "
                "can be halved four times)"
            )
        self.stem = ConvNormReLU(1, widths[0])
        stages: list[nn.Module] = []
        channels_in = widths[0]
        for index, (width, count) in enumerate(zip(widths, blocks, strict=True)):
            for block in range(count):
                stages.append(Residual(channels_in, width, stride=2 if index and not block else 1))
                channels_in = width
        self.stages = nn.Sequential(*stages)
        self.pool = 48 >> (len(widths) - 1)
        self.dropout = nn.Dropout(dropout)
        # A 1×1 convolution, not a linear layer: old TFLite runtimes lack per-channel FULLY_CONNECTED.
        self.head = nn.Conv2d(channels_in, classes, 1)

    def forward(self, x: Tensor) -> Tensor:
        """(N, 1, 48, 48) → logits (N, classes)."""
        pooled = F.avg_pool2d(self.stages(self.stem(x)), self.pool)
        logits: Tensor = self.head(self.dropout(pooled))
        return logits.flatten(1)


class FaceNet(nn.Module):
    """Anchor-free face detector with three levels (strides 8, 16, 32) and a top-down neck.

    Dense convolutions where there are few channels and many pixels, separable ones below.

    Args:
        stem: channels at strides 2 and 4.
        width: channels at strides 8, 16 and 32 and in the neck.
        blocks: separable blocks after the strided one at strides 8, 16 and 32.
    """

    def __init__(self, stem: tuple[int, int], width: int, blocks: tuple[int, int, int]) -> None:
        super().__init__()
        self.stem = nn.Sequential(ConvNormReLU(1, stem[0], stride=2), ConvNormReLU(stem[0], stem[1], stride=2))
        strided = (ConvNormReLU(stem[1], width, stride=2), Separable(width, width, 2), Separable(width, width, 2))
        self.levels = nn.ModuleList(
            nn.Sequential(down, *(Separable(width, width) for _ in range(count)))
            for down, count in zip(strided, blocks, strict=True)
        )
        self.merge = nn.ModuleList(Separable(width, width) for _ in STRIDES[:-1])
        self.tower = nn.ModuleList(Separable(width, width) for _ in STRIDES)
        self.score = nn.ModuleList(nn.Conv2d(width, 1, 1) for _ in STRIDES)
        self.box = nn.ModuleList(nn.Conv2d(width, 4, 1) for _ in STRIDES)
        self.landmarks = nn.ModuleList(nn.Conv2d(width, 10, 1) for _ in STRIDES)
        for head in self.score:
            # Start at a prior of 1 % faces, so that the first steps are not spent on the background (Lin et al. 2017).
            nn.init.constant_(head.bias, -4.6)  # type: ignore[arg-type]

    def forward(self, x: Tensor) -> tuple[Tensor, ...]:
        """(N, 1, H, W), H and W multiples of 32 → raw maps in the order of `FACE_OUTPUTS`.

        Shapes (N, 1 | 4 | 10, H / stride, W / stride); `mien.faces.decode` gives them their meaning.
        """
        x = self.stem(x)
        pyramid = []
        for level in self.levels:
            x = level(x)
            pyramid.append(x)
        for index in range(len(pyramid) - 2, -1, -1):
            above = F.interpolate(pyramid[index + 1], scale_factor=2.0, mode="nearest")
            pyramid[index] = self.merge[index](pyramid[index] + above)
        features = [tower(p) for tower, p in zip(self.tower, pyramid, strict=True)]
        return tuple(
            head(f) for heads in (self.score, self.box, self.landmarks) for head, f in zip(heads, features, strict=True)
        )


_NETWORKS: dict[str, Callable[..., nn.Module]] = {
    "emotion": EmotionNet,
    "plain": PlainNet,
    "blocks": BlockNet,
    "xception": MiniXception,
    "two-stage": TwoStageNet,
    "face": FaceNet,
}


def build(network: Mapping[str, Any]) -> nn.Module:
    """A network from its name and arguments, such as `{"name": "emotion", "classes": 8, …}`; lists become tuples.

    Raises:
        MienError: unknown name, or an argument that the network cannot have.
    """
    arguments = {key: _frozen(value) for key, value in network.items() if key != "name"}
    name = network.get("name")
    if name not in _NETWORKS:
        raise MienError(f"unknown network {name!r}; known are {', '.join(_NETWORKS)}")
    return _NETWORKS[name](**arguments)


def _frozen(value: Any) -> Any:
    return tuple(_frozen(part) for part in value) if isinstance(value, list | tuple) else value


def count(network: nn.Module, height: int, width: int) -> tuple[int, int]:
    """Parameters, and multiply-accumulates of the convolutions for one (1, 1, height, width) input."""
    macs = 0

    def add(module: nn.Module, _: Any, output: Tensor) -> None:
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
