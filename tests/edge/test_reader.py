"""The product in one object, on fakes and on the real bundled models."""

from __future__ import annotations

import json
import threading
import time
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pytest
from edge_fakes import FakeClassifier, FakeDetector, face
from numpy.typing import NDArray
from plain_sidecar import plain

from mien import EmotionClassifier, FaceDetector, FaceReader, MienError, read_image, to_luma
from mien.cameras.demo import photograph
from mien.faces.face import Face
from mien.frame import Frame
from mien.laps import Laps
from mien.reader import STAGES
from mien.tracking.settings import SmoothingSettings
from mien.tracking.smoother import Smoother


@pytest.fixture(scope="module")
def luma() -> NDArray[np.uint8]:
    """A photograph with one face."""
    return read_image(photograph())


def frame(value: int = 0) -> NDArray[np.uint8]:
    return np.full((120, 160), value, np.uint8)


def test_a_photograph_gives_a_reading_with_named_parts(luma: NDArray[np.uint8]) -> None:
    with FaceReader() as reader:
        (reading,) = reader.read(luma).readings
    assert (reading.emotion, reading.top, reading.reason, reading.track) == ("happiness", "happiness", None, 1)
    assert reading.probability == max(reading.probabilities.values()) > 0.9
    assert sum(reading.probabilities.values()) == pytest.approx(1, abs=1e-5)
    box, points = reading.face.box, reading.face.landmarks
    assert box.left < points.right_eye.x < points.nose.x < points.left_eye.x < box.right
    assert box.top < points.right_eye.y < points.nose.y < points.left_mouth_corner.y < box.bottom
    assert box.width == box.right - box.left


def test_a_frames_smaller_picture_is_what_the_detector_sees_and_its_own_what_the_classifier_does(
    luma: NDArray[np.uint8],
) -> None:
    small = cv2.resize(luma, None, fx=0.5, fy=0.5, interpolation=cv2.INTER_AREA)
    with FaceReader() as reader:
        (whole,) = reader.read(luma).readings
        reader.reset()
        (reading,) = reader.read_frame(Frame(luma, 0, 0, small=np.asarray(small, np.uint8))).readings
        blind = Frame(luma, 0, 0, small=np.zeros((256, 256), np.uint8))
        assert reader.read_frame(blind).readings == ()
    assert np.allclose(reading.face.box, whole.face.box, atol=0.05 * whole.face.box.width)
    assert reading.probabilities["happiness"] == pytest.approx(whole.probabilities["happiness"], abs=0.02)


def test_what_is_uncertain_says_its_best_guess_and_why() -> None:
    # Luma 115: happiness .45, neutral .55, and the fake is sure from .6 on.
    (reading,) = FaceReader(FakeDetector([face()]), FakeClassifier()).read(frame(115)).readings
    assert (reading.emotion, reading.top, reading.reason) == ("uncertain", "neutral", "ambiguous")
    assert reading.caption == "uncertain (neutral 55%)"


def test_frames_follow_one_another_until_the_reader_is_told_otherwise() -> None:
    smoother = Smoother(SmoothingSettings(seconds=0.4, response=0))
    reader = FaceReader(FakeDetector([face()]), FakeClassifier(), smoother=smoother)
    first, second = reader.read(frame(51), 0), reader.read(frame(204), 40_000_000)
    assert (first.sequence, second.sequence) == (0, 1)
    assert second.readings[0].track == 1
    # 40 ms at a time constant of 0.4 s: odds of 4 to 1 go 1 − e^−0.1 of the way to 1 to 4, which is 3.0726 to 1.
    assert second.readings[0].probabilities["happiness"] == pytest.approx(1 / 4.0726, rel=1e-4)
    reader.reset()
    third = reader.read(frame(255), 80_000_000)
    assert third.readings[0].track == 2
    assert third.readings[0].probabilities["happiness"] == 1


@pytest.mark.parametrize("tiles", [False, True])
def test_every_stage_is_booked_once_a_frame_by_the_real_models(tiles: bool, luma: NDArray[np.uint8]) -> None:
    wide = np.tile(luma, (1, 2))  # two faces, and with tiles many looks a frame
    with FaceReader(tiles=tiles) as reader:
        for _ in range(3):
            assert reader.read(wide).readings
        assert {stage: len(reader.laps.stages[stage]) for stage in STAGES} == dict.fromkeys(STAGES, 3)


WRONG: list[tuple[Any, str]] = [
    (np.zeros((48, 48, 3), np.uint8), r"not uint8 \(48, 48, 3\); convert a colour picture with to_luma"),
    (np.zeros((48, 48), np.float32), r"not float32 \(48, 48\); scale it to 0..255"),
    (np.zeros((48, 48), np.uint16), r"not uint16 \(48, 48\)"),
    (np.zeros((0, 48), np.uint8), r"of shape \(0, 48\) holds no pixel"),
    (np.zeros(48, np.uint8), r"not uint8 \(48,\)"),
    ([[1, 2], [3, 4]], "not list"),
    (None, "not NoneType"),
]


@pytest.mark.parametrize(("wrong", "message"), WRONG)
def test_every_door_refuses_what_is_no_luma_and_says_what_it_got(
    wrong: Any, message: str, luma: NDArray[np.uint8]
) -> None:
    with FaceReader() as reader, FaceDetector() as detector, FaceDetector("face-small", tiles=True) as tiled:
        for door in (reader.read, detector.detect, tiled.detect):
            assert door(luma)  # a used one must not answer with the faces of the frame before
            with pytest.raises(MienError, match=message):
                door(wrong)


@pytest.mark.parametrize("view", ["mirrored", "upside down", "every other pixel", "read-only"])
def test_any_view_of_luma_is_read_as_its_copy_is(view: str, luma: NDArray[np.uint8]) -> None:
    views = {
        "mirrored": luma[:, ::-1],
        "upside down": luma[::-1],
        "every other pixel": luma[::2, ::2],
        "read-only": luma[:, :],
    }
    seen = views[view]
    if view == "read-only":
        seen.flags.writeable = False
    with FaceReader() as reader, FaceReader() as other:
        assert reader.read(seen, 0).readings == other.read(np.ascontiguousarray(seen).copy(), 0).readings


@pytest.mark.parametrize(
    ("crops", "message"),
    [
        (np.zeros((48, 48), np.uint8), r"not uint8 \(48, 48\); give a single crop as crop\[None\]"),
        (np.zeros((2, 32, 32), np.uint8), r"not uint8 \(2, 32, 32\)"),
        (np.zeros((1, 48, 48), np.float32), "not float32"),
        ([], "not list"),
    ],
)
def test_the_classifier_refuses_what_are_no_crops(crops: Any, message: str) -> None:
    with EmotionClassifier() as classifier, pytest.raises(MienError, match=message):
        classifier.probabilities(crops)


def test_no_crops_give_no_rows() -> None:
    with EmotionClassifier() as classifier:
        assert classifier.probabilities(np.empty((0, 48, 48), np.uint8)).shape == (0, len(classifier.labels))


def test_colour_becomes_luma_whatever_its_order() -> None:
    bgr = np.array([[[0, 0, 255], [255, 0, 0]]], np.uint8)  # red, blue
    assert to_luma(bgr).tolist() == [[76, 29]]  # .299 · 255, .114 · 255
    assert to_luma(bgr, "rgb").tolist() == [[29, 76]]
    assert to_luma(np.dstack([bgr, np.zeros((1, 2), np.uint8)])).tolist() == [[76, 29]]
    grey = np.array([[1, 2]], np.uint8)
    assert to_luma(grey) is grey
    assert to_luma(grey[:, :, None]).tolist() == [[1, 2]]
    for wrong in (bgr.astype(np.float32), np.zeros((2, 2, 2), np.uint8), "picture"):
        with pytest.raises(MienError, match="a picture must be uint8"):
            to_luma(wrong)  # type: ignore[arg-type]
    with pytest.raises(MienError, match="colour order is 'gbr'"):
        to_luma(bgr, "gbr")  # type: ignore[arg-type]


def test_a_closed_reader_says_so_and_may_be_closed_again(luma: NDArray[np.uint8]) -> None:
    reader = FaceReader()
    reader.close()
    reader.close()
    with pytest.raises(MienError, match="the face detector is closed; open a new one"):
        reader.read(luma)
    classifier = EmotionClassifier()
    classifier.close()
    with pytest.raises(MienError, match="the emotion classifier is closed"):
        classifier.probabilities(np.zeros((1, 48, 48), np.uint8))


def test_threads_that_share_a_reader_take_turns(luma: NDArray[np.uint8]) -> None:
    alone = FaceReader().read(luma, 0).readings[0].face
    other = np.ascontiguousarray(cv2.resize(luma, (320, 320)))
    expected = {id(luma): alone, id(other): FaceReader().read(other, 0).readings[0].face}
    reader, wrong = FaceReader(), []

    def work(picture: NDArray[np.uint8]) -> None:
        for _ in range(20):
            found = [reading.face for reading in reader.read(picture, 0).readings]
            if found != [expected[id(picture)]]:
                wrong.append(found)

    threads = [threading.Thread(target=work, args=(picture,)) for picture in (luma, other) * 2]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert not wrong
    assert len(reader.laps.stages["detect"]) == 80


def test_only_one_thread_at_a_time_is_in_the_models() -> None:
    inside, most = [], []

    class Watching(FakeDetector):
        def detect(self, luma: Any, laps: Any = None) -> Any:
            inside.append(1)
            most.append(len(inside))
            time.sleep(0.002)
            inside.pop()
            return super().detect(luma, laps)

    reader = FaceReader(Watching([face()]), FakeClassifier())
    threads = [threading.Thread(target=lambda: [reader.read(frame()) for _ in range(10)]) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(most) == 40
    assert max(most) == 1


def test_looking_costs_a_small_detector() -> None:
    class Counting(FakeDetector):
        """Notes how large the pictures are that it is shown."""

        def __init__(self) -> None:
            super().__init__([face()])
            self.shown: list[int] = []

        def detect(self, luma: NDArray[np.uint8], laps: Laps | None = None) -> tuple[Face, ...]:
            self.shown.append(luma.size)
            return super().detect(luma, laps)

    scan, look = Counting(), Counting()
    reader = FaceReader(scan, FakeClassifier(), scan_every=3, look=look)
    for _ in range(6):
        assert reader.read(frame()).readings
    whole = frame().size
    assert scan.shown == [whole] * 2
    assert len(look.shown) == 4
    assert max(look.shown) < whole
    with pytest.raises(MienError, match="full scans every 0 frames"):
        FaceReader(scan, FakeClassifier(), scan_every=0, look=look)


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"score_threshold": 0.99}, "score_threshold is 0.99, but a detector is open already; open that one with it"),
        ({"tiles": True}, "tiles is True, but the detector is open already; open that one with it"),
        (
            {"detector": "face-base", "scan_every": 3, "look": FakeDetector(), "score_threshold": 0.5},
            "score_threshold is 0.5, but a detector is open already",
        ),
    ],
)
def test_what_would_not_reach_an_open_detector_is_refused(options: dict[str, Any], message: str) -> None:
    with pytest.raises(MienError, match=message):
        FaceReader(**{"detector": FakeDetector(), "classifier": FakeClassifier(), **options})


def test_a_detector_that_never_looks_may_be_a_name_beside_an_open_one() -> None:
    with FaceReader(FakeDetector([face()]), FakeClassifier(), look="face-small") as reader:
        assert reader.read(frame()).readings


def test_a_time_that_is_no_number_is_refused_and_leaves_no_trace() -> None:
    reader = FaceReader(FakeDetector([face()]), FakeClassifier())
    for wrong in (float("nan"), "x", 1.5):
        with pytest.raises(MienError, match=r"captured_at is .*; give nanoseconds, a whole number"):
            reader.read(frame(51), wrong)  # type: ignore[arg-type]
    (reading,) = reader.read(frame(51), np.int64(5)).readings  # type: ignore[arg-type]
    assert reading.probabilities["happiness"] == pytest.approx(0.2)


@pytest.mark.parametrize(
    "wrong",
    [{"scan_every": "2"}, {"score_threshold": "0.5"}, {"engine": [1]}, {"detector": None}, {"classifier": 5}],
)
def test_an_argument_of_another_kind_is_named(wrong: dict[str, Any]) -> None:
    (name,) = wrong
    with pytest.raises(MienError, match=name):
        FaceReader(**wrong)


def test_rows_that_overlap_are_read_as_they_say(luma: NDArray[np.uint8]) -> None:
    overlapping = np.lib.stride_tricks.as_strided(luma, (100, 200), (50, 1))
    with FaceReader() as reader:
        assert reader.read(overlapping).width == 200


def test_frames_of_several_threads_have_numbers_of_their_own() -> None:
    reader, numbers = FaceReader(FakeDetector([face()]), FakeClassifier()), []

    def read() -> None:
        for _ in range(200):
            numbers.append(reader.read(frame(51)).sequence)

    threads = [threading.Thread(target=read) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(numbers) == list(range(800))


def test_a_classifier_for_other_crops_is_refused_before_the_first_face(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("mien.emotions.classifier.open_engine", lambda *_: None)  # the model agrees
    document = plain(name="c64")
    document["input"] |= {"height": 64, "width": 64}
    (tmp_path / "c64.json").write_text(json.dumps(document))
    with pytest.raises(MienError, match="c64: reads pictures of 64×64 pixels, and faces are cut out at 48×48"):
        EmotionClassifier(tmp_path / "c64.json")
