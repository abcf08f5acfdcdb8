from __future__ import annotations

import logging

import numpy as np
import pytest
from edge_fakes import FakeCamera, FakeClassifier, FakeDetector, face

from mien.health import State
from mien.pipeline import Pipeline
from mien.reader import FaceReader
from mien.stillness import SECONDS, Stillness

PICTURE = np.random.default_rng(0).integers(0, 256, (480, 640), dtype=np.uint8)


class Clock:
    now = 0.0

    def __call__(self) -> float:
        return self.now


def test_a_picture_that_stays_is_told_once_and_its_change_too(caplog: pytest.LogCaptureFixture) -> None:
    clock = Clock()
    stillness = Stillness(clock=clock)
    with caplog.at_level(logging.WARNING, "mien.camera"):
        for clock.now in np.arange(0, SECONDS + 5, 0.1).tolist():
            stillness.see(PICTURE)
            assert bool(stillness.remarks) == (clock.now >= SECONDS)
        assert "for 15 s" in stillness.remarks[0]
        stillness.see(PICTURE + 1)
    assert stillness.remarks == ()
    assert len(caplog.messages) == 2
    assert "frozen" in caplog.messages[0]
    assert "changes again" in caplog.messages[1]


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


@pytest.mark.parametrize(("live", "odd"), [(True, True), (False, False)])
def test_health_says_so_of_a_live_camera_and_stays_healthy(
    live: bool, odd: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("mien.pipeline.Stillness", lambda: Stillness(0.0))
    with Pipeline(FakeCamera(5, live=live), FaceReader(FakeDetector([face()]), FakeClassifier())) as line:
        for count, _ in enumerate(line.run()):
            health = line.pulse.now()
            if count == 2:
                break
        assert health.state is State.RUNNING
        assert health.healthy
        assert bool(health.reasons) == odd
