from __future__ import annotations

import itertools

import numpy as np
import pytest
from edge_fakes import FakeClassifier, FakeDetector, face

from mien import FaceReader
from mien.errors import MienError
from mien.reading import Reading
from mien.tracking.settings import SmoothingSettings
from mien.tracking.smoother import Smoother

SECOND = 1_000_000_000
SAD = np.array([0.8, 0.2], dtype=np.float32)
GLAD = np.array([0.2, 0.8], dtype=np.float32)
EVEN = SmoothingSettings(seconds=0.5, response=0.0)
"""Without the quicker response the filter is exponential smoothing of the logarithms."""


def test_after_one_time_constant_the_old_reading_weighs_one_over_e() -> None:
    smoother = Smoother(EVEN)
    assert smoother.update(1, SAD, 0) == pytest.approx([0.8, 0.2])
    # Odds of 4 to 1 become 1 to 4 but for 1/e of the way: 4^(2/e - 1) = 0.6933 to 1.
    assert smoother.update(1, GLAD, SECOND // 2) == pytest.approx([0.6933 / 1.6933, 1 / 1.6933], abs=1e-4)


def test_without_a_response_the_result_depends_on_time_and_not_on_the_number_of_frames() -> None:
    few, many = Smoother(EVEN), Smoother(EVEN)
    few.update(1, SAD, 0)
    many.update(1, SAD, 0)
    for step in range(1, 11):
        last = many.update(1, GLAD, step * SECOND // 10)
    assert last == pytest.approx(few.update(1, GLAD, SECOND), abs=1e-5)


def test_a_change_is_followed_faster_than_a_face_at_rest_is_smoothed() -> None:
    slow, quick = Smoother(SmoothingSettings(1.6, 0.0)), Smoother(SmoothingSettings(1.6, 0.1))
    for smoother in (slow, quick):
        smoother.update(1, SAD, 0)
    # A tenth of a second, two logarithms that each move by ln 4: slopes of 13.86 a second, of which 1 - e^-0.2π is
    # believed, 6.467, which is the speed; rate 0.625 + 0.2π · 6.467 = 4.688 against 0.625 a second.
    assert slow.update(1, GLAD, SECOND // 10)[1] == pytest.approx(1 / (1 + 4 ** (2 * np.exp(-0.0625) - 1)), abs=1e-4)
    assert quick.update(1, GLAD, SECOND // 10)[1] == pytest.approx(1 / (1 + 4 ** (2 * np.exp(-0.4688) - 1)), abs=1e-4)


def test_tracks_do_not_mix_and_dead_ones_are_forgotten() -> None:
    smoother = Smoother(EVEN)
    smoother.update(1, SAD, 0)
    assert smoother.update(2, GLAD, 0) == pytest.approx(GLAD)
    smoother.keep([2])
    assert smoother.update(1, GLAD, SECOND // 10) == pytest.approx(GLAD), "track 1 starts anew"


def test_time_that_stands_still_or_runs_back_changes_nothing_and_goes_on_from_there() -> None:
    smoother = Smoother(EVEN)
    smoother.update(1, SAD, SECOND)
    assert smoother.update(1, GLAD, SECOND) == pytest.approx(SAD)
    assert smoother.update(1, GLAD, 0) == pytest.approx(SAD)
    assert smoother.update(1, GLAD, SECOND // 2) == pytest.approx([0.6933 / 1.6933, 1 / 1.6933], abs=1e-4)


def test_a_forgotten_track_starts_anew_and_the_others_go_on() -> None:
    smoother = Smoother(EVEN)
    smoother.update(1, SAD, 0)
    smoother.update(2, SAD, 0)
    smoother.forget(1)
    smoother.forget(3)  # never seen: nothing to forget
    assert smoother.update(1, GLAD, SECOND // 2) == pytest.approx(GLAD)
    assert smoother.update(2, GLAD, SECOND // 2) == pytest.approx([0.6933 / 1.6933, 1 / 1.6933], abs=1e-4)


def test_a_time_constant_of_zero_turns_it_off() -> None:
    smoother = Smoother(SmoothingSettings(seconds=0))
    smoother.update(1, SAD, 0)
    assert smoother.update(1, np.array([0, 1], np.float32), 1).tolist() == [0, 1]


@pytest.mark.parametrize("certain", [[1, 0], [0, 1]])
def test_a_probability_of_zero_is_no_end(certain: list[float]) -> None:
    smoother = Smoother(EVEN)
    smoother.update(1, np.array(certain, np.float32), 0)
    after = smoother.update(1, np.array(certain[::-1], np.float32), 10 * SECOND)
    assert after == pytest.approx(certain[::-1], abs=2e-4)
    assert after.sum() == pytest.approx(1)


def _shown(smoother: Smoother, *gladness: float, track: int = 1) -> list[str]:
    """What is shown for such probabilities of happiness, whatever the smoothing; the fake is sure from 0.6 on."""
    emotions = []
    for glad in gladness:
        row = np.array([1 - glad, glad], np.float32)
        smoother.update(track, row, 0)
        emotions.append(smoother.decide(track, row, FakeClassifier()).emotion)
    return emotions


def test_what_is_shown_stays_until_something_else_is_ahead_by_the_margin() -> None:
    smoother = Smoother(SmoothingSettings(margin=0.1))
    assert _shown(smoother, 0.61) == ["happiness"]
    assert _shown(smoother, 0.51, 0.49) == ["happiness", "uncertain"], "0.49 + 0.1 is less than 0.6"
    assert _shown(smoother, 0.51, 0.69, 0.71) == ["uncertain", "uncertain", "happiness"], "0.69 - 0.1 is less too"
    # Neutral at 0.69 would be sure enough, and is ahead of happiness by more than the margin.
    assert _shown(smoother, 0.31) == ["neutral"]


def test_a_reading_whose_emotion_is_held_says_what_is_most_probable_and_why_it_is_uncertain() -> None:
    smoother, classifier = Smoother(SmoothingSettings(margin=0.25)), FakeClassifier()
    _shown(smoother, 0.6)
    row = np.array([0.55, 0.45], np.float32)
    smoother.update(1, row, 0)
    verdict = smoother.decide(1, row, classifier)
    assert verdict == ("happiness", "neutral", None)
    held = Reading(1, face(), *verdict, dict(zip(classifier.labels, row.tolist(), strict=True)))
    assert held.caption == "happiness 45%"
    _shown(smoother, 0.34, track=2)
    _shown(smoother, 0.5, track=2)
    row = np.array([0.2, 0.8], np.float32)
    smoother.update(3, np.array([0.5, 0.5], np.float32), 0)
    assert smoother.decide(3, np.array([0.5, 0.5], np.float32), classifier).emotion == "uncertain"
    assert smoother.decide(3, row, classifier) == ("uncertain", "happiness", "ambiguous")


def test_without_a_margin_the_classifiers_verdict_is_shown() -> None:
    assert _shown(Smoother(SmoothingSettings(margin=0)), 0.61, 0.59, 0.61) == ["happiness", "uncertain", "happiness"]


def test_what_leads_for_as_long_as_the_patience_lasts_is_shown_without_the_margin() -> None:
    settings = SmoothingSettings(seconds=0, margin=0.25, patience=0.3)
    # Sure from 0.6 on; 0.7 is not 0.25 beyond it. From the sixth frame on it has led for 0.3 s.
    assert _film(0.5, 0.5, *[0.7] * 5, rate=10, settings=settings) == ["uncertain"] * 5 + ["happiness"] * 2
    # What falls back in between begins anew.
    assert set(_film(0.5, *[0.7, 0.7, 0.5] * 3, rate=10, settings=settings)) == {"uncertain"}
    assert _film(0.5, 0.9, rate=10, settings=settings) == ["uncertain", "happiness"]


def test_a_face_between_two_emotions_comes_to_rest() -> None:
    # Half a second of 0.7 and half a second of 0.5 in turns: neither is 0.25 beyond the threshold of 0.6, each leads
    # for longer than the patience.
    settings, turns = SmoothingSettings(seconds=0, margin=0.25, patience=0.3), [*[0.7] * 5, *[0.5] * 5] * 15
    assert _changes(_film(*turns, rate=10, settings=settings)) == 1, "0.3 s once, then 0.6 s, which never come"
    # A clear change is seen at once all the same, and back as soon.
    assert _film(*turns, 0.9, 0.05, rate=10, settings=settings)[-2:] == ["happiness", "neutral"]
    # After a minute without doubt the patience is what it was: 0.3 s.
    shown = _film(*turns, *[0.05] * 610, *[0.5] * 5, rate=10, settings=settings)
    assert shown[-5:] == ["neutral"] * 3 + ["uncertain"] * 2


def test_a_clock_that_runs_back_forgets_doubts_and_how_long_something_led() -> None:
    smoother, classifier = Smoother(SmoothingSettings(seconds=0, margin=0.25, patience=0.3)), FakeClassifier()

    def shown(glad: float, at: float) -> str:
        row = smoother.update(1, np.array([1 - glad, glad], np.float32), round(at * SECOND))
        return smoother.decide(1, row, classifier).emotion

    assert shown(0.5, 3599.0) == "uncertain"
    at = 3600.0
    for number, wait in enumerate((0.3, 0.6, 1.2, 2.4, 4.8)):  # five doubts: the next takes 9.6 s
        for _ in range(round(wait * 10) + 2):
            seen, at = shown(0.5 if number % 2 else 0.7, at), at + 0.1
    assert seen == "happiness"
    assert [shown(0.5, 10 + step / 10) for step in range(5)] == ["happiness"] * 3 + ["uncertain"] * 2


def test_without_patience_a_face_in_doubt_is_shown_as_it_is_read_however_long() -> None:
    settings = SmoothingSettings(seconds=0, margin=0.25, patience=0)
    assert set(_film(*[0.7, 0.5] * 3000, rate=100, settings=settings)) == {"happiness", "uncertain"}


def test_a_forgotten_track_holds_nothing() -> None:
    smoother = Smoother(SmoothingSettings(margin=0.1))
    assert _shown(smoother, 0.61, 0.55) == ["happiness", "happiness"]
    smoother.forget(1)
    assert _shown(smoother, 0.55) == ["uncertain"]
    assert _shown(smoother, 0.61, 0.55, track=2) == ["happiness", "happiness"]
    smoother.keep([])
    assert _shown(smoother, 0.55, track=2) == ["uncertain"]


def _film(*gladness: float, rate: int, settings: SmoothingSettings | None = None) -> list[str]:
    """What is shown of a face of such probabilities of happiness, at so many frames a second."""
    smoother, classifier = Smoother() if settings is None else Smoother(settings), FakeClassifier()
    shown = []
    for number, glad in enumerate(gladness):
        row = smoother.update(1, np.array([1 - glad, glad], np.float32), number * SECOND // rate)
        shown.append(smoother.decide(1, row, classifier).emotion)
    return shown


def _changes(shown: list[str]) -> int:
    return sum(before != after for before, after in itertools.pairwise(shown))


@pytest.mark.parametrize("rate", [15, 30])
def test_a_still_face_whose_noise_crosses_the_threshold_in_every_frame_is_shown_steadily(rate: int) -> None:
    # A minute of 0.56 and 0.64 in turns, around the threshold of 0.6: shown as they are, each frame is a change.
    noise = [0.56, 0.64] * (30 * rate)
    plain = _changes(_film(*noise, rate=rate, settings=SmoothingSettings(0, 0, 0)))
    steady = _changes(_film(*noise, rate=rate))
    assert plain == 60 * rate - 1
    assert steady <= 1, f"{steady} changes a minute, {plain} without smoothing"


@pytest.mark.parametrize("rate", [15, 30])
def test_a_change_of_expression_is_shown_within_700_ms(rate: int) -> None:
    shown = _film(*[0.05] * (3 * rate), *[0.95] * rate, rate=rate)
    assert shown[: 3 * rate] == ["neutral"] * (3 * rate)
    # At 15 frames/s, the odds' logarithm goes from -2.94 to 2.94: 0.30 and 1.83 in the first frames. 1.73 is that of
    # 0.85, the threshold with its margin: the second frame, 67 ms after the first.
    delay = shown.index("happiness") - 3 * rate
    assert delay == 1 if rate == 15 else delay / rate <= 0.7
    assert set(shown[shown.index("happiness") :]) == {"happiness"}
    assert _changes(shown) <= 2, "by way of uncertain at the most"


def test_a_reader_shows_what_its_smoother_decides() -> None:
    reader = FaceReader(FakeDetector([face()]), FakeClassifier())
    frames = [np.full((120, 160), luma, np.uint8) for luma in (160, 140, 160, 140)]  # happiness 0.627 and 0.549
    shown = [reader.read(frame, number * SECOND).readings[0].emotion for number, frame in enumerate(frames)]
    assert shown == ["happiness"] * 4
    reader.reset()
    assert reader.read(frames[1], 5 * SECOND).readings[0].emotion == "uncertain"


@pytest.mark.parametrize(
    ("wrong", "message"),
    [
        ({"seconds": -1.0}, "smoothing seconds is -1; give 0 to 60 seconds"),
        ({"seconds": float("nan")}, "smoothing seconds is nan"),
        ({"response": 11.0}, "smoothing response is 11; give 0 to 10"),
        ({"patience": -1.0}, r"smoothing patience is -1; give 0 to 60 seconds"),
        ({"margin": 0.3}, r"smoothing margin is 0\.3; give 0 to 0\.25"),
    ],
)
def test_a_setting_out_of_range_is_one_line(wrong: dict[str, float], message: str) -> None:
    with pytest.raises(MienError, match=message):
        SmoothingSettings(**wrong)


def test_faces_of_a_frame_are_smoothed_to_the_last_bit_as_one_after_another() -> None:
    random = np.random.default_rng(0)
    together, apart, at = Smoother(), Smoother(), 0
    alive = [3, 1, 2]
    for frame in range(200):
        if frame % 9 == 8:  # a face comes, and another one goes for good
            alive = [*alive[1:], frame]
        if frame % 13 == 12:
            random.shuffle(alive)
        # Some are not seen this time, and now and then nobody is.
        tracks = [track for track in alive if random.random() > 0.1 and frame % 31]
        at += int(random.choice([0, 1, 33, 33, 33, 2000, -20])) * SECOND // 1000
        rows = random.dirichlet(np.full(8, 0.3), len(tracks)).astype(np.float32)
        found = together.update_all(tracks, rows, at)
        expected = [apart.update(track, row, at) for track, row in zip(tracks, rows, strict=True)]
        assert found.shape == (len(tracks), 8)
        assert found.dtype == np.float32
        assert all(np.array_equal(one, other) for one, other in zip(found, expected, strict=True)), frame
        together.keep(alive)
        apart.keep(alive)


def test_faces_of_two_frames_of_one_time_keep_to_their_own_past() -> None:
    smoother = Smoother(EVEN)
    smoother.update_all([1, 2], np.stack([SAD, SAD]), 0)
    smoother.update_all([3, 4], np.stack([GLAD, GLAD]), 0)
    after = smoother.update_all([1, 4], np.stack([SAD, GLAD]), SECOND)
    assert after == pytest.approx(np.stack([SAD, GLAD]), abs=1e-6)
