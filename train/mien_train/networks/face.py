"""The face detector."""

from __future__ import annotations

import torch.nn.functional as F  # noqa: N812 - torch's own convention
from torch import Tensor, nn

from mien_train.networks.layers import ConvNormReLU, Separable

STRIDES = (8, 16, 32)
"""Pixels per cell of the detector's three maps."""

HEADS = ("score", "box", "landmarks")
FACE_OUTPUTS = tuple(f"{head}_{stride}" for head in HEADS for stride in STRIDES)
"""Names of the network's outputs, in order."""
FACE_MAPS = {f"maps_{stride}": tuple(f"{head}_{stride}" for head in HEADS) for stride in STRIDES}
"""Names of the deployed detector's outputs to those whose channels they have."""


class FaceNet(nn.Module):
    """Anchor-free face detector with three levels (strides 8, 16, 32) and a top-down neck.

    Dense convolutions where there are few channels and many pixels, separable ones below.

    Args:
        stem: channels at strides 2 and 4.
        width: channels at stride 8, in the neck and before the heads.
        blocks: separable blocks after the strided one at strides 8, 16 and 32.
        deep: channels at strides 16 and 32; those of the neck if none are given.
        patches: the first convolution sees every 2×2 pixels once; otherwise 3×3 that overlap, for twice the work.
        merge: the sum of both levels passes a block of its own at stride 8 too; otherwise at stride 16 alone.
        finest: channels at stride 8 from that block on, up to the heads, if fewer than `width`; 0 for as many.
    """

    def __init__(
        self,
        stem: tuple[int, int],
        width: int,
        blocks: tuple[int, int, int],
        deep: tuple[int, int] | None = None,
        patches: bool = False,
        merge: bool = True,
        finest: int = 0,
    ) -> None:
        super().__init__()
        first = ConvNormReLU(1, stem[0], kernel=2 if patches else 3, stride=2)
        self.stem = nn.Sequential(first, ConvNormReLU(stem[0], stem[1], stride=2))
        widths = (width, *(deep or (width, width)))
        strided = (
            ConvNormReLU(stem[1], width, stride=2),
            Separable(widths[0], widths[1], 2),
            Separable(widths[1], widths[2], 2),
        )
        self.levels = nn.ModuleList(
            nn.Sequential(down, *(Separable(channels, channels) for _ in range(count)))
            for down, count, channels in zip(strided, blocks, widths, strict=True)
        )
        self.lateral = nn.ModuleList(
            nn.Identity() if channels == width else ConvNormReLU(channels, width, kernel=1) for channels in widths
        )
        seen = (min(finest or width, width) if merge else width, width, width)
        self.merge = nn.ModuleList([Separable(width, seen[0]) if merge else nn.Identity(), Separable(width, width)])
        self.tower = nn.ModuleList(Separable(channels, channels) for channels in seen)
        self.score = nn.ModuleList(nn.Conv2d(channels, 1, 1) for channels in seen)
        self.box = nn.ModuleList(nn.Conv2d(channels, 4, 1) for channels in seen)
        self.landmarks = nn.ModuleList(nn.Conv2d(channels, 10, 1) for channels in seen)
        for head in self.score:
            # Start at a prior of 1 % faces, so that the first steps are not spent on the background (Lin et al. 2017).
            nn.init.constant_(head.bias, -4.6)  # type: ignore[arg-type]

    def forward(self, x: Tensor) -> tuple[Tensor, ...]:
        """(N, 1, H, W), H and W multiples of 32 → raw maps in the order of `FACE_OUTPUTS`.

        Shapes (N, 1 | 4 | 10, H / stride, W / stride); `mien.faces.decode` gives them their meaning. In training mode
        `features` follow, for whoever compares them with a teacher's.
        """
        features = self.features(x)
        found = self.found(features)
        return (*found, *features) if self.training else found

    def features(self, x: Tensor) -> tuple[Tensor, ...]:
        """(N, 1, H, W) → what goes into the three towers, then what comes out, (N, C, H / stride, W / stride)."""
        x = self.stem(x)
        pyramid = []
        for level, lateral in zip(self.levels, self.lateral, strict=True):
            x = level(x)
            pyramid.append(lateral(x))
        for index in range(len(pyramid) - 2, -1, -1):
            above = F.interpolate(pyramid[index + 1], scale_factor=2.0, mode="nearest")
            pyramid[index] = self.merge[index](pyramid[index] + above)
        return (*pyramid, *(tower(p) for tower, p in zip(self.tower, pyramid, strict=True)))

    def found(self, features: tuple[Tensor, ...]) -> tuple[Tensor, ...]:
        """What the heads make of `features`: the maps of `FACE_OUTPUTS`."""
        seen = features[len(STRIDES) :]
        return tuple(
            head(f) for heads in (self.score, self.box, self.landmarks) for head, f in zip(heads, seen, strict=True)
        )
