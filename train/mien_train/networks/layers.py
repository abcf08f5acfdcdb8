"""The blocks that networks are built of: convolutions with their normalisation, and what is made of them."""

from __future__ import annotations

import torch.nn.functional as F  # noqa: N812 - torch's own convention
from torch import Tensor, nn


class ConvNormReLU(nn.Sequential):
    """Convolution without bias, batch normalisation, and ReLU unless `relu` is false."""

    def __init__(
        self, channels_in: int, channels: int, kernel: int = 3, stride: int = 1, groups: int = 1, relu: bool = True
    ) -> None:
        layers: list[nn.Module] = [
            nn.Conv2d(
                channels_in, channels, kernel, stride, 0 if stride == 2 else kernel // 2, groups=groups, bias=False
            ),
            nn.BatchNorm2d(channels),
        ]
        if relu:
            layers.append(nn.ReLU())
        super().__init__(*layers)
        # TFLite's SAME pads a stride-2 convolution of an even side below and to the right only.
        self.pad = stride == 2 and kernel == 3

    def forward(self, x: Tensor) -> Tensor:
        """(N, C, H, W) → (N, channels, H / stride, W / stride)."""
        if self.pad:
            x = F.pad(x, (0, 1, 0, 1))
        for layer in self:
            x = layer(x)
        return x


class Residual(nn.Module):
    """Two 3×3 convolutions beside a shortcut (He et al. 2016, "basic block")."""

    def __init__(self, channels_in: int, channels: int, stride: int) -> None:
        super().__init__()
        self.first = ConvNormReLU(channels_in, channels, stride=stride)
        self.second = ConvNormReLU(channels, channels, relu=False)
        self.shortcut: nn.Module = nn.Identity()
        if stride != 1 or channels_in != channels:
            self.shortcut = ConvNormReLU(channels_in, channels, kernel=1, stride=stride, relu=False)

    def forward(self, x: Tensor) -> Tensor:
        """(N, C, H, W) → (N, channels, H / stride, W / stride)."""
        return F.relu(self.second(self.first(x)) + self.shortcut(x))


class Separable(nn.Sequential):
    """Depthwise 3×3, then pointwise 1×1, each with normalisation and ReLU (MobileNet, Howard et al. 2017)."""

    def __init__(self, channels_in: int, channels: int, stride: int = 1) -> None:
        super().__init__(
            ConvNormReLU(channels_in, channels_in, stride=stride, groups=channels_in),
            ConvNormReLU(channels_in, channels, kernel=1),
        )
