from __future__ import annotations

import dataclasses

import torch

from mien_train.emotion.augment import KINDS, FaceAugmentation


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


def test_a_share_of_none_leaves_every_picture_and_half_leaves_about_half() -> None:
    images = torch.rand(400, 1, 48, 48, generator=torch.Generator().manual_seed(0)) * 255
    assert torch.equal(KINDS["none"](images, torch.Generator().manual_seed(1)), images)
    half = dataclasses.replace(KINDS["light"], share=0.5)(images, torch.Generator().manual_seed(1))
    same = (half == images).all(dim=(1, 2, 3)).sum()
    assert 150 < same < 250


def test_half_faces_keep_one_half_and_sharpening_raises_contrast_at_an_edge() -> None:
    images = torch.full((20, 1, 48, 48), 50.0)
    images[:, :, :, 12:36] = 150
    halved = FaceAugmentation(share=0, half_face=1)(images, torch.Generator().manual_seed(0))
    left = (halved[:, :, :, :24] == 100).all(dim=(1, 2, 3))  # the mean of 50 and 150
    right = (halved[:, :, :, 24:] == 100).all(dim=(1, 2, 3))
    assert (left ^ right).all()
    assert 3 < left.sum() < 17
    sharp = FaceAugmentation(share=0, sharpen=1)(images, torch.Generator().manual_seed(0))
    # Beside the edge a third of the 3×3 mean is from over there: 50 − 100 / 3 and 150 + 100 / 3.
    assert torch.allclose(sharp[:, :, 5, 11], torch.tensor(50 - 100 / 3))
    assert torch.allclose(sharp[:, :, 5, 12], torch.tensor(150 + 100 / 3))
    assert torch.allclose(sharp[:, :, 5, 24], torch.tensor(150.0))


def test_wide_dims_some_pictures_far() -> None:
    images = torch.full((400, 1, 48, 48), 100.0)
    wide = dataclasses.replace(KINDS["wide"], contrast=0.0, brightness=0.0, gamma=0.0)
    level = wide(images, torch.Generator().manual_seed(0)).mean(dim=(1, 2, 3))
    dimmed = (level - 100).abs() > 0.5
    assert 100 < dimmed.sum() < 180  # 35 % of 400, some of them by next to nothing
    assert level.min() < 35
    assert 105 < level.max() <= 120.1
