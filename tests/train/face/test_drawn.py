from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from mien.faces.decode import Detections
from mien_train.data.faces import Photo
from mien_train.face.drawn import Mapping, corrected, fit


def test_the_mapping_between_two_conventions_is_found_in_spite_of_strays() -> None:
    rng = np.random.default_rng(0)
    found, drawn = [], []
    for _ in range(30):
        left, top = rng.uniform(0, 200, 2)
        side = rng.uniform(20, 60)
        box = np.array([left, top, left + side, top + 1.25 * side], np.float32)
        stray = box + 300
        found.append(
            Detections(np.stack([box, stray]), np.zeros((2, 5, 2), np.float32), np.array([0.9, 0.8], np.float32))
        )
        drawn.append(np.stack([Mapping(0.02, 0.1, 1.05, 0.85)(box[None])[0], np.full(4, np.nan, np.float32)]))
    mapping = fit(found, drawn)
    assert [mapping.shift_x, mapping.shift_y, mapping.width, mapping.height] == pytest.approx(
        [0.02, 0.1, 1.05, 0.85], abs=1e-3
    )


def test_nothing_to_fit_on_leaves_boxes_as_they_are() -> None:
    boxes = np.array([[1, 2, 30, 40]], np.float32)
    assert fit([], [])(boxes).tolist() == boxes.tolist()


PERSON = Mapping(0.02, 0.1, 1.05, 0.85)


def _photo(rng: np.random.Generator) -> Photo:
    """A face that both saw, one that the labeller saw alone, one that a person drew alone, and one to be ignored."""
    corners, sides = rng.uniform(0, 200, (4, 2)), rng.uniform(20, 60, (4, 1))
    boxes = np.concatenate([corners, corners + sides * np.array([1, 1.25])], axis=1).astype(np.float32)
    drawn = np.full((4, 4), np.nan, np.float32)
    drawn[[0, 2, 3]] = PERSON(boxes[[0, 2, 3]])
    boxes[2] = drawn[2]
    ignore = np.array([False, False, False, True])
    luma = np.zeros((300, 300), np.uint8)
    return Photo(
        "set/0.webp", luma, boxes, np.full((4, 5, 2), np.nan, np.float32), ignore, drawn, np.ones(4, np.float32)
    )


def test_the_way_back_undoes_a_mapping() -> None:
    boxes = np.array([[1, 2, 30, 40], [100, 20, 160, 110]], np.float32)
    assert PERSON.back(PERSON(boxes)) == pytest.approx(boxes, abs=1e-3)


def test_a_person_moves_the_labellers_box_by_their_share_and_what_they_alone_drew_follows_its_convention() -> None:
    photos = [_photo(np.random.default_rng(seed)) for seed in range(30)]
    moved = np.array([4, -2, 4, -2], np.float32)
    seen = photos[0]
    drawn = seen.drawn.copy()
    drawn[0] += moved
    photos[0] = replace(seen, drawn=drawn)
    (first, *_) = corrected(photos, 0.25)
    assert first.boxes[0] == pytest.approx(seen.boxes[0] + 0.25 * moved, abs=0.1)
    assert first.boxes[1].tolist() == seen.boxes[1].tolist()
    assert first.boxes[2] == pytest.approx(PERSON.back(seen.drawn[2:3])[0], abs=0.1)
    assert first.boxes[3].tolist() == seen.boxes[3].tolist()
    far = photos[1].drawn.copy()
    far[0] += 50  # of another face
    other = replace(photos[1], drawn=far)
    assert corrected([*photos, other], 0.25)[-1].boxes[0].tolist() == other.boxes[0].tolist()
    assert seen.boxes[0].tolist() == photos[0].boxes[0].tolist()  # the labels themselves stay


def test_without_a_share_or_without_people_nothing_changes() -> None:
    photos = [_photo(np.random.default_rng(0))]
    assert corrected(photos, 0.0) == (photos[0],)
    nobody = replace(photos[0], drawn=np.full((4, 4), np.nan, np.float32))
    assert corrected([nobody], 0.5) == (nobody,)
