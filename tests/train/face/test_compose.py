from __future__ import annotations

from dataclasses import replace

import numpy as np

from mien_train.data.faces import Photo
from mien_train.face import compose


def _photo() -> Photo:
    luma = np.full((120, 160), 60, np.uint8)
    points = np.array([[70, 50], [90, 50], [80, 60], [72, 72], [88, 72]], np.float32)
    for x, y in points.astype(int):
        luma[y - 3 : y + 4, x - 3 : x + 4] = 255
    box = np.array([[60, 35, 100, 85]], np.float32)
    return Photo("portraits/x.webp", luma, box, points[None], np.array([False]), np.full((1, 4), np.nan, np.float32))


def test_landmarks_stay_on_the_bright_spots_they_mark_through_turn_zoom_and_mirror() -> None:
    seen = 0
    for seed in range(40):
        picture = compose.single(_photo(), 256, 320, np.random.default_rng(seed))
        for points, ignore, box in zip(picture.landmarks, picture.ignore, picture.boxes, strict=True):
            if ignore or box[3] - box[1] < 40:
                continue
            for x, y in points:
                if 4 <= x < 316 and 4 <= y < 252:
                    assert picture.luma[int(y), int(x)] > 150, f"seed {seed}"
                    seen += 1
    assert seen > 50


def test_the_right_eye_stays_left_of_the_left_eye_in_a_mirror() -> None:
    upright = 0
    for seed in range(40):
        picture = compose.single(_photo(), 256, 320, np.random.default_rng(seed))
        for points in picture.landmarks:
            upright += 1
            assert points[0, 0] < points[1, 0]
            assert points[3, 0] < points[4, 0]
    assert upright > 10


def test_a_mosaic_holds_the_faces_of_four_photographs_inside_its_bounds() -> None:
    picture = compose.mosaic([_photo()] * 4, 256, 320, np.random.default_rng(3))
    assert len(picture.boxes) == 4
    assert picture.boxes.min() >= 0
    assert (picture.boxes[:, 2] <= 320).all()
    assert (picture.boxes[:, 3] <= 256).all()


def test_a_tile_shows_faces_about_twice_as_large_as_the_whole_photograph_does() -> None:
    small = replace(_photo(), boxes=np.array([[75, 50, 87, 65]], np.float32))
    fitting = 2 * 15  # the face's height where the photograph of 120×160 just fits
    heights = []
    for seed in range(60):
        picture = compose.single(small, 256, 320, np.random.default_rng(seed), tiles=1.0)
        heights += [b[3] - b[1] for b in picture.boxes if b[1] > 0 and b[3] < 256]
    assert len(heights) > 10
    assert min(heights) > 1.79 * fitting
    assert max(heights) < 3.01 * fitting
    assert max(heights) > 1.2 * min(heights)


def test_tiny_and_mostly_hidden_faces_are_ignored() -> None:
    for seed in range(60):
        picture = compose.single(_photo(), 64, 64, np.random.default_rng(seed))
        heights = picture.boxes[:, 3] - picture.boxes[:, 1]
        assert picture.ignore[heights < compose.SMALLEST / 2].all()
