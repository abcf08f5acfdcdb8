"""Faces set into scenes, found, aligned and read; what is missed is an error."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray

from mien.errors import MienError
from mien.faces.face import Box, Face, Landmarks, Point
from mien.laps import Laps
from mien_train.emotion import full_path, scenes

TEMPLATE = np.array([[15, 18], [33, 18], [24, 28], [17, 37], [31, 37]], np.float32)
DARK = [np.zeros((300, 500), np.uint8), np.full((700, 600), 40, np.uint8)]


def faces(*lumas: int) -> NDArray[np.uint8]:
    return np.repeat(np.array(lumas, np.uint8), 48 * 48).reshape(-1, 48, 48)


class Finder:
    """Finds what is brighter than luma 90 in a frame, as one face whose landmarks are the template's."""

    def detect(self, luma: NDArray[np.uint8], laps: Laps | None = None) -> tuple[Face, ...]:
        rows, columns = np.nonzero(luma > 90)
        if not len(rows):
            return ()
        left, top, side = columns.min(), rows.min(), rows.max() - rows.min() + 1
        points = Landmarks(*(Point(left + side * x / 48, top + side * y / 48) for x, y in TEMPLATE.tolist()))
        return (Face(Box(left, top, left + side, top + side), points, 0.9),)

    def close(self) -> None:
        """Nothing is held."""


def test_a_scene_holds_the_whole_picture_and_fades_at_its_edge() -> None:
    shown = list(scenes.composed(faces(200, 200, 200, 200), DARK, np.random.default_rng(1)))
    assert len(shown) == 4
    for scene in shown:
        assert scene.luma.shape == (480, 640)
        assert 160 <= scene.side <= 240
        part = scene.luma[scene.top : scene.top + scene.side, scene.left : scene.left + scene.side]
        assert part.shape == (scene.side, scene.side)
        margin = scene.side // 10
        assert (part[margin:-margin, margin:-margin] == 200).all()
        assert part[0].max() < 60  # the first of some eight pixels of fading
        assert (np.diff(part[scene.side // 2, :margin].astype(int)) >= 0).all()
        scene.luma[scene.top : scene.top + scene.side, scene.left : scene.left + scene.side] = 0
        assert scene.luma.max() <= 40  # nothing of the face lies outside


def test_scenes_are_the_same_for_the_same_seed_and_differ_among_themselves() -> None:
    first, second = (list(scenes.composed(faces(200, 150), DARK, np.random.default_rng(3))) for _ in range(2))
    assert all((a.luma == b.luma).all() for a, b in zip(first, second, strict=True))
    assert (first[0].left, first[0].top) != (first[1].left, first[1].top)


def test_a_face_far_from_the_picture_is_not_taken_for_it() -> None:
    scene = scenes.Scene(np.zeros((480, 640), np.uint8), 100, 100, 160)
    points = Landmarks(*(Point(0, 0) for _ in range(5)))
    near, better = (Face(Box(120, 120, 240, 240), points, score) for score in (0.7, 0.8))
    far = Face(Box(300, 100, 500, 300), points, 0.99)
    assert scene.face((far, near, better)) is better
    assert scene.face((far,)) is None


def test_the_figures_are_those_worked_out_by_hand() -> None:
    """Of five faces one is too dark to be found, and one of the four others is misread."""
    images, labels = faces(150, 220, 220, 150, 60), np.array([0, 1, 1, 1, 0])

    def read(crops: NDArray[np.uint8]) -> NDArray[np.int64]:
        assert crops.shape == (4, 48, 48)
        return (crops[:, 24, 24] > 200).astype(np.int64)

    found = full_path.measure(read, Finder(), TEMPLATE, images, labels, ("dim", "bright", "none"), DARK)
    assert found["n"] == 5
    assert [row["frame"] for row in found["frames"]] == [[480, 640], [256, 320]]
    for row in found["frames"]:
        assert (row["found"], row["accuracy"], row["accuracy_of_found"]) == (0.8, 0.6, 0.75)
        assert row["recall"] == {"dim": 0.5, "bright": 0.6667, "none": None}


def test_where_nothing_is_found_everything_is_an_error() -> None:
    def read(crops: NDArray[np.uint8]) -> NDArray[np.int64]:
        raise AssertionError("there is nothing to read")

    found = full_path.measure(read, Finder(), TEMPLATE, faces(50, 60), np.array([0, 0]), ("a", "b"), DARK)
    assert [(row["found"], row["accuracy"], row["accuracy_of_found"]) for row in found["frames"]] == [(0, 0, None)] * 2


def test_photographs_with_faces_are_no_scenery(small_data: Path) -> None:
    assert len(scenes.backgrounds(small_data)) == 2  # photographs 7 and 11 of twelve


def test_data_without_scenery_says_so(small_data: Path) -> None:
    path = small_data / "faces" / "faces.json"
    listed = json.loads(path.read_text())
    listed["val"] = [row for row in listed["val"] if row["faces"]]
    path.write_text(json.dumps(listed))
    with pytest.raises(MienError, match="no photographs without faces"):
        scenes.backgrounds(small_data)
