from __future__ import annotations

import torch

from mien_train.augment import FaceAugmentation


def test_the_same_seed_gives_the_same_pictures_in_range() -> None:
    images = torch.rand(8, 1, 48, 48, generator=torch.Generator().manual_seed(0)) * 255
    first = FaceAugmentation()(images, torch.Generator().manual_seed(1))
    second = FaceAugmentation()(images, torch.Generator().manual_seed(1))
    other = FaceAugmentation()(images, torch.Generator().manual_seed(2))
    assert torch.equal(first, second)
    assert not torch.equal(first, other)
    assert first.shape == images.shape
    assert first.min() >= 0
    assert first.max() <= 255


def test_with_everything_off_only_the_mirror_is_left() -> None:
    off = FaceAugmentation(rotation=0, zoom=0, shift=0, contrast=0, brightness=0, gamma=0, noise=0, erase=0, blur=0)
    images = torch.rand(16, 1, 48, 48, generator=torch.Generator().manual_seed(0)) * 255
    out = off(images, torch.Generator().manual_seed(0))
    same = (out - images).abs().amax(dim=(1, 2, 3)) < 0.01
    mirrored = (out - images.flip(3)).abs().amax(dim=(1, 2, 3)) < 0.01
    assert (same | mirrored).all()
    assert same.any()
    assert mirrored.any()
