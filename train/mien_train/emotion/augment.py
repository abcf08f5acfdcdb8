"""Augmentation of batches of 48×48 faces, on tensors."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass

import torch
import torch.nn.functional as F  # noqa: N812 - torch's own convention
from torch import Generator, Tensor

from mien_train.emotion import corruptions

_LIGHT = (0.2, 1.2)
"""Of `dim`: the least and the largest factor."""

_ERASED = (0.02, 0.2)
"""Least and largest share of an image that an erased rectangle covers (random erasing, Zhong et al. 2020, has 0.02 to
0.4; of a face's 48 pixels, 0.4 would leave too little to read)."""
_LONGEST = 2.5
"""Largest ratio of an erased rectangle's sides."""


@dataclass(frozen=True)
class FaceAugmentation:
    """How far a batch of face crops is varied.

    Attributes:
        rotation: largest turn, degrees.
        zoom: largest relative change of size.
        shift: largest shift, as a share of the side.
        contrast: largest relative change of contrast.
        brightness: largest shift of brightness, luma steps.
        gamma: largest absolute logarithm (base 2) of the gamma exponent.
        noise: largest standard deviation of added Gaussian noise, luma steps; a third of the images get some.
        erase: share of images from which one rectangle is erased.
        blur: share of images that are shrunk to half their side and back.
        sharpen: share of images whose edges are enhanced by an unsharp mask.
        half_face: share of images of which the left or right half is painted over.
        dim: share of images that get less or more light, by a factor of 0.2 to 1.2, in place of the other changes of
            contrast, brightness and gamma.
        corrupted: share of images that get one of `mien_train.emotion.corruptions`.
        share: share of images that are varied in all the other ways.
    """

    rotation: float = 15.0
    zoom: float = 0.15
    shift: float = 0.08
    contrast: float = 0.3
    brightness: float = 25.0
    gamma: float = 0.5
    noise: float = 10.0
    erase: float = 0.3
    blur: float = 0.15
    sharpen: float = 0.0
    half_face: float = 0.0
    dim: float = 0.0
    corrupted: float = 0.0
    share: float = 1.0

    def __call__(self, images: Tensor, generator: Generator) -> Tensor:
        """Vary a batch: float32 (N, 1, H, W), luma 0..255, on the generator's device → the same shape and range."""
        varied = images
        if self.share:
            varied = self._erase(self._photometric(self._geometric(images, generator), generator), generator)
            if self.corrupted:
                varied = corruptions.corrupted(varied, self.corrupted, generator)
        if 0 < self.share < 1:
            varied = torch.where(_some(images, self.share, generator), varied, images)
        if self.sharpen:
            varied = torch.where(_some(images, self.sharpen, generator), _sharpened(varied), varied)
        if self.half_face:
            varied = torch.where(_some(images, self.half_face, generator), _halved(varied, generator), varied)
        return varied

    def _geometric(self, images: Tensor, generator: Generator) -> Tensor:
        n = len(images)
        angle = _signed(n, generator) * math.radians(self.rotation)
        scale = 1 + _signed(n, generator) * self.zoom
        flip = torch.where(_uniform(n, generator) < 0.5, -1.0, 1.0)
        cosine, sine = torch.cos(angle) / scale, torch.sin(angle) / scale
        shift = 2 * self.shift * _signed(2 * n, generator).view(n, 2)  # grid_sample counts a side as 2
        theta = torch.stack([cosine * flip, -sine, shift[:, 0], sine * flip, cosine, shift[:, 1]], dim=1)
        grid = F.affine_grid(theta.view(n, 2, 3), list(images.shape), align_corners=False)
        return F.grid_sample(images, grid, mode="bilinear", padding_mode="border", align_corners=False)

    def _photometric(self, images: Tensor, generator: Generator) -> Tensor:
        n, given = len(images), images

        def per_image(values: Tensor) -> Tensor:
            return values.view(n, 1, 1, 1)

        mean = images.mean(dim=(1, 2, 3), keepdim=True)
        images = mean + (images - mean) * (1 + per_image(_signed(n, generator)) * self.contrast)
        images = (images + per_image(_signed(n, generator)) * self.brightness).clamp(0, 255)
        exponent = torch.exp2(per_image(_signed(n, generator)) * self.gamma)
        lit = 255 * (images / 255) ** exponent
        if self.dim:
            factor = _LIGHT[0] + (_LIGHT[1] - _LIGHT[0]) * _uniform(n, generator)
            lit = torch.where(_some(images, self.dim, generator), (given * per_image(factor)).clamp(0, 255), lit)
        images = lit
        soft = F.interpolate(F.avg_pool2d(images, 2), scale_factor=2.0, mode="bilinear", align_corners=False)
        images = torch.where(per_image(_uniform(n, generator) < self.blur), soft, images)
        strength = per_image(_uniform(n, generator) * 3 - 2).clamp(min=0) * self.noise
        images = images + strength * torch.randn(images.shape, generator=generator, device=images.device)
        return images.clamp(0, 255)

    def _erase(self, images: Tensor, generator: Generator) -> Tensor:
        n, _, height, width = images.shape
        area = _uniform(n, generator) * (_ERASED[1] - _ERASED[0]) + _ERASED[0]
        ratio = torch.exp(_signed(n, generator) * math.log(_LONGEST))
        half_h, half_w = (area * ratio).sqrt() * height / 2, (area / ratio).sqrt() * width / 2
        centre_y, centre_x = _uniform(n, generator) * height, _uniform(n, generator) * width
        rows, columns = (torch.arange(side, device=images.device) for side in (height, width))
        rows, columns = rows.view(1, -1, 1), columns.view(1, 1, -1)
        inside = ((rows - centre_y.view(n, 1, 1)).abs() < half_h.view(n, 1, 1)) & (
            (columns - centre_x.view(n, 1, 1)).abs() < half_w.view(n, 1, 1)
        )
        inside &= (_uniform(n, generator) < self.erase).view(n, 1, 1)
        fill = _uniform(n, generator).view(n, 1, 1, 1) * 255
        return torch.where(inside[:, None], fill, images)


def _some(images: Tensor, share: float, generator: Generator) -> Tensor:
    """A random share of a batch: bool (N, 1, 1, 1)."""
    return (_uniform(len(images), generator) < share).view(-1, 1, 1, 1)


def _sharpened(images: Tensor) -> Tensor:
    """Unsharp mask: the image and its difference from a 3×3 mean."""
    padded = F.pad(images, (1, 1, 1, 1), mode="replicate")
    return (2 * images - F.avg_pool2d(padded, 3, 1)).clamp(0, 255)


def _halved(images: Tensor, generator: Generator) -> Tensor:
    """One half of each image, left or right, in the image's mean luma."""
    left = torch.arange(images.shape[3], device=images.device) < images.shape[3] // 2
    hidden = left == (_uniform(len(images), generator) < 0.5).view(-1, 1, 1, 1)
    return torch.where(hidden, images.mean(dim=(1, 2, 3), keepdim=True), images)


def _uniform(n: int, generator: Generator) -> Tensor:
    """n uniform numbers in 0..1, on the generator's device."""
    return torch.rand(n, generator=generator, device=generator.device)


def _signed(n: int, generator: Generator) -> Tensor:
    """n uniform numbers in −1..1."""
    return _uniform(n, generator) * 2 - 1


KINDS: Mapping[str, FaceAugmentation] = {
    # As far as github.com/vicksam/fer-model turns, shifts and zooms; what spoils an image is drawn apart from the rest.
    "wide": FaceAugmentation(
        rotation=30.0,
        zoom=0.2,
        shift=0.2,
        contrast=0.4,
        gamma=0.8,
        noise=0.0,
        erase=0.0,
        blur=0.0,
        dim=0.35,
    ),
    "strong": FaceAugmentation(),
    # Flip, 10° of rotation, 10 % of size and shift, 5 % of contrast and brightness.
    "light": FaceAugmentation(
        rotation=10.0, zoom=0.1, shift=0.1, contrast=0.05, brightness=12.75, gamma=0.0, noise=0.0, erase=0.0, blur=0.0
    ),
    "none": FaceAugmentation(share=0.0),
}
"""How far the recipes' kinds of augmentation go."""
