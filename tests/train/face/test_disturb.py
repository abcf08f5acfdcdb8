from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from numpy.typing import NDArray

from mien_train.face import disturb
from mien_train.face.compose import Picture
from mien_train.recipes.face import FaceRecipe
from mien_train.recipes.named import FACE

RECIPE = FACE["base"]
STILL = replace(RECIPE, backlit=0.0, defocused=0.0, shaken=0.0, dark=0.0)


def _picture(grey: int = 128) -> Picture:
    luma = np.full((120, 160), grey, np.uint8)
    box = np.array([[40, 20, 120, 100]], np.float32)
    return Picture(luma, box, np.zeros((1, 5, 2), np.float32), np.array([False]), np.ones(1, np.float32))


def _striped(side: int = 80) -> Picture:
    """Two-pixel stripes; a face of this height in the middle, and one of 12 pixels in a corner."""
    luma = np.full((120, 160), 40, np.uint8)
    luma[:, np.arange(160) % 4 < 2] = 200
    boxes = np.array([[80 - side / 2, 60 - side / 2, 80 + side / 2, 60 + side / 2], [0, 0, 12, 12]], np.float32)
    return Picture(luma, boxes, np.zeros((2, 5, 2), np.float32), np.zeros(2, bool), np.ones(2, np.float32))


@pytest.fixture
def alone(monkeypatch: pytest.MonkeyPatch) -> None:
    """Neither exposure nor noise."""
    monkeypatch.setattr(disturb, "_TONED", 0.0)
    monkeypatch.setattr(disturb, "_NOISY", 0.0)


def _disturbed(picture: Picture, recipe: FaceRecipe, count: int = 100) -> list[Picture]:
    return [disturb.disturb(picture, recipe, np.random.default_rng(seed)) for seed in range(count)]


def _contrast(luma: NDArray[np.uint8]) -> float:
    return float(np.abs(np.diff(luma.astype(int), axis=1)).mean())


def test_disturbing_keeps_the_labels_and_the_type() -> None:
    picture = _picture(90)
    found = _disturbed(picture, RECIPE)
    assert all(other.luma.dtype == np.uint8 and other.boxes is picture.boxes for other in found)
    changed = sum(not np.array_equal(other.luma, picture.luma) for other in found)
    assert 80 <= changed < 100  # some are left as they are
    assert (picture.luma == 90).all()


def test_shares_hold_over_many_pictures(monkeypatch: pytest.MonkeyPatch) -> None:
    # With all else off, what changes a grey picture is noise, in a quarter of the pictures.
    monkeypatch.setattr(disturb, "_TONED", 0.0)
    noisy = [other.luma for other in _disturbed(_picture(), STILL, 400) if other.luma.std() > 0]
    assert 70 <= len(noisy) <= 130
    spread = [luma.std() for luma in noisy]
    assert 1.9 < min(spread) < 4
    assert 14 < max(spread) < 16.2


@pytest.mark.usefixtures("alone")
@pytest.mark.parametrize("field", ["backlit", "defocused", "shaken", "dark"])
def test_each_happens_to_its_share_of_pictures(field: str) -> None:
    picture = _striped()
    found = _disturbed(picture, replace(STILL, **{field: 0.3}), 200)  # type: ignore[arg-type] # any field's name
    assert 35 <= sum(not np.array_equal(other.luma, picture.luma) for other in found) <= 85


@pytest.mark.usefixtures("alone")
def test_light_from_one_side_is_a_ramp_within_its_bounds(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(disturb, "_SIDEWAYS", 1.0)
    for other in _disturbed(_picture(100), replace(STILL, backlit=1.0), 20):
        assert other.luma.min() >= 30 - 1  # a hundred times 0.3
        assert other.luma.max() <= 180
        assert other.luma.min() < other.luma.max()


@pytest.mark.usefixtures("alone")
def test_against_the_light_the_face_is_darkest_and_the_corners_are_bright(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(disturb, "_SIDEWAYS", 0.0)
    for other in _disturbed(_picture(100), replace(STILL, backlit=1.0), 20):
        assert 24 <= other.luma[60, 80] <= 60
        assert min(other.luma[0, 0], other.luma[-1, -1]) > other.luma[60, 80] + 40


@pytest.mark.usefixtures("alone")
def test_low_light_leaves_little_luma_or_much_noise() -> None:
    found = [other.luma for other in _disturbed(_picture(128), replace(STILL, dark=1.0), 60)]
    dim = [luma for luma in found if luma.mean() < 0.46 * 128]
    brightened = [luma for luma in found if luma.mean() >= 0.46 * 128]
    assert len(dim) > 20
    assert len(brightened) > 10
    assert min(luma.mean() for luma in dim) < 20
    assert all(luma.std() > 1 for luma in found)
    assert max(luma.std() for luma in brightened) > 12


@pytest.mark.usefixtures("alone")
def test_a_blur_lowers_contrast_and_gives_up_faces_it_wipes_out(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(disturb, "_SINGLE", 0.0)
    picture = _striped()
    found = _disturbed(picture, replace(STILL, defocused=1.0), 60)
    assert all(_contrast(other.luma) < _contrast(picture.luma) for other in found)
    assert not any(other.ignore[0] for other in found)  # 80 pixels outlast a blur of 3
    small = [bool(other.ignore[1]) for other in found]
    assert 5 < sum(small) < 40  # 12 pixels do up to 2.4
    strong = [_contrast(other.luma) for other, gone in zip(found, small, strict=True) if gone]
    weak = [_contrast(other.luma) for other, gone in zip(found, small, strict=True) if not gone]
    assert np.mean(strong) < np.mean(weak)
    assert not picture.ignore.any()


@pytest.mark.usefixtures("alone")
@pytest.mark.parametrize("field", ["defocused", "shaken"])
def test_a_single_faces_blur_leaves_the_picture_around_it(field: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(disturb, "_SINGLE", 1.0)
    picture = _striped(40)  # whose head reaches no further than 20 pixels from its box
    found = _disturbed(picture, replace(STILL, **{field: 1.0}), 30)  # type: ignore[arg-type] # any field's name
    hit = [other for other in found if _contrast(other.luma[50:70, 70:90]) < _contrast(picture.luma[50:70, 70:90])]
    assert len(hit) > 10
    for other in hit:
        assert np.array_equal(other.luma[105:], picture.luma[105:])
        assert np.array_equal(other.luma[:, 125:], picture.luma[:, 125:])


def test_kernels_keep_brightness_and_have_the_spread_they_claim() -> None:
    seen = set()
    for seed in range(40):
        for made in (disturb._defocus, disturb._motion):
            kernel, spread = made(np.random.default_rng(seed), 100.0)
            assert kernel.sum() == pytest.approx(1, abs=1e-4)
            y, x = np.indices(kernel.shape) - len(kernel) // 2
            assert abs((kernel * x).sum()) < 0.1
            measured = np.sqrt((kernel * (x * x + y * y)).sum() / (2 if made is disturb._defocus else 1))
            assert measured == pytest.approx(spread, rel=0.25, abs=0.25)
            seen.add(round(spread))
    assert {1, 2, 3, 4} <= seen
