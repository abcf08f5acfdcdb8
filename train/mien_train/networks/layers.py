"""The blocks that networks are built of: convolutions with their normalisation, and what is made of them."""

from __future__ import annotations

from collections.abc import Callable, Mapping

import torch
import torch.nn.functional as F  # noqa: N812 - torch's own convention
from torch import Tensor, nn

from mien_train.recipes.architectures import Down, Shortcut

_SHRINKING: Mapping[Shortcut, Callable[[], nn.Module]] = {
    "averaged": lambda: nn.AvgPool2d(2),
    "sampled": lambda: nn.MaxPool2d(1, 2),
}


_POOLS: Mapping[Down, Callable[[int], nn.Module]] = {
    "strided": lambda _: nn.Identity(),
    "average": lambda _: nn.AvgPool2d(2),
    "max": lambda _: nn.MaxPool2d(2),
    "blurred": lambda channels: Blur(channels),
}


class ConvNormReLU(nn.Sequential):
    """Convolution without bias, batch normalisation, and ReLU unless `relu` is false.

    Raises:
        ValueError: kernel 1 with stride 2. Its float32 backward pass over few channels, channels last, goes beyond its
            memory and may kill the process (oneDNN in torch 2.13, the AVX2 and AVX-512 kernels, depending on the
            processor); shrink the map first, and convolve at stride 1.
    """

    def __init__(
        self, channels_in: int, channels: int, kernel: int = 3, stride: int = 1, groups: int = 1, relu: bool = True
    ) -> None:
        if kernel == 1 and stride != 1:
            raise ValueError(f"a 1×1 convolution of stride {stride}: shrink the map first, and convolve at stride 1")
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


def folded(block: ConvNormReLU) -> tuple[Tensor, Tensor]:
    """Weight and bias, float32, of the one convolution that does what a block's convolution and normalisation do."""
    convolution, norm = block[0], block[1]
    assert isinstance(convolution, nn.Conv2d)
    assert isinstance(norm, nn.BatchNorm2d)
    assert norm.running_mean is not None
    assert norm.running_var is not None
    # norm(w·x) = γ (w·x − μ) / √(σ² + ε) + β; in double precision, because it is done once.
    gain = norm.weight.detach().double() / torch.sqrt(norm.running_var.double() + norm.eps)
    bias = norm.bias.detach().double() - norm.running_mean.double() * gain
    weight = convolution.weight.detach().double() * gain[:, None, None, None]
    return weight.float(), bias.float()


class Blur(nn.Conv2d):
    """Halves a map by binomial 3×3 windows of stride 2, each channel by itself; nothing of it is learned.

    Neighbouring windows overlap, so that less changes when the picture moves by a pixel (Zhang 2019, "Making
    convolutional networks shift-invariant again"). TFLite's SAME again: a row and a column of zeros below and right.

    Args:
        channels: of the map.
    """

    def __init__(self, channels: int) -> None:
        super().__init__(channels, channels, 3, 2, groups=channels, bias=False)
        row = torch.tensor([0.25, 0.5, 0.25])
        self.weight = nn.Parameter((row[:, None] * row).expand(channels, 1, 3, 3).clone(), requires_grad=False)

    def forward(self, x: Tensor) -> Tensor:
        """(N, channels, H, W), even sides → (N, channels, H / 2, W / 2)."""
        return super().forward(F.pad(x, (0, 1, 0, 1)))


class Residual(nn.Module):
    """Two 3×3 convolutions beside a shortcut (He et al. 2016, "basic block").

    Args:
        channels_in, channels: of the input and of the output.
        stride: 1, or 2 for an input of even sides.
        shortcut: what the shortcut of stride 2 does before its 1×1 convolution. "averaged" (He et al. 2019, "Bag of
            Tricks", ResNet-D) sees every pixel and aliases less; "sampled" is what a 1×1 convolution of stride 2
            computes, as networks of earlier versions were trained.
        down: how stride 2 is come by: "strided", or by an "average" or "max" of 2×2 pixels or a `Blur` ("blurred")
            before everything else, which costs as much.
        separable: each 3×3 convolution is a depthwise one and a 1×1 one, with nothing but normalisation between them
            (Chollet 2017, "Xception"): a ninth of the weights for each channel of the output, nearly.
    """

    def __init__(
        self,
        channels_in: int,
        channels: int,
        stride: int,
        shortcut: Shortcut = "averaged",
        down: Down = "strided",
        separable: bool = False,
    ) -> None:
        super().__init__()
        self.pool = _POOLS[down](channels_in) if stride != 1 else nn.Identity()
        if down != "strided":
            stride = 1
        self.first = _convolution(channels_in, channels, stride, separable, relu=True)
        self.second = _convolution(channels, channels, 1, separable, relu=False)
        self.shrink = _SHRINKING[shortcut]() if stride != 1 else nn.Identity()
        self.shortcut: nn.Module = nn.Identity()
        if stride != 1 or channels_in != channels:
            self.shortcut = ConvNormReLU(channels_in, channels, kernel=1, relu=False)

    def forward(self, x: Tensor) -> Tensor:
        """(N, C, H, W) → (N, channels, H / stride, W / stride)."""
        x = self.pool(x)
        return F.relu(self.second(self.first(x)) + self.shortcut(self.shrink(x)))


def _convolution(channels_in: int, channels: int, stride: int, separable: bool, relu: bool) -> nn.Module:
    if not separable:
        return ConvNormReLU(channels_in, channels, stride=stride, relu=relu)
    return nn.Sequential(
        ConvNormReLU(channels_in, channels_in, stride=stride, groups=channels_in, relu=False),
        ConvNormReLU(channels_in, channels, kernel=1, relu=relu),
    )


class Separable(nn.Sequential):
    """Depthwise 3×3, then pointwise 1×1, each with normalisation and ReLU (MobileNet, Howard et al. 2017)."""

    def __init__(self, channels_in: int, channels: int, stride: int = 1) -> None:
        super().__init__(
            ConvNormReLU(channels_in, channels_in, stride=stride, groups=channels_in),
            ConvNormReLU(channels_in, channels, kernel=1),
        )
