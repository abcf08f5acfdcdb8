"""What spoils a face crop: one kind an image at most, and each kind what it says."""

from __future__ import annotations

import cv2
import numpy as np
import pytest
import torch
from torch import Tensor

from mien_train.emotion import corruptions


def generator(seed: int = 0) -> torch.Generator:
    return torch.Generator().manual_seed(seed)


def faces(n: int = 16) -> Tensor:
    """Smooth pictures, as faces are, away from black and white."""
    noise = np.random.default_rng(0).integers(0, 255, (n, 48, 48)).astype(np.float32)
    return torch.from_numpy(np.stack([cv2.GaussianBlur(image, (0, 0), 3) for image in noise]))[:, None].clamp(30, 220)


@pytest.mark.parametrize("name", corruptions.KINDS)
def test_the_same_seed_spoils_alike_and_every_image_changes(name: str) -> None:
    images = faces()
    first, second = (corruptions.KINDS[name](images, generator(3)) for _ in range(2))
    assert torch.equal(first, second)
    assert first.shape == images.shape
    assert ((first - images).abs().amax(dim=(1, 2, 3)) > 0.1).all()


@pytest.mark.parametrize("quality", [10, 30, 50, 80])
def test_compression_is_what_a_jpeg_encoder_does(quality: int) -> None:
    image = faces(1)[0, 0].round()
    _, coded = cv2.imencode(".jpg", image.numpy().astype(np.uint8), [cv2.IMWRITE_JPEG_QUALITY, quality])
    theirs = cv2.imdecode(coded, cv2.IMREAD_GRAYSCALE)
    assert theirs is not None
    ours = corruptions.compressed(image[None, None], torch.full((1, 1, 1, 1), float(quality)))[0, 0].clamp(0, 255)
    apart = np.abs(ours.round().numpy() - theirs)  # an encoder's integer arithmetic rounds by itself
    assert apart.max() <= 2
    assert apart.mean() < 0.7
    assert quality > 50 or np.abs(image.numpy() - theirs).mean() > 2 * apart.mean()  # and the loss is far larger


def test_a_cover_hides_the_lower_part_and_a_half_one_side() -> None:
    images = faces()
    covered = corruptions.cover(images, generator())
    assert torch.equal(covered[:, :, :24], images[:, :, :24])  # down to half of the height at most
    assert (covered[:, :, 45:] == covered[:, :, 45:46, :1]).all()
    halved = corruptions.half(images, generator())
    left, right = (halved[..., :24] == images[..., :24]).all(dim=(1, 2, 3)), (halved[..., 24:] == images[..., 24:])
    assert (left ^ right.all(dim=(1, 2, 3))).all()
    assert 0 < left.sum() < len(images)


def test_haze_leaves_the_mean_and_a_quarter_to_two_thirds_of_the_contrast() -> None:
    images = faces()
    hazy = corruptions.haze(images, generator())
    assert torch.allclose(hazy.mean(dim=(1, 2, 3)), images.mean(dim=(1, 2, 3)), atol=0.01)
    left = hazy.std(dim=(1, 2, 3)) / images.std(dim=(1, 2, 3))
    assert left.min() >= 0.25
    assert left.max() <= 0.65


def test_noise_has_the_strength_it_is_given() -> None:
    images = torch.full((200, 1, 48, 48), 128.0)
    strength = corruptions.noise(images, generator()).std(dim=(1, 2, 3))
    assert strength.min() > 3.5
    assert strength.max() < 30
    assert 15 < strength.mean() < 18  # of 4 to 29


def test_only_a_share_of_a_batch_is_spoilt_and_stays_in_range() -> None:
    images = faces(1).expand(400, -1, -1, -1)
    spoilt = corruptions.corrupted(images, 0.5, generator())
    changed = (spoilt != images).flatten(1).any(dim=1).sum()
    assert 160 < changed < 240
    assert spoilt.min() >= 0
    assert spoilt.max() <= 255
    assert torch.equal(corruptions.corrupted(images, 0.0, generator()), images)
