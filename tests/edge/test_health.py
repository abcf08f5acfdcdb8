from __future__ import annotations

import pytest

from mien.health import Pulse, State
from mien.reading import FrameResult


class Clock:
    def __init__(self) -> None:
        self.now = 100.0

    def __call__(self) -> float:
        return self.now


def frame(captured_at: int) -> FrameResult:
    return FrameResult(0, "", 160, 120, captured_at, captured_at + 1, ())


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def pulse(clock: Clock) -> Pulse:
    return Pulse(limit=10, starting=60, clock=clock)


def test_before_the_first_frame_it_starts_and_a_watchdog_waits_a_minute(pulse: Pulse, clock: Clock) -> None:
    clock.now += 60
    health = pulse.now()
    assert (health.state, health.healthy, health.alive, health.age) == (State.STARTING, False, True, None)
    assert health.reasons == ("no frame yet, after 60 s",)
    clock.now += 1
    assert not pulse.now().alive


def test_a_new_frame_within_the_limit_is_healthy_and_after_it_stalled(pulse: Pulse, clock: Clock) -> None:
    pulse.beat(frame(1))
    clock.now += 10
    health = pulse.now()
    assert (health.state, health.healthy, health.alive, health.age) == (State.RUNNING, True, True, 10)
    assert health.reasons == ()
    clock.now += 2
    health = pulse.now()
    assert (health.state, health.healthy, health.alive, health.age) == (State.STALLED, False, False, 12)
    assert health.reasons == ("last new frame 12 s ago; the limit is 10 s",)


def test_the_same_frame_again_and_again_is_no_new_frame(pulse: Pulse, clock: Clock) -> None:
    for _ in range(12):
        pulse.beat(frame(1))
        clock.now += 1
    assert pulse.now().state is State.STALLED
    pulse.beat(frame(2))
    assert pulse.now().healthy


def test_paused_is_not_healthy_but_no_watchdog_acts_and_the_limit_counts_from_resuming(
    pulse: Pulse, clock: Clock
) -> None:
    pulse.beat(frame(1))
    pulse.pause()
    clock.now += 1000
    health = pulse.now()
    assert (health.state, health.healthy, health.alive) == (State.PAUSED, False, True)
    pulse.resume()
    clock.now += 9
    health = pulse.now()
    assert (health.state, health.healthy, health.alive) == (State.RUNNING, False, True)
    assert health.reasons == ("resumed; last new frame 1009 s ago",)
    clock.now += 2
    assert pulse.now().state is State.STALLED


def test_paused_from_its_start_on_it_has_the_time_of_a_start_from_resuming(pulse: Pulse, clock: Clock) -> None:
    pulse.pause()
    clock.now += 1000
    pulse.resume()
    clock.now += 60
    health = pulse.now()
    assert (health.state, health.healthy, health.alive) == (State.STARTING, False, True)
    assert health.reasons == ("no frame yet, after 60 s",)
    clock.now += 1
    assert not pulse.now().alive


def test_while_the_camera_is_being_restarted_it_is_not_healthy_but_no_watchdog_acts(clock: Clock) -> None:
    restarting = [True]
    pulse = Pulse(limit=10, recovering=lambda: restarting[0], clock=clock)
    assert pulse.now().reasons == ("the camera is being restarted; no frame yet",)
    pulse.beat(frame(1))
    clock.now += 20
    health = pulse.now()
    assert (health.state, health.healthy, health.alive, health.age) == (State.RECOVERING, False, True, 20)
    assert health.reasons == ("the camera is being restarted; last new frame 20 s ago",)
    restarting[0] = False
    assert pulse.now().state is State.STALLED
    pulse.beat(frame(2))
    assert pulse.now().healthy


def test_an_ended_run_is_neither_healthy_nor_alive(pulse: Pulse) -> None:
    pulse.beat(frame(1))
    pulse.end()
    health = pulse.now()
    assert (health.state, health.healthy, health.alive) == (State.ENDED, False, False)
