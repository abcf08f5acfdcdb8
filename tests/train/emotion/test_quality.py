"""Fitting what keeps crops from being read: on faces whose darkness, and nothing else, makes readings wrong."""

from __future__ import annotations

import math

import cv2
import numpy as np
import pytest
from numpy.typing import NDArray

from mien.emotions.quality import Quality
from mien.faces.face import Box, Face, Landmarks, Point
from mien.laps import Laps
from mien.models.crop_quality import MEASURES
from mien_train.emotion import quality, spoiled
from mien_train.emotion.quality import Read

TEMPLATE = np.array([[15, 18], [33, 18], [24, 28], [17, 37], [31, 37]], np.float32)


def somebody(score: float = 0.9) -> Face:
    points = Landmarks(*(Point(2 * x, 2 * y) for x, y in TEMPLATE.tolist()))
    return Face(Box(0, 0, 96, 96), points, score)


def read(n: int = 400) -> Read:
    """Half of the faces are clean and read right in 9 of 10 cases; the others are dark, and right in half of them.

    The network says 0.9 of all of them.
    """
    rng = np.random.default_rng(0)
    kinds = np.arange(n) % 2
    crops = rng.integers(60, 200, (n, 48, 48)).astype(np.uint8)
    crops[kinds == 1] //= 8
    right = np.where(kinds == 0, np.arange(n) // 4 % 10 > 0, np.arange(n) // 4 % 2 > 0)
    rows = np.tile(np.array([[0.9, 0.1]], np.float32), (n, 1))
    faces = tuple(somebody(float(score)) for score in rng.uniform(0.8, 0.95, n))
    return Read(faces, crops, rows, np.where(right, 0, 1), np.arange(n) // 2, kinds)


def test_only_what_makes_readings_wrong_gets_a_weight_that_matters() -> None:
    given = read()
    settings = quality.fitted(given)
    light = settings.measures[MEASURES.index("light")]
    assert light.usual == pytest.approx(math.log2(134), abs=0.1)  # clean crops have a mean of 129.5
    pulls = Quality(settings).pulls(given.faces, given.crops)
    clean, dark = pulls[given.kinds == 0].sum(axis=1), pulls[given.kinds == 1].sum(axis=1)
    assert clean.mean() < 0.3
    # 9 : 1 must become 1 : 1 as nearly as a weight held to the others' lets it.
    assert dark.min() > 2


def test_the_score_sorts_dark_faces_last_and_says_so_where_softmax_sees_no_difference() -> None:
    found = quality.judged(read(), ("clean", "dark"), abstain_below=0.8)
    groups, kinds = found["groups"], found["kinds"]
    assert groups["all"]["faces"] == 400
    assert groups["all"]["accuracy"] == pytest.approx(0.7)
    assert groups["all"]["risk_area"]["quality"] < groups["all"]["risk_area"]["softmax"] - 0.05
    assert groups["all"]["difference"]["mean"] < -3 * groups["all"]["difference"]["error"] < 0
    assert groups["spoiled"]["calibration_error"]["softmax"] == pytest.approx(
        0.4, abs=1e-3
    )  # says 0.9, is right in 0.5
    assert groups["spoiled"]["calibration_error"]["quality"] < 0.2
    assert kinds["dark"]["uncertain"] == {"softmax": 0, "quality": 1}
    assert kinds["dark"]["reasons"]["dark"] == 1
    assert kinds["clean"]["uncertain"]["quality"] < 0.2
    assert kinds["dark"]["errors_shown"]["quality"] is None  # nothing is shown
    assert kinds["dark"]["errors_shown"]["softmax"] == pytest.approx(0.5)


def test_the_area_is_the_mean_share_of_errors_over_every_coverage() -> None:
    score, right = np.array([0.9, 0.8, 0.7, 0.6]), np.array([True, False, True, False])
    # The surest one, two, three and four: 0, 1/2, 1/3, 1/2 of them are wrong.
    assert quality.risk_area(score, right) == pytest.approx((0 + 1 / 2 + 1 / 3 + 1 / 2) / 4)
    assert quality.risk_area(score, np.ones(4, np.bool_)) == 0


def test_the_settings_are_what_a_sidecar_holds() -> None:
    settings = quality.fitted(read(80))
    found = quality.document(settings)
    assert tuple(found) == MEASURES
    assert found["light"]["weight"] == settings.measures[MEASURES.index("light")].weight
    assert all(part["spread"] > 0 and part["weight"] >= 0 for part in found.values())


def picture(seed: int = 0) -> NDArray[np.uint8]:
    """Luma 40 to 215, with as much detail everywhere."""
    noise = np.random.default_rng(seed).integers(40, 216, (48, 48)).astype(np.uint8)
    return np.asarray(cv2.GaussianBlur(noise, (0, 0), 0.8), np.uint8)


GREY = [np.full((600, 700), 128, np.uint8)]


def placed(kind: str, seed: int = 1) -> tuple[NDArray[np.uint8], int]:
    """The face picture as it stands in its scene, without its faded edge."""
    scene = spoiled.spoiled(picture(), kind, GREY, np.random.default_rng(seed))
    rim = math.ceil(0.04 * scene.side)
    part = scene.luma[scene.top : scene.top + scene.side, scene.left : scene.left + scene.side]
    return part[rim:-rim, rim:-rim], scene.side


def detail(part: NDArray[np.uint8]) -> float:
    return float(np.abs(cv2.Laplacian(cv2.resize(part, (48, 48), interpolation=cv2.INTER_AREA), cv2.CV_32F)).mean())


@pytest.mark.parametrize("kind", spoiled.KINDS)
def test_the_same_seed_spoils_alike_and_every_kind_differs_from_a_clean_scene(kind: str) -> None:
    first, second = placed(kind), placed(kind)
    assert (first[0] == second[0]).all()
    clean = placed("clean")
    assert (first[0].shape != clean[0].shape or not (first[0] == clean[0]).all()) == (kind != "clean")


def test_each_kind_does_what_it_is_called() -> None:
    clean, side = placed("clean")
    assert 160 <= side <= 240
    for kind in ("blur", "smear"):
        assert detail(placed(kind)[0]) < 0.75 * detail(clean)
    assert detail(placed("noise")[0]) > 1.2 * detail(clean)
    assert placed("haze")[0].std() < 0.5 * clean.std()
    assert placed("dark")[0].mean() < 0.3 * clean.mean()
    assert 24 <= placed("small")[1] <= 60
    masked, half = placed("mask")[0], placed("half")[0]
    fifth, third = len(masked) // 5, len(masked) // 3
    assert masked[-fifth:].std() < 8 < masked[:third].std()
    fifth = len(half) // 5
    assert min(half[:, :fifth].std(), half[:, -fifth:].std()) < 8 < half[:, 2 * fifth : -2 * fifth].std()


class Finder:
    """Finds the middle of every frame that is not dark, as one face."""

    def __init__(self) -> None:
        self.frames = 0

    def detect(self, luma: NDArray[np.uint8], laps: Laps | None = None) -> tuple[Face, ...]:
        self.frames += 1
        if luma.mean() < 60:
            return ()
        return tuple(
            Face(Box(x - 1, y - 1, x + 1, y + 1), somebody().landmarks, 0.9)
            for y in range(10, luma.shape[0], 20)
            for x in range(10, luma.shape[1], 20)
        )

    def close(self) -> None:
        """Nothing is held."""


def test_each_picture_is_looked_at_clean_and_spoiled_and_what_is_not_found_is_left_out() -> None:
    images = np.stack([picture(seed) for seed in range(12)])
    finder = Finder()
    seen = spoiled.look(finder, TEMPLATE, images, GREY, seed=0)
    assert finder.frames == 24
    dark = spoiled.KINDS.index("dark")
    assert (seen.kinds == 0).sum() == 12
    assert dark not in seen.kinds
    assert len(seen.faces) == len(seen.crops) == len(seen.rows) < 24
    assert (np.bincount(seen.rows, minlength=12) >= 1).all()
    assert seen.crops.shape[1:] == (48, 48)
