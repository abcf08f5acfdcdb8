from __future__ import annotations

import numpy as np
import pytest

from mien_train.face import disturb
from mien_train.face.compose import Picture


def _picture(grey: int = 128) -> Picture:
    luma = np.full((120, 160), grey, np.uint8)
    box = np.array([[40, 20, 120, 100]], np.float32)
    return Picture(luma, box, np.zeros((1, 5, 2), np.float32), np.array([False]))


def test_disturbing_keeps_the_labels_and_the_type() -> None:
    picture = _picture(90)
    changed = 0
    for seed in range(100):
        other = disturb.disturb(picture, np.random.default_rng(seed))
        assert other.luma.dtype == np.uint8
        assert other.boxes is picture.boxes
        changed += not np.array_equal(other.luma, picture.luma)
    assert 80 <= changed < 100  # some are left as they are
    assert (picture.luma == 90).all()


def test_shares_hold_over_many_pictures(monkeypatch: pytest.MonkeyPatch) -> None:
    # With all else off, what changes a grey picture is noise, in a quarter of the pictures.
    for name in ("_OCCLUDED", "_TONED", "_BACKLIT", "_BLURRED"):
        monkeypatch.setattr(disturb, name, 0.0)
    pictures = [disturb.disturb(_picture(), np.random.default_rng(seed)).luma for seed in range(400)]
    noisy = [picture for picture in pictures if picture.std() > 0]
    assert 70 <= len(noisy) <= 130
    spread = [picture.std() for picture in noisy]
    assert 1.9 < min(spread) < 4
    assert 14 < max(spread) < 16.2


def test_light_from_one_side_is_a_ramp_within_its_bounds(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("_OCCLUDED", "_TONED", "_BLURRED", "_NOISY"):
        monkeypatch.setattr(disturb, name, 0.0)
    monkeypatch.setattr(disturb, "_BACKLIT", 1.0)
    for seed in range(20):
        luma = disturb.disturb(_picture(100), np.random.default_rng(seed)).luma
        assert luma.min() >= 30 - 1  # a hundred times 0.3
        assert luma.max() <= 180
        assert luma.min() < luma.max()


def test_a_cover_lies_on_faces_and_nowhere_else(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("_TONED", "_BACKLIT", "_BLURRED", "_NOISY"):
        monkeypatch.setattr(disturb, name, 0.0)
    monkeypatch.setattr(disturb, "_OCCLUDED", 1.0)
    monkeypatch.setattr(disturb, "_COVERED", 1.0)
    monkeypatch.setattr(disturb, "_MASKED", 1.0)
    covered = [disturb.disturb(_picture(), np.random.default_rng(seed)).luma != 128 for seed in range(10)]
    assert sum(mask.any() for mask in covered) >= 9  # a cover may be of the very grey
    for mask in covered:
        rows = np.flatnonzero(mask.any(axis=1))
        assert not len(rows) or rows.min() > 20 + 0.3 * 80  # the eyes stay free
