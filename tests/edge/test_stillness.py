from __future__ import annotations

import logging
import time
from collections.abc import Iterator
from dataclasses import replace

import numpy as np
import pytest
from edge_fakes import FakeCamera, FakeClassifier, FakeDetector, face

from mien.frame import Frame
from mien.health import State
from mien.pipeline import Pipeline
from mien.reader import FaceReader
from mien.stillness import SECONDS, Stillness

PICTURE = np.random.default_rng(0).integers(0, 256, (480, 640), dtype=np.uint8)


class Clock:
    now = 0.0

    def __call__(self) -> float:
        return self.now


def test_a_picture_that_stays_is_told_once_and_its_change_once_it_lasts(caplog: pytest.LogCaptureFixture) -> None:
    clock, rng = Clock(), np.random.default_rng(2)
    stillness = Stillness(clock=clock)
    with caplog.at_level(logging.WARNING, "mien.camera"):
        for clock.now in np.arange(0, SECONDS + 5, 0.125).tolist():
            stillness.see(PICTURE)
            assert bool(stillness.remarks) == (clock.now >= SECONDS)
        for clock.now in np.arange(SECONDS + 5, SECONDS + 120, 0.125).tolist():
            stillness.see(rng.integers(0, 256, (480, 640), dtype=np.uint8))
            assert stillness.remarks == ()
    assert len(caplog.messages) == 2
    assert "frozen" in caplog.messages[0]
    assert "changes again" in caplog.messages[1]


def test_a_bit_of_noise_now_and_then_in_a_dark_night_does_not_fill_the_log(caplog: pytest.LogCaptureFixture) -> None:
    clock, rng = Clock(), np.random.default_rng(3)
    stillness, dark = Stillness(clock=clock), np.zeros((48, 64), np.uint8)
    with caplog.at_level(logging.WARNING, "mien.camera"):
        for clock.now in range(8 * 3600):
            if rng.random() < 0.1:
                dark[tuple(rng.integers(0, 48, 2))] ^= 1
            stillness.see(dark)
    assert 1 <= len(caplog.messages) < 10


def test_what_moves_between_the_rows_that_are_looked_at_first_is_a_change() -> None:
    clock, dark = Clock(), np.zeros((480, 640), np.uint8)
    stillness = Stillness(clock=clock)
    for clock.now in range(100):
        frame = dark.copy()
        frame[1:20, clock.now : clock.now + 9] = 200
        stillness.see(frame)
        assert stillness.remarks == ()


@pytest.mark.parametrize("noise", [0.05, 1])
def test_the_noise_of_a_sensor_is_a_change(noise: float) -> None:
    clock, rng = Clock(), np.random.default_rng(1)
    stillness = Stillness(clock=clock)
    for clock.now in range(100):
        stillness.see(np.clip(100 + rng.normal(0, noise, PICTURE.shape) * 4, 0, 255).round().astype(np.uint8))
        assert stillness.remarks == ()


def test_frames_that_do_not_come_are_another_fault() -> None:
    clock = Clock()
    stillness = Stillness(clock=clock)
    stillness.see(PICTURE)
    clock.now = 100
    assert stillness.remarks == ()
    stillness.see(PICTURE)
    assert stillness.remarks == ()


class Unchanging(FakeCamera):
    """The same picture in every frame."""

    def frames(self) -> Iterator[Frame]:
        for frame in super().frames():
            yield replace(frame, luma=PICTURE)


@pytest.mark.parametrize(
    ("kind", "live", "odd"), [(Unchanging, True, True), (FakeCamera, True, False), (Unchanging, False, False)]
)
def test_health_says_so_of_a_live_camera_and_stays_healthy(
    kind: type[FakeCamera], live: bool, odd: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("mien.pipeline.Stillness", lambda: Stillness(0.1))
    with Pipeline(kind(live=live, interval=0.005), FaceReader(FakeDetector([face()]), FakeClassifier())) as line:
        began = time.monotonic()
        for _ in line.run():
            health = line.pulse.now()
            if time.monotonic() - began > 0.5:
                break
        assert health.state is State.RUNNING
        assert health.healthy
        assert bool(health.reasons) == odd
