"""What spoils a face crop on the way through a real camera: noise, blur, JPEG, covers, haze; one kind an image at most.

Ranges are wider than those of `mien_train evaluate --robustness`, which draws none of its own at random.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping

import torch
import torch.nn.functional as F  # noqa: N812 - torch's own convention
from torch import Generator, Tensor

Corruption = Callable[[Tensor, Generator], Tensor]
"""float32 (n, 1, H, W), luma 0..255 → the same shape; the range may be left a little."""

NOISE = (4.0, 29.0)
"""Standard deviation of Gaussian noise, luma steps."""
BLUR = (0.29, 0.71)
"""Share of the side to which an image is shrunk before it is enlarged again."""
QUALITY = (10.0, 50.0)
"""Of JPEG, as the Independent JPEG Group's tables count it."""
COVER = (0.5, 0.92)
"""Share of the height below which a mask hides the face."""
CONTRAST = (0.25, 0.65)
"""Share of the contrast that haze leaves."""
ERASED = (0.03, 0.23)
"""Share of the area that a rectangle hides."""

# ITU-T T.81, Annex K, table K.1: luminance quantization at quality 50.
_TABLE = torch.tensor(
    [
        [16, 11, 10, 16, 24, 40, 51, 61],
        [12, 12, 14, 19, 26, 58, 60, 55],
        [14, 13, 16, 24, 40, 57, 69, 56],
        [14, 17, 22, 29, 51, 87, 80, 62],
        [18, 22, 37, 56, 68, 109, 103, 77],
        [24, 35, 55, 64, 81, 104, 113, 92],
        [49, 64, 78, 87, 103, 121, 120, 101],
        [72, 92, 95, 98, 112, 100, 103, 99],
    ],
    dtype=torch.float32,
)
_COSINES = torch.tensor(
    [
        [(math.sqrt(1 / 8) if u == 0 else 1 / 2) * math.cos(math.pi * (2 * x + 1) * u / 16) for x in range(8)]
        for u in range(8)
    ]
)
"""The 8×8 discrete cosine transform, orthonormal: row u is its basis function of frequency u."""


def noise(images: Tensor, generator: Generator) -> Tensor:
    """Gaussian noise of a strength drawn for each image."""
    return images + _drawn(images, NOISE, generator) * torch.randn(
        images.shape, generator=generator, device=images.device
    )


def blur(images: Tensor, generator: Generator) -> Tensor:
    """Each image shrunk by averaging, and enlarged again."""
    height, width = images.shape[2:]
    blurred = torch.empty_like(images)
    sides = (_drawn(images, BLUR, generator).flatten() * width).round().clamp(min=1).int()
    for side in sorted(set(sides.tolist())):
        rows = (sides == side).nonzero()[:, 0]
        size = (max(1, round(height * side / width)), side)
        small = F.interpolate(images[rows], size=size, mode="area")
        blurred[rows] = F.interpolate(small, size=(height, width), mode="bilinear", align_corners=False)
    return blurred


def jpeg(images: Tensor, generator: Generator) -> Tensor:
    """What JPEG's quantization does to each image; sides are multiples of 8."""
    return compressed(images, _drawn(images, QUALITY, generator))


def compressed(images: Tensor, quality: Tensor) -> Tensor:
    """Images float32 (n, 1, H, W) at JPEG qualities (n, 1, 1, 1) of 1 to 100; H and W are multiples of 8."""
    n, _, height, width = images.shape
    scale = torch.where(quality < 50, 5000 / quality, 200 - 2 * quality) / 100
    cosines = _COSINES.to(images.device)
    table = (_TABLE.to(images.device) * scale[..., None]).round().clamp(1, 255)  # (n, 1, 1, 8, 8)
    blocks = images.reshape(n, height // 8, 8, width // 8, 8).permute(0, 1, 3, 2, 4) - 128
    steps = (cosines @ blocks @ cosines.T / table).round()
    blocks = cosines.T @ (steps * table) @ cosines + 128
    return blocks.permute(0, 1, 3, 2, 4).reshape(n, 1, height, width)


def cover(images: Tensor, generator: Generator) -> Tensor:
    """A mask of one luma over the lower part of each image."""
    edge = _drawn(images, COVER, generator) * images.shape[2]
    rows = torch.arange(images.shape[2], device=images.device).view(1, 1, -1, 1)
    return torch.where(rows >= edge, _fill(images, generator), images)


def half(images: Tensor, generator: Generator) -> Tensor:
    """One luma over the left or the right half of each image."""
    left = torch.arange(images.shape[3], device=images.device) < images.shape[3] // 2
    hidden = left == (_uniform(images, generator) < 0.5)
    return torch.where(hidden, _fill(images, generator), images)


def haze(images: Tensor, generator: Generator) -> Tensor:
    """Less contrast about each image's mean."""
    mean = images.mean(dim=(1, 2, 3), keepdim=True)
    return mean + (images - mean) * _drawn(images, CONTRAST, generator)


def erase(images: Tensor, generator: Generator) -> Tensor:
    """One luma over a rectangle of each image."""
    n, _, height, width = images.shape
    area = _drawn(images, ERASED, generator).view(n, 1, 1)
    ratio = torch.exp((_uniform(images, generator) * 2 - 1) * math.log(2.5)).view(n, 1, 1)
    middle = torch.rand(n, 2, 1, 1, generator=generator, device=images.device)
    rows, columns = (torch.arange(side, device=images.device) for side in (height, width))
    rows, columns = rows.view(1, -1, 1), columns.view(1, 1, -1)
    inside = ((rows - middle[:, 0] * height).abs() < (area * ratio).sqrt() * height / 2) & (
        (columns - middle[:, 1] * width).abs() < (area / ratio).sqrt() * width / 2
    )
    return torch.where(inside[:, None], _fill(images, generator), images)


KINDS: Mapping[str, Corruption] = {
    "noise": noise,
    "blur": blur,
    "jpeg": jpeg,
    "cover": cover,
    "half": half,
    "haze": haze,
    "erase": erase,
}
"""Each as likely as every other."""


def corrupted(images: Tensor, share: float, generator: Generator) -> Tensor:
    """A share of a batch, each image with one corruption: float32 (N, 1, H, W), luma 0..255 → a new one."""
    kind = torch.randint(len(KINDS), (len(images),), generator=generator, device=images.device)
    kind[_uniform(images, generator).flatten() >= share] = -1
    result = images.clone()
    for index, corruption in enumerate(KINDS.values()):
        rows = (kind == index).nonzero()[:, 0]
        if len(rows):
            result[rows] = corruption(images[rows], generator)
    return result.clamp(0, 255)


def _drawn(images: Tensor, span: tuple[float, float], generator: Generator) -> Tensor:
    """A number for each image, uniform over the span: (n, 1, 1, 1)."""
    return span[0] + (span[1] - span[0]) * _uniform(images, generator)


def _uniform(images: Tensor, generator: Generator) -> Tensor:
    """A number in 0..1 for each image: (n, 1, 1, 1)."""
    return torch.rand(len(images), 1, 1, 1, generator=generator, device=images.device)


def _fill(images: Tensor, generator: Generator) -> Tensor:
    """A luma for each image, spread over it."""
    return (_uniform(images, generator) * 255).expand_as(images)
