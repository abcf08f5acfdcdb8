from __future__ import annotations

import numpy as np
import pytest
from numpy.typing import NDArray

from mien_train.face import covers
from mien_train.face.compose import Picture
from mien_train.face.scraps import Scraps

BOX = (60, 50, 120, 130)
"""Left, top, right, bottom of the face; 60×80 pixels."""


def _pieces(tone: int) -> NDArray[np.uint8]:
    return np.full((1, 64, 64), tone, np.uint8)


SCRAPS = Scraps(_pieces(10), _pieces(60), _pieces(220), ())


def _picture(roll: float = 0.0) -> Picture:
    luma = np.full((200, 200), 128, np.uint8)
    angle = np.radians(roll)
    eyes, across = np.array([90, 85]), np.array([np.cos(angle), np.sin(angle)]) * 15
    points = np.stack([eyes - across, eyes + across, [90, 95], [80, 110], [100, 110]]).astype(np.float32)
    return Picture(luma, np.array([BOX], np.float32), points[None], np.array([False]), np.ones(1, np.float32))


def _changed(
    kind: str, monkeypatch: pytest.MonkeyPatch, roll: float = 0.0, count: int = 30
) -> list[tuple[Picture, NDArray[np.bool_]]]:
    monkeypatch.setattr(covers, "_COVERED", 1.0)
    monkeypatch.setattr(covers, "_PLAIN", 0.0)
    monkeypatch.setattr(covers, "_SHARES", {kind: 1.0})
    picture = _picture(roll)
    found = []
    for seed in range(count):
        other = covers.cover(picture, SCRAPS, np.random.default_rng(seed))
        assert other.boxes is picture.boxes
        found.append((other, np.abs(other.luma.astype(int) - 128) > 20))
    assert (picture.luma == 128).all()
    assert sum(mask.any() for _, mask in found) >= 0.9 * count
    return found


@pytest.mark.parametrize("kind", list(covers._DRAWN))
def test_every_cover_touches_the_face_or_its_rim_and_stays_near_it(kind: str, monkeypatch: pytest.MonkeyPatch) -> None:
    for _, mask in _changed(kind, monkeypatch):
        rows, columns = np.nonzero(mask)
        reach = 1.2 * 80 + 1
        assert rows.min() >= 90 - reach
        assert rows.max() <= 90 + reach
        assert columns.min() >= 90 - reach
        assert columns.max() <= 90 + reach


def test_a_mask_leaves_the_eyes_and_covers_the_mouth_even_of_a_leaning_face(monkeypatch: pytest.MonkeyPatch) -> None:
    for roll in (0.0, 40.0):
        mouth = np.array([90, 90]) + np.array([-np.sin(np.radians(roll)), np.cos(np.radians(roll))]) * 0.28 * 80
        for _, mask in _changed("mask", monkeypatch, roll):
            assert mask[int(mouth[1]), int(mouth[0])]
            assert not mask[50:75].any() or roll


def test_a_hat_is_above_the_eyes_and_a_hood_leaves_the_middle(monkeypatch: pytest.MonkeyPatch) -> None:
    for other, mask in _changed("hat", monkeypatch):
        assert mask[52, 90]
        assert not mask[50 + int(0.42 * 80) :].any()
        assert not other.ignore[0]
    for other, mask in _changed("hood", monkeypatch):
        assert not mask[85:95, 85:95].any()
        assert mask.sum() > 600
        assert not other.ignore[0]


def test_hands_are_of_skin_and_lie_over_the_mouth_or_anywhere(monkeypatch: pytest.MonkeyPatch) -> None:
    anywhere, mouth = _changed("hand", monkeypatch), _changed("mouth", monkeypatch)
    assert all(other.luma[mask].max() == 220 for other, mask in anywhere + mouth)
    assert all(mask[108:112, 88:92].mean() > 0.7 for _, mask in mouth)
    assert 3 <= sum(bool(mask[108:112, 88:92].mean() > 0.7) for _, mask in anywhere) <= 22


def test_a_face_of_which_little_is_left_is_no_longer_asked_for(monkeypatch: pytest.MonkeyPatch) -> None:
    left, top, right, bottom = BOX
    seen = set()
    for kind in ("back", "hand", "mouth", "thing"):
        for other, mask in _changed(kind, monkeypatch, count=80):
            share = float(mask[top:bottom, left:right].mean())
            assert bool(other.ignore[0]) == (share > 0.65) or abs(share - 0.65) < 0.08
            seen.add(bool(other.ignore[0]))
    assert seen == {True, False}


def test_half_of_the_faces_are_covered_and_tiny_or_ignored_ones_never() -> None:
    picture = _picture()
    changed = [
        not np.array_equal(covers.cover(picture, SCRAPS, np.random.default_rng(seed)).luma, picture.luma)
        for seed in range(200)
    ]
    assert 75 <= sum(changed) <= 125
    small = Picture(
        picture.luma, np.array([[60, 50, 68, 60]], np.float32), picture.landmarks, picture.ignore, picture.certainty
    )
    ignored = Picture(picture.luma, picture.boxes, picture.landmarks, np.array([True]), picture.certainty)
    for other in (small, ignored):
        for seed in range(20):
            assert np.array_equal(covers.cover(other, SCRAPS, np.random.default_rng(seed)).luma, picture.luma)


def test_without_pieces_covers_are_of_one_tone(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(covers, "_COVERED", 1.0)
    none = np.zeros((0, 64, 64), np.uint8)
    tones = {
        int(covers.cover(_picture(), Scraps(none, none, none, ()), np.random.default_rng(seed)).luma[112, 90])
        for seed in range(30)
    }
    assert len(tones) > 5
