"""The face detector."""

from __future__ import annotations

import torch.nn.functional as F  # noqa: N812 - torch's own convention
from torch import Tensor, nn

from mien_train.networks.layers import ConvNormReLU, Separable

STRIDES = (8, 16, 32)
"""Pixels per cell of the detector's three maps."""

FACE_OUTPUTS = tuple(f"{kind}_{stride}" for kind in ("score", "box", "landmarks") for stride in STRIDES)
"""Names of the detector's outputs, in order."""


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
