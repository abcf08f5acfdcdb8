"""How well a face can be read: measures and pulls worked out by hand, and readings that say what is wrong."""

from __future__ import annotations

import math

import cv2
import numpy as np
import pytest
from edge_fakes import FakeClassifier, FakeDetector, face
from numpy.typing import NDArray

from mien.emotions import quality
from mien.emotions.quality import REASONS, Quality, flattened, measured
from mien.faces.face import Box, Face, Landmarks, Point
from mien.models.crop_quality import MEASURES, CropQuality, Measure
from mien.reader import FaceReader

Crop = NDArray[np.uint8]


def of(face: Face, crop: Crop) -> dict[str, float]:
    return dict(zip(MEASURES, measured(face, crop), strict=True))


def textured(seed: int = 0) -> Crop:
    """As much detail in every cell, on average."""
    return np.random.default_rng(seed).integers(60, 200, (48, 48)).astype(np.uint8)


def looking(nose: float = 0.0, lean: float = 0.0, score: float = 0.5, height: float = 64) -> Face:
    """A face with eyes 40 pixels apart, the nose so many eye distances off their middle, leaning in radians."""
    across, down = np.array([math.cos(lean), math.sin(lean)]), np.array([-math.sin(lean), math.cos(lean)])
    spots = [(-20, 0), (20, 0), (40 * nose, 20), (-15, 40), (15, 40)]
    points = [np.array([100, 100]) + x * across + y * down for x, y in spots]
    return Face(Box(60, 80, 140, 80 + height), Landmarks(*(Point(float(x), float(y)) for x, y in points)), score)


def test_size_score_yaw_and_roll_are_those_worked_out_by_hand() -> None:
    seen = of(looking(nose=0.25, lean=math.pi / 6), textured())
    assert seen["height"] == pytest.approx(6)  # 64 pixels
    assert seen["score"] == pytest.approx(0)  # odds of one to one
    assert seen["yaw"] == pytest.approx(-0.25)
    assert seen["roll"] == pytest.approx(-math.pi / 6)
    other = of(looking(nose=-0.25, lean=-math.pi / 6, score=0.9, height=128), textured())
    assert (other["yaw"], other["roll"]) == (pytest.approx(-0.25), pytest.approx(-math.pi / 6))
    assert (other["height"], other["score"]) == (pytest.approx(7), pytest.approx(math.log(9)))


def test_light_and_contrast_are_those_worked_out_by_hand() -> None:
    crop = np.full((48, 48), 24, np.uint8)
    crop[:, ::2] = 224  # mean 124, standard deviation 100
    seen = of(looking(), crop)
    assert seen["light"] == pytest.approx(7)
    assert seen["contrast"] == pytest.approx(math.log2(101 / 132))


def test_less_light_changes_neither_sharpness_nor_contrast_much() -> None:
    crop = textured()
    bright, dim = of(looking(), crop), of(looking(), (crop // 2).astype(np.uint8))
    assert dim["light"] == pytest.approx(bright["light"] - 1, abs=0.1)
    assert dim["contrast"] == pytest.approx(bright["contrast"], abs=0.1)
    assert dim["sharpness"] == pytest.approx(bright["sharpness"], abs=0.1)


def test_blur_haze_and_covers_each_take_from_their_own_measure() -> None:
    crop = cv2.GaussianBlur(textured(), (0, 0), 1.0)
    plain = of(looking(), crop)
    blurred = of(looking(), cv2.GaussianBlur(crop, (0, 0), 2.0))
    assert blurred["sharpness"] < plain["sharpness"] - 1
    hazy = of(looking(), (100 + crop * 0.2).astype(np.uint8))
    assert hazy["contrast"] < plain["contrast"] - 1
    masked, half = crop.copy(), crop.copy()
    masked[30:], half[:, :16] = 90, 90
    assert of(looking(), masked)["rows"] < plain["rows"] - 2
    assert of(looking(), masked)["columns"] == pytest.approx(plain["columns"], abs=0.5)
    assert of(looking(), half)["columns"] < plain["columns"] - 2
    assert of(looking(), half)["rows"] == pytest.approx(plain["rows"], abs=0.5)


@pytest.mark.parametrize("luma", [0, 255])
def test_an_empty_crop_and_points_that_fall_together_give_finite_measures(luma: int) -> None:
    nowhere = Face(Box(5, 5, 5, 5), Landmarks(*(Point(5, 5) for _ in range(5))), 1.0)
    assert np.isfinite(measured(nowhere, np.full((48, 48), luma, np.uint8))).all()


def settings(**weights: float) -> CropQuality:
    """What is usual is 0 for every measure but the height, 7, and the light, 6.5; a lack of 2 counts as 1."""
    usual = {"height": 7.0, "light": 6.5}
    return CropQuality(tuple(Measure(usual.get(name, 0.0), 2.0, weights.get(name, 0.0)) for name in MEASURES))


def test_pulls_are_lacks_by_their_weights_and_what_is_usual_or_more_costs_nothing() -> None:
    crop = textured()
    judge = Quality(settings(height=1.0, yaw=4.0, roll=8.0))
    faces = [looking(nose=0.25, lean=0.5), looking(height=512)]  # height 6 and 9, where 7 is usual
    pulls = judge.pulls(faces, np.stack([crop, crop]))
    assert pulls.dtype == np.float32
    found = dict(zip(REASONS, pulls[0].tolist(), strict=True))
    # (7 − 6) / 2 · 1; 0.25 / 2 · 4 and 0.5 / 2 · 8 are both a turn.
    assert found == {"small": 0.5, "turned": pytest.approx(2.5), "blurred": 0, "dark": 0, "covered": 0}
    assert pulls[1].tolist() == [0] * len(REASONS)
    assert judge.pulls([], np.empty((0, 48, 48), np.uint8)).shape == (0, len(REASONS))


def test_probabilities_are_flattened_by_the_sum_of_the_pulls() -> None:
    rows = np.array([[0.8, 0.2], [0.8, 0.2]], np.float32)
    pulls = np.array([[0.25, 0, 0, 0.75, 0], [0] * 5], np.float32)
    found = flattened(rows, pulls)
    # √0.8 : √0.2 is 2 : 1.
    assert found[0] == pytest.approx([2 / 3, 1 / 3], abs=1e-6)
    assert found[1] == pytest.approx([0.8, 0.2], abs=1e-6)
    assert flattened(np.array([[1.0, 0.0]], np.float32), np.array([[9.0] * 5], np.float32)).sum() == pytest.approx(1)


def test_the_reason_is_the_strongest_pull_if_any_is_strong() -> None:
    assert quality.reason(np.array([0.2, 0.5, 0.1, 0, 0.3], np.float32)) == REASONS[1] == "dark"
    assert quality.reason(np.array([0.1, 0.14, 0, 0, 0], np.float32)) == "ambiguous"


class Judged(FakeClassifier):
    """Calls everything happiness with 0.8, and has settings of quality."""

    quality: Quality | None = Quality(settings(light=4.0))

    def probabilities(self, crops: Crop) -> NDArray[np.float32]:
        return np.tile(np.array([[0.2, 0.8]], np.float32), (len(crops), 1))


def test_a_dark_face_is_uncertain_and_says_so_where_a_light_one_is_read() -> None:
    light, dark = np.full((120, 160), 200, np.uint8), np.full((120, 160), 6, np.uint8)
    with FaceReader(FakeDetector([face()]), Judged()) as reader:
        (first,) = reader.read(light).readings
        reader.reset()
        (second,) = reader.read(dark).readings
    assert (first.emotion, first.reason) == ("happiness", None)
    assert first.probability == pytest.approx(0.8, abs=1e-5)
    assert (second.emotion, second.top, second.reason) == ("uncertain", "happiness", "dark")
    # log2(6 + 4) is 3.32, 3.18 less than usual: a temperature of 1 + 3.18 / 2 · 4 = 7.36; 4 ** (1 / 7.36) = 1.207.
    assert second.probability == pytest.approx(1.207 / 2.207, abs=1e-3)


class Plain(Judged):
    quality = None


def test_a_model_without_settings_of_quality_reads_a_dark_face_as_before() -> None:
    with FaceReader(FakeDetector([face()]), Plain()) as reader:
        (reading,) = reader.read(np.full((120, 160), 6, np.uint8)).readings
    assert (reading.emotion, reading.reason) == ("happiness", None)
    with FaceReader(FakeDetector([face()]), FakeClassifier()) as reader:
        (reading,) = reader.read(np.full((120, 160), 120, np.uint8)).readings  # happiness 0.47
    assert (reading.emotion, reading.reason) == ("uncertain", "ambiguous")
