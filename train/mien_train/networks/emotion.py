"""The classifier of 48×48 faces that is mien's own."""

from __future__ import annotations

import torch.nn.functional as F  # noqa: N812 - torch's own convention
from torch import Tensor, nn

from mien.errors import MienError
from mien_train.networks.layers import ConvNormReLU, Residual
from mien_train.recipes.architectures import Down, Shortcut


class EmotionNet(nn.Module):
    """Residual classifier of 48×48 luma.

    Args:
        classes: number of labels.
        widths: channels of the stages; the side halves at every stage but the first (48, 24, 12, 6, …).
        blocks: residual blocks of each stage; the first may have none, so that the stem alone sees the full size.
        dropout: probability with which a pooled feature is dropped in training.
        shortcut, down: how a side is halved, see `Residual`.
        separable: how many of the last stages have separable convolutions, see `Residual`.

    Raises:
        MienError: stages and blocks that do not fit each other or the image.
    """

    def __init__(
        self,
        classes: int,
        widths: tuple[int, ...],
        blocks: tuple[int, ...],
        dropout: float = 0.2,
        shortcut: Shortcut = "averaged",
        down: Down = "strided",
        separable: int = 0,
    ) -> None:
        super().__init__()
        if len(widths) != len(blocks) or 0 in blocks[1:] or 48 % 2 ** (len(widths) - 1):
            raise MienError(
                f"widths is {widths} and blocks is {blocks}; give both one length, of 1 to 5 stages (48 pixels "
                "can be halved four times), and every stage but the first a block"
            )
        if separable > len(widths):
            raise MienError(f"separable is {separable}, but there are {len(widths)} stages; give no more than that")
        self.stem = ConvNormReLU(1, widths[0])
        stages: list[nn.Module] = []
        channels_in = widths[0]
        for index, (width, count) in enumerate(zip(widths, blocks, strict=True)):
            for block in range(count):
                stride, parted = 2 if index and not block else 1, index >= len(widths) - separable
                stages.append(Residual(channels_in, width, stride, shortcut, down, parted))
                channels_in = width
        self.stages = nn.Sequential(*stages)
        self.pool = 48 >> (len(widths) - 1)
        self.dropout = nn.Dropout(dropout)
        # A 1×1 convolution, not a linear layer: old TFLite runtimes lack per-channel FULLY_CONNECTED.
        self.head = nn.Conv2d(channels_in, classes, 1)

    def forward(self, x: Tensor) -> Tensor:
        """(N, 1, 48, 48) → logits (N, classes)."""
        logits: Tensor = self.head(self.features(x))
        return logits.flatten(1)

    def features(self, x: Tensor) -> Tensor:
        """(N, 1, 48, 48) → what the head sees, (N, channels, 1, 1)."""
        pooled: Tensor = self.dropout(F.avg_pool2d(self.stages(self.stem(x)), self.pool))
        return pooled
