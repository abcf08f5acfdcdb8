from __future__ import annotations

from dataclasses import replace

import numpy as np

from mien_train.data.faces import Photo
from mien_train.face import scraps


def photo(name: str, boxes: list[list[float]], tone: int = 90) -> Photo:
    """A photograph of 200×200 with a bright forehead strip above each face's box and a dark cheek in it."""
    luma = np.full((200, 200), tone, np.uint8)
    corners = np.array(boxes, np.float32).reshape(-1, 4)
    points = []
    for left, top, right, bottom in corners.astype(int):
        height = bottom - top
        luma[max(0, top - height // 2) : top, left:right] = 250
        luma[top:bottom, left:right] = 30
        points.append([[left + 10, top + 20], [right - 10, top + 20], [0, 0], [0, 0], [0, 0]])
    known = np.array(points, np.float32).reshape(-1, 5, 2)
    n = len(corners)
    return Photo(
        name, luma, corners, known, np.zeros(n, bool), np.full((n, 4), np.nan, np.float32), np.ones(n, np.float32)
    )


def test_pieces_are_cut_where_hair_skin_and_things_are() -> None:
    found = scraps.cut(
        [photo("portraits/a", [[60, 60, 140, 160]]), photo("objects/b", [], 77)], np.random.default_rng(0)
    )
    assert found.things.shape == (3, scraps.SIDE, scraps.SIDE)
    assert (found.things == 77).all()
    assert found.hair.mean() > 220
    assert (found.skin == 30).all()
    assert [face for _, face in found.heads] == [0]


def test_a_head_is_not_used_where_another_face_reaches_into_it() -> None:
    apart = photo("groups/a", [[10, 60, 50, 110], [150, 60, 190, 110]])
    near = photo("groups/b", [[10, 60, 50, 110], [60, 60, 100, 110]])
    found = scraps.cut([apart, near], np.random.default_rng(0))
    assert [(each.name, face) for each, face in found.heads] == [("groups/a", 0), ("groups/a", 1)]


def test_small_ignored_and_unmarked_faces_give_nothing() -> None:
    one = photo("portraits/a", [[60, 60, 140, 160]])
    unmarked = replace(one, landmarks=np.full((1, 5, 2), np.nan, np.float32))
    ignored = replace(one, ignore=np.array([True]))
    small = photo("portraits/b", [[60, 60, 80, 90]])
    found = scraps.cut([unmarked, ignored, small], np.random.default_rng(0))
    assert (len(found.hair), len(found.skin), len(found.heads), len(found.things)) == (0, 0, 0, 0)
