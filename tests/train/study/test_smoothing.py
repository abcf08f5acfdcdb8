"""The study of smoothing: its clips, its ways, its figures, and the whole of it on drawn faces."""

from __future__ import annotations

import json
import math
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

from mien.emotions.classifier import EmotionClassifier
from mien.faces.face import Box, Face, Landmarks, Point
from mien.models import bundle
from mien.roles import Verdict
from mien.tracking.settings import SmoothingSettings
from mien.tracking.smoother import Smoother
from mien_train.cli import main
from mien_train.data.fer import Split
from mien_train.study import smoothing, smoothing_clips, smoothing_figures, smoothing_scenes, smoothing_ways
from mien_train.study.smoothing_clips import BEFORE, FADE, Shot
from mien_train.study.smoothing_figures import Clips, Figures
from mien_train.study.smoothing_scenes import FACE, SIZE, Person, Sensor

TEMPLATE = np.array([[15, 18], [33, 18], [24, 28], [17, 37], [31, 37]], np.float32)
CORNER = np.array([(SIZE[1] - FACE) / 2, (SIZE[0] - FACE) / 2], np.float32)


class Middle:
    """Finds a face in the middle of every frame, as bright as the frame's middle is above 20; and one in a corner."""

    bundle: Any = None

    def __init__(self, *_: object) -> None:
        self.seen = 0

    def __enter__(self) -> Middle:
        return self

    def __exit__(self, *_: object) -> None:
        pass

    def detect(self, luma: NDArray[np.uint8], laps: object = None) -> tuple[Face, ...]:
        self.seen += 1
        corner = Face(Box(0, 0, 50, 50), Landmarks(*[Point(9, 9)] * 5), 0.99)
        if luma[SIZE[0] // 2, SIZE[1] // 2] <= 20:
            return (corner,)
        points = (CORNER + TEMPLATE * FACE / 48).tolist()
        left, top = CORNER.tolist()
        middle = Face(Box(left, top, left + FACE, top + FACE), Landmarks(*(Point(x, y) for x, y in points)), 0.9)
        return (corner, middle)

    def close(self) -> None:
        pass


def person(luma: float, label: str = "neutral") -> Person:
    return Person(label, np.full(SIZE, luma, np.float32), CORNER + TEMPLATE * FACE / 48)


def rows(*gladness: float) -> NDArray[np.float32]:
    """One clip of such probabilities of the second of two labels."""
    glad = np.array(gladness, np.float32)
    return np.stack([1 - glad, glad], axis=-1)[None]


def test_a_face_is_set_into_the_middle_of_a_room_whose_luma_it_does_not_change_elsewhere() -> None:
    room = np.full((100, 100), 50, np.uint8)
    frame = smoothing_scenes.placed(np.full((48, 48), 200, np.uint8), room)
    assert frame.shape == SIZE
    top, left = (SIZE[0] - FACE) // 2, (SIZE[1] - FACE) // 2
    assert frame[SIZE[0] // 2, SIZE[1] // 2] == 200
    assert frame[top, left + 50] == pytest.approx(50 + 150 / 6), "its edge is a sixth of the way"
    assert frame[top - 1, left + 50] == frame[0, 0] == frame[-1, -1] == 50


def test_people_are_faces_that_the_detector_finds_in_the_middle_and_the_others_are_counted() -> None:
    faces = np.stack([np.full((48, 48), luma, np.uint8) for luma in (10, 100, 15, 120)])
    split = Split(faces, np.array([0, 1, 0, 1]), ("neutral", "happiness"), np.arange(4))
    detector: Any = Middle()
    rooms = [np.zeros((48, 64), np.uint8)]
    people, missed = smoothing_scenes.people(split, rooms, detector, 4, np.random.default_rng(0))
    assert [p.label for p in people] == ["happiness", "happiness"]
    assert missed == 2
    assert people[0].landmarks[0].tolist() == pytest.approx((CORNER + TEMPLATE[0] * 2.5).tolist())


def test_the_tremor_of_a_detector_that_does_not_follow_the_jitter_is_the_jitter() -> None:
    detector: Any = Middle()  # finds landmarks in the same place wherever the face is
    (tremor,) = smoothing_scenes.trembling([person(90)], detector, np.random.default_rng(1))
    assert tremor.shape == (20, 5, 2)
    # Minus a shift of -1, 0 or 1, but for its mean over the 20 looks.
    assert np.ptp(tremor, axis=0).tolist() == [[2.0, 2.0]] * 5
    assert tremor.mean(axis=0) == pytest.approx(np.zeros((5, 2)), abs=1e-4)
    assert smoothing_scenes.trembling([person(5)], detector, np.random.default_rng(1)) == []


def test_a_sensor_has_gain_noise_and_eight_bits() -> None:
    sensor = Sensor(np.random.default_rng(0), (100, 120))
    light = np.full((100, 120), 100, np.float32)
    plain, noisy = sensor(light, 1.5, 0.0), sensor(light, 1.0, 8.0)
    assert (plain == 150).all()
    assert noisy.dtype == np.uint8
    assert noisy.mean() == pytest.approx(100, abs=0.5)
    assert noisy.std() == pytest.approx(8, abs=0.3)
    assert (sensor(light, 3.0, 5.0) >= 250).all(), "light beyond eight bits saturates"
    assert (sensor(light, 1.0, 8.0) != noisy).mean() > 0.9, "no frame is like another"


def test_a_change_is_a_cut_or_takes_its_time() -> None:
    tremor = np.zeros((1, 5, 2), np.float32)
    cut, fade = (Shot(person(40), tremor, person(200), seconds) for seconds in (0.0, FADE))
    assert [cut.share(at) for at in (0, BEFORE - 0.01, BEFORE, 4)] == [0, 0, 1, 1]
    assert [fade.share(BEFORE + at) for at in (0, 0.05, 0.1, 0.2, 1)] == pytest.approx([0, 0.25, 0.5, 1, 1])
    assert Shot(person(40), tremor).share(BEFORE + 1) == 0
    luma, landmarks = smoothing_clips.blended(fade, 0.25)
    assert luma[0, 0] == 80
    assert landmarks.tolist() == person(0).landmarks.tolist()


def test_crops_show_the_first_face_then_the_second_and_are_cut_where_the_landmarks_are() -> None:
    rng = np.random.default_rng(0)
    shot = Shot(person(40), np.zeros((1, 5, 2), np.float32), person(200))
    found = smoothing_clips.crops(shot, TEMPLATE, smoothing_clips.patch_sensor(rng), rng)
    assert found.shape == (150, 48, 48)
    means = found.mean(axis=(1, 2))
    assert means[:60] == pytest.approx(np.full(60, 40), rel=0.09)  # exposure: ±3 % of flicker and some at random
    assert means[60:] == pytest.approx(np.full(90, 200), rel=0.09)


def test_a_face_that_sways_is_cut_out_as_if_it_stood_still() -> None:
    rng = np.random.default_rng(0)
    face = person(100)
    face.luma[SIZE[0] // 2 - 60 : SIZE[0] // 2, :] = 200  # the upper half of the face is bright
    shot = Shot(face, np.zeros((1, 5, 2), np.float32), seconds=4, sways=True)
    found = smoothing_clips.crops(shot, TEMPLATE, smoothing_clips.patch_sensor(rng), rng).mean(axis=2)
    assert (found[:, 5:19] > 170).all()
    assert (found[:, 29:43] < 130).all()


def test_the_filters_are_what_they_say() -> None:
    step = rows(0.2, *[0.8] * 9)
    after = smoothing_ways.exponential(0.3)(step, 0.1)[0, :, 1]
    assert after[3] == pytest.approx(0.8 - 0.6 / math.e, abs=1e-5)
    plain = smoothing_ways.euro(0.3, 0.0, logs=False)(step, 0.1)[0, :, 1]
    assert plain == pytest.approx(after, abs=1e-5), "without response it is exponential"
    quick = smoothing_ways.euro(0.3, 0.5, logs=False)(step, 0.1)
    assert (quick[0, 1:, 1] > after[1:]).all()
    assert quick.sum(axis=-1) == pytest.approx(np.ones((1, 10)), abs=1e-5)


def test_a_dwell_shows_what_was_said_for_so_long_without_a_break() -> None:
    said = rows(0.1, 0.9, 0.1, 0.9, 0.9, 0.9, 0.9, 0.5, 0.9)
    shown = smoothing_ways.dwell(0.2)(said, 0.1, 0.7)[0].tolist()
    assert shown == [0, 0, 0, 0, 0, 1, 1, 1, 1]
    assert smoothing_ways.verdicts(said, 0.7)[0].tolist() == [0, 1, 0, 1, 1, 1, 1, 2, 1]


class ThreeLabels:
    """Sure from 0.5 on."""

    labels = ("neutral", "happiness", "anger")

    def verdict(self, probabilities: NDArray[np.float32]) -> Verdict:
        best = self.labels[int(probabilities.argmax())]
        sure = probabilities.max() >= 0.5
        return Verdict(best if sure else "uncertain", best, None if sure else "ambiguous")


@pytest.mark.parametrize(("margin", "patience"), [(0.1, 0.45), (0.25, 0.15)])
def test_what_is_measured_as_miens_settings_is_what_the_runtime_does(margin: float, patience: float) -> None:
    values = np.random.default_rng(0).dirichlet((0.6, 0.6, 0.6), (4, 900)).astype(np.float32)
    values = (values + np.roll(values, 1, axis=1) + np.roll(values, 2, axis=1)) / 3  # else it is noise alone
    settings = SmoothingSettings(0.4, 0.05, margin, patience)
    filtered, rule = smoothing_ways.now(settings)
    smoothed = filtered.run(values, 0.1)
    shown = rule.run(smoothed, 0.1, 0.5)
    classifier: Any = ThreeLabels()
    names, changes = (*ThreeLabels.labels, "uncertain"), 0
    for clip in range(len(values)):
        smoother = Smoother(settings)
        for t in range(values.shape[1]):
            row = smoother.update(1, values[clip, t], round(t * 1e8))
            assert row == pytest.approx(smoothed[clip, t] if t else values[clip, t], abs=1e-3)
            assert smoother.decide(1, row, classifier).emotion == names[shown[clip, t]], (clip, t)
            changes += t > 0 and bool(shown[clip, t] != shown[clip, t - 1])
    assert changes >= 20, "there was something to hold"


def clips(still: NDArray[np.float32], changing: NDArray[np.float32]) -> Clips:
    """Of faces of label 0 that change to 1, ten frames a second."""
    label, other = np.zeros(len(still), np.int64), np.ones(len(still), np.int64)
    return Clips(still, still, label, changing, changing, label, other, 0.7, 0.1)


def test_changes_are_counted_by_the_minute_and_uncertain_counts() -> None:
    shown = np.array([[0, 2, 0, 1, 1, 1], [0, 0, 0, 0, 0, 0]])
    assert smoothing_figures.changes(shown, 0.1).tolist() == pytest.approx([300.0, 0.0])  # three in 0.6 s


def test_a_delay_counts_from_the_change_and_what_is_never_shown_is_infinite() -> None:
    shown = np.zeros((3, 50), np.int64)
    shown[0, 20:] = 1
    shown[1, 25:] = 1
    assert smoothing_figures.delays(shown, np.ones(3, np.int64), 0.1).tolist() == [0, 500, math.inf]


def test_only_changes_that_the_classifier_reads_count() -> None:
    begun = [[0.1] * 20, [0.5] * 20, [0.1] * 20]
    ended = [[0.9] * 30, [0.9] * 30, [0.6] * 30]
    changing = np.concatenate([rows(*a, *b) for a, b in zip(begun, ended, strict=True)])
    found = clips(np.repeat(rows(*[0.1] * 9, 0.5), 3, axis=0), changing)
    assert smoothing_figures.readable(changing, found).tolist() == [True, False, False]
    at_once = smoothing_figures.Filtered(smoothing_ways.NONE.run, found).figures(smoothing_ways.AT_ONCE.run)
    assert at_once.cut.tolist() == at_once.faded.tolist() == [0]
    assert at_once.uncertain.tolist() == pytest.approx([0.1] * 3)
    assert at_once.wrong.tolist() == [0] * 3
    assert at_once.still.tolist() == pytest.approx([60.0] * 3)


def test_every_second_frame_is_half_the_rate() -> None:
    found = clips(np.arange(24, dtype=np.float32).reshape(2, 6, 2), np.zeros((2, 50, 2), np.float32))
    half = found.every(2)
    assert half.apart == pytest.approx(0.2)
    assert half.still[0, :, 0].tolist() == [0, 4, 8]
    assert half.cut.shape == (2, 25, 2)


def test_the_cost_adds_both_figures_as_shares_of_their_limits() -> None:
    def at(still: float, swaying: float, *late: float) -> Figures:
        one = np.ones(1)
        return Figures(one * still, one * swaying, one, one, np.array(late), np.array([]))

    assert smoothing_figures.cost({15: at(1, 2, *[300] * 39, 701), 30: at(0, 1, 9999)}) == pytest.approx(1 + 0.5)
    assert smoothing_figures.cost({15: at(0, 0, math.inf, 700), 30: at(0, 0)}) == pytest.approx(10)
    assert smoothing_figures.cost({15: at(0, 0), 30: at(0, 0)}) == pytest.approx(20)


@pytest.mark.parametrize(
    ("values", "share", "expected"),
    [
        ([3, 1, 2], 50, 2),
        ([1, 2, 3, 4, 5, 6, 7, 8, 9, math.inf], 90, 9),
        ([1, math.inf], 90, math.inf),
        ([], 50, math.inf),
    ],
)
def test_a_percentile_is_one_of_the_values(values: list[float], share: float, expected: float) -> None:
    assert smoothing_figures.percentile(np.array(values), share) == expected


def test_an_interval_holds_the_mean_and_is_a_point_where_all_are_alike() -> None:
    rng = np.random.default_rng(0)
    assert smoothing_figures.interval(np.full(9, 2.0), rng) == (2.0, 2.0)
    low, high = smoothing_figures.interval(np.array([0.0, 1.0] * 50), rng)
    # The mean's standard deviation is 0.05, and 1.96 of it 0.098.
    assert (low, high) == pytest.approx((0.402, 0.598), abs=0.02)


class Bright(EmotionClassifier):
    """Reads the crop's brightness: dark is neutral, bright happiness."""

    def probabilities(self, crops: NDArray[np.uint8]) -> NDArray[np.float32]:
        found = np.full((len(crops), len(self.labels)), 0.01, np.float32)
        bright = crops.reshape(len(crops), -1).mean(axis=1) > 120
        found[np.arange(len(crops)), np.where(bright, self.labels.index("happiness"), self.labels.index("neutral"))] = (
            0.93
        )
        return found


def _film(shot: Shot, *_: object) -> NDArray[np.uint8]:
    """The clip's faces without light, noise and motion, as bright as their middle: `crops` has tests of its own."""
    shares = [shot.share(number / smoothing_clips.RATE) for number in range(round(shot.seconds * smoothing_clips.RATE))]
    middle = [smoothing_clips.blended(shot, share)[0][SIZE[0] // 2, SIZE[1] // 2] for share in shares]
    return np.repeat(np.array(middle, np.uint8), 48 * 48).reshape(-1, 48, 48)


def test_the_command_measures_chooses_and_writes(
    small_data: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    split = Split(
        np.stack([np.full((48, 48), luma, np.uint8) for luma in (60, 200) * 4]),
        np.array([0, 1] * 4),
        ("neutral", "happiness"),
        np.arange(8),
    )
    monkeypatch.setattr("mien_train.study.smoothing.fer.split", lambda *_: split)
    monkeypatch.setattr("mien_train.study.smoothing.FaceDetector", Middle)
    monkeypatch.setattr("mien_train.study.smoothing.EmotionClassifier", Bright)
    monkeypatch.setattr(Middle, "bundle", bundle.load("face-small"))
    for name, value in (("_STILL", 0.5), ("_SWAYING", 0.3), ("_WATCHED", 2), ("_WHOLE", 1), ("_WHOLE_SECONDS", 0.4)):
        monkeypatch.setattr(smoothing, name, value)
    monkeypatch.setattr(smoothing_clips, "crops", _film)
    for name in ("FILTERS", "RULES"):  # one of each family, which is quick
        ways = {way.family: way for way in getattr(smoothing_ways, name)}
        monkeypatch.setattr(smoothing_ways, name, tuple(ways.values()))
    words = ["smoothing", "--data", str(small_data), "--out", str(tmp_path / "out"), "--seed", "3"]
    assert main([*words, "--faces", "8"]) == 0
    printed = capsys.readouterr().out
    assert "mien's settings" in printed
    assert "none, at once" in printed
    document = json.loads((tmp_path / "out/smoothing.json").read_text())
    assert (tmp_path / "out/smoothing.png").stat().st_size > 5000
    assert document["faces"] == {"chosen_on": 4, "reported": 4, "not_found": 0}
    assert document["seed"] == 3
    assert document["detector_sha256"] == bundle.load("face-small").sidecar.files["tflite"].sha256
    assert document["tried"] == 20
    assert len({(row["filter"], row["rule"]) for row in document["rows"]}) == len(document["rows"]) == 20
    at = document["default"]["rates"]["15"]
    assert at["still"]["mean"] == 0, "these faces are read alike in every frame"
    assert (at["cut"]["changes"], at["cut"]["never"], at["wrong"]) == (8, 0, 0)
    assert 0 < at["cut"]["p90"] <= 700
    assert document["rows"][0]["rates"]["15"]["cut"]["p90"] == 0
    whole = document["whole_path"]
    assert (whole["lost"], whole["changes_shown"], whole["clips"]) == (0, 1, 2)
    assert main([*words, "--faces", "7"]) == 2
    assert "7 faces; give 8 or more" in capsys.readouterr().err
    picture = (tmp_path / "out/smoothing.png").read_bytes()
    (tmp_path / "out/smoothing.png").unlink()
    assert main([*words, "--redraw"]) == 0
    assert (tmp_path / "out/smoothing.png").read_bytes() == picture
    (tmp_path / "out/smoothing.json").write_text("{}")
    assert main([*words, "--redraw"]) == 2
    assert "smoothing.json: cannot be drawn (KeyError" in capsys.readouterr().err
