from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from mien_train.data.faces import Photo
from mien_train.face import compose
from mien_train.face.compose import Chosen
from mien_train.recipes.face import FaceRecipe
from mien_train.recipes.named import FACE

RECIPE = FACE["base"]
LEVEL = replace(RECIPE, turned=0.0, slanted=0.0, tiles=0.0)


def _photo() -> Photo:
    luma = np.full((120, 160), 60, np.uint8)
    points = np.array([[70, 50], [90, 50], [80, 60], [72, 72], [88, 72]], np.float32)
    for x, y in points.astype(int):
        luma[y - 3 : y + 4, x - 3 : x + 4] = 255
    box = np.array([[60, 35, 100, 85]], np.float32)
    unknown = np.full((1, 4), np.nan, np.float32)
    return Photo("portraits/x.webp", luma, box, points[None], np.array([False]), unknown, np.array([0.9], np.float32))


def _single(photo: Photo, recipe: FaceRecipe, seed: int, size: tuple[int, int] = (256, 320)) -> compose.Picture:
    return compose.single(Chosen(photo), replace(recipe, height=size[0], width=size[1]), np.random.default_rng(seed))


@pytest.mark.parametrize(
    "changes",
    [
        {"turned": 0.0, "slanted": 0.0},
        {"turned": 1.0, "slanted": 0.0},
        {"turned": 0.0, "slanted": 1.0},
        {"turned": 1.0, "slanted": 1.0},
    ],
)
def test_landmarks_stay_on_the_bright_spots_they_mark(changes: dict[str, float]) -> None:
    seen = 0
    for seed in range(40):
        picture = _single(_photo(), replace(RECIPE, **changes), seed)  # type: ignore[arg-type] # any field's name
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
        picture = _single(_photo(), RECIPE, seed)
        for points in picture.landmarks:
            upright += 1
            assert points[0, 0] < points[1, 0]
            assert points[3, 0] < points[4, 0]
    assert upright > 10


def test_a_mosaic_holds_the_faces_of_four_photographs_inside_its_bounds() -> None:
    picture = compose.mosaic([_photo()] * 4, LEVEL, np.random.default_rng(3))
    assert len(picture.boxes) == 4
    assert picture.boxes.min() >= 0
    assert (picture.boxes[:, 2] <= 320).all()
    assert (picture.boxes[:, 3] <= 256).all()


def test_a_tile_shows_faces_about_twice_as_large_as_the_whole_photograph_does() -> None:
    small = replace(_photo(), boxes=np.array([[75, 50, 87, 65]], np.float32))
    fitting = 2 * 15  # the face's height where the photograph of 120×160 just fits
    heights = []
    for seed in range(60):
        picture = _single(small, replace(LEVEL, tiles=1.0), seed)
        heights += [b[3] - b[1] for b in picture.boxes if b[1] > 0 and b[3] < 256]
    assert len(heights) > 10
    assert min(heights) > 1.79 * fitting
    assert max(heights) < 3.01 * fitting
    assert max(heights) > 1.2 * min(heights)


def test_tiny_and_mostly_hidden_faces_are_ignored() -> None:
    for seed in range(60):
        picture = _single(_photo(), LEVEL, seed, (64, 64))
        heights = picture.boxes[:, 3] - picture.boxes[:, 1]
        assert picture.ignore[heights < compose.SMALLEST / 2].all()


def _rolls(recipe: FaceRecipe) -> np.ndarray:
    """Degrees by which the eyes lean in many pictures."""
    found = []
    for seed in range(200):
        for points in _single(_photo(), recipe, seed).landmarks:
            across = points[1] - points[0]
            found.append(np.degrees(np.arctan2(across[1], across[0])))
    assert len(found) > 150
    return np.array(found)


def test_turned_photographs_lean_by_any_angle_up_to_45_degrees_and_the_others_a_little_or_not_at_all() -> None:
    turned, others = np.abs(_rolls(replace(LEVEL, turned=1.0))), np.abs(_rolls(LEVEL))
    assert 44 < turned.max() <= 45.1
    assert 0.35 < (turned > 25).mean() < 0.55  # 20 of 45 degrees
    assert others.max() < 25
    assert 0.3 < (others < 0.01).mean() < 0.5


def test_a_slant_gives_near_and_far_eyes_another_size_than_a_similarity_would() -> None:
    def off_square(recipe: FaceRecipe) -> list[float]:
        found = []
        for seed in range(60):
            for points in _single(_photo(), recipe, seed).landmarks:
                eyes, mouth = np.linalg.norm(points[1] - points[0]), np.linalg.norm(points[4] - points[3])
                found.append(abs(float(mouth / eyes) / 0.8 - 1))  # 16 pixels of 20 in the photograph
        return found

    assert max(off_square(LEVEL)) < 0.02
    assert np.median(off_square(replace(LEVEL, slanted=1.0))) > 0.01


def test_a_level_photograph_is_shrunk_as_the_runtime_shrinks_it_and_no_softer() -> None:
    # One-pixel stripes, photographs larger than the canvas: an average over the right pixels stays even and grey,
    # a sharp edge within them stays one pixel wide.
    luma = np.zeros((512, 640), np.uint8)
    luma[:, 320:] = 200
    photo = replace(_photo(), luma=luma, boxes=np.zeros((0, 4), np.float32), landmarks=np.zeros((0, 5, 2), np.float32))
    photo = replace(photo, ignore=np.zeros(0, bool), certainty=np.zeros(0, np.float32))
    widths = []
    for seed in range(60):
        row = _single(photo, LEVEL, seed).luma[128].astype(int)
        at = int(np.argmax(np.abs(np.diff(row))))
        between = ((row[max(0, at - 4) : at + 6] > 5) & (row[max(0, at - 4) : at + 6] < 195)).sum()
        widths.append(between)
    assert sum(width <= 1 for width in widths) > 15


def test_a_photograph_chosen_for_a_face_is_zoomed_onto_that_face() -> None:
    photo = _photo()
    second = photo.boxes - np.array([50, 30, 50, 30], np.float32)
    both = replace(
        photo,
        boxes=np.concatenate([photo.boxes, second]),
        landmarks=np.concatenate([photo.landmarks, photo.landmarks - np.float32([50, 30])]),
        ignore=np.array([False, False]),
        certainty=np.array([0.9, 0.8], np.float32),
    )
    shown = [
        compose.single(Chosen(both, 1), LEVEL, np.random.default_rng(seed)).certainty.tolist() for seed in range(80)
    ]
    assert sum(0.8 in [round(c, 3) for c in row] for row in shown) > sum(
        0.9 in [round(c, 3) for c in row] for row in shown
    )
