from __future__ import annotations

import dataclasses
import os
import signal
import threading
import time
from collections.abc import Iterator, Mapping
from typing import Any

import numpy as np
import pytest
from edge_fakes import FakeCamera, FakeClassifier, FakeDetector, face

from mien.errors import MienError
from mien.health import State
from mien.pace.pace import Pace
from mien.pace.settings import PaceSettings
from mien.pipeline import STAGES, Pipeline
from mien.reader import FaceReader
from mien.reading import FrameResult, Reading
from mien.tracking.settings import SmoothingSettings
from mien.tracking.smoother import Smoother


def capture_threads() -> list[threading.Thread]:
    return [thread for thread in threading.enumerate() if thread.name == "mien-capture"]


class Collector:
    def __init__(self, fail_at: int | None = None) -> None:
        self.results: list[FrameResult] = []
        self._fail_at = fail_at

    def write(self, result: FrameResult) -> None:
        if len(self.results) == self._fail_at:
            raise MienError("the sink is full")
        self.results.append(result)


def reader(detector: FakeDetector | None = None) -> FaceReader:
    return FaceReader(detector or FakeDetector([face()]), FakeClassifier())


def pipeline(camera: FakeCamera, seconds: float = 0.0, **options: Any) -> Pipeline:
    return Pipeline(camera, reader(FakeDetector([face()], seconds)), **options)


def test_a_recording_is_never_dropped_and_its_buffers_come_back() -> None:
    camera = FakeCamera(8, live=False)
    results = list(pipeline(camera, seconds=0.005).run())
    assert [r.sequence for r in results] == list(range(8))
    assert results[-1].dropped == 0
    assert camera.recycled == list(range(8))
    assert camera.closed


def test_frames_that_came_before_the_run_while_models_were_loaded_are_not_lost() -> None:
    camera = FakeCamera(62)
    camera.delivered = 59
    results = list(pipeline(camera).run())
    assert results[0].sequence >= 59
    assert results[-1].dropped == results[-1].sequence - 58 - len(results)


def test_slow_models_drop_frames_of_a_live_camera_and_never_queue_them() -> None:
    camera = FakeCamera()
    delivered: list[int] = []

    class Slow(FakeDetector):
        def detect(self, luma: Any, laps: Any = None) -> Any:
            until = camera.delivered + 10
            while camera.delivered < until:
                time.sleep(0.001)
            delivered.append(camera.delivered)
            return super().detect(luma, laps)

    results = list(Pipeline(camera, reader(Slow())).run(max_frames=5))
    sequences = [r.sequence for r in results]
    assert len(sequences) == 5
    # Each frame is the newest when the one before it was done: a queue would give 0, 1, 2, 3, 4.
    for after, sequence in zip(delivered, sequences[1:], strict=False):
        assert sequence >= after - 2
    assert results[-1].dropped == sequences[-1] - 4
    assert len(set(camera.recycled)) == len(camera.recycled)
    assert not capture_threads()
    assert camera.closed


def test_max_frames_counts_processed_frames() -> None:
    assert len(list(pipeline(FakeCamera(50, live=False)).run(max_frames=3))) == 3
    assert list(pipeline(FakeCamera(50, live=False)).run(max_frames=0)) == []


def test_a_live_camera_that_ends_ends_the_run() -> None:
    results = list(pipeline(FakeCamera(4, interval=0.01)).run())
    assert results[-1].sequence == 3
    assert not capture_threads()


def test_an_exception_in_the_camera_thread_surfaces_after_the_frames_before_it() -> None:
    camera = FakeCamera(2, interval=0.01, error=MienError("the cable fell out"))
    sink = Collector()
    with pytest.raises(MienError, match="the cable fell out"):
        list(pipeline(camera, sinks=[sink]).run())
    assert sink.results[-1].sequence == 1
    assert not capture_threads()
    assert camera.closed


@pytest.mark.parametrize("live", [True, False])
def test_an_exception_in_a_sink_closes_the_camera_and_ends_its_thread(live: bool) -> None:
    camera, sink = FakeCamera(live=live), Collector(fail_at=2)
    with pytest.raises(MienError, match="the sink is full"):
        list(pipeline(camera, sinks=[sink]).run())
    assert len(sink.results) == 2
    assert camera.closed
    assert not capture_threads()


@pytest.mark.parametrize("live", [True, False])
def test_a_caller_who_stops_asking_closes_the_camera(live: bool) -> None:
    camera = FakeCamera(live=live)
    run = pipeline(camera).run()
    next(run)
    run.close()
    assert camera.closed
    assert not capture_threads()


def test_ctrl_c_while_waiting_for_a_frame_ends_cleanly() -> None:
    camera = FakeCamera(interval=600)  # its first frame is far away: the run sits in the box
    threading.Timer(0.1, os.kill, (os.getpid(), signal.SIGINT)).start()
    with pytest.raises(KeyboardInterrupt):
        list(pipeline(camera).run())
    assert camera.closed
    assert not capture_threads()


def test_every_stage_is_booked_once_a_frame() -> None:
    line = pipeline(FakeCamera(3, live=False), sinks=[Collector()])
    list(line.run())
    # The wait that found the end of the source is booked nowhere.
    assert {stage: len(line.stages[stage]) for stage in (*STAGES, "whole")} == dict.fromkeys((*STAGES, "whole"), 3)


def test_pixels_leave_through_the_preview_only() -> None:
    seen = []
    camera = FakeCamera(2, live=False)
    results = list(pipeline(camera, preview=lambda frame, result: seen.append((int(frame.luma[0, 0]), result))).run())
    assert seen == [(0, results[0]), (1, results[1])]
    held = list(_held(results[0]))
    assert any(isinstance(part, Reading) for part in held)
    assert not [part for part in held if isinstance(part, np.ndarray | bytes | bytearray | memoryview)]


def _held(value: object) -> Iterator[object]:
    """A value with all that it holds, however deep."""
    yield value
    if dataclasses.is_dataclass(value):
        for field in dataclasses.fields(value):
            yield from _held(getattr(value, field.name))
    elif isinstance(value, Mapping):
        yield from (part for item in value.items() for part in _held(item))
    elif isinstance(value, tuple | list | set | frozenset):
        yield from (part for item in value for part in _held(item))


def test_a_reading_is_tracked_smoothed_on_the_recordings_clock_and_complete() -> None:
    smoother = Smoother(SmoothingSettings(seconds=1.6, response=0.02))
    reader = FaceReader(FakeDetector([face()]), FakeClassifier(), smoother=smoother)
    first, second = Pipeline(FakeCamera(2, live=False), reader).run()
    (a,), (b,) = first.readings, second.readings
    assert (a.track, b.track) == (1, 1)
    assert a.emotion == "neutral"
    assert a.probabilities == pytest.approx({"neutral": 1.0, "happiness": 0.0})
    # Frame 1 is of luma 1: happiness's logarithm goes from ln 0.0001 to -ln 255, 3.669 up. In 40 ms 1 - e^-0.0762885 of
    # that: the speed is half of 0.222226 · (91.725 + 0.098) a second, the rate 0.625 + 0.04π of it.
    assert b.probabilities["happiness"] == pytest.approx(1.3096e-4, rel=1e-3)
    assert first.captured_at <= first.read_at
    assert (second.media_time, second.time) == (40_000_000, 40_000_000)
    assert (first.width, first.height) == (160, 120)


def test_a_frame_without_a_face_has_no_readings() -> None:
    (result,) = Pipeline(FakeCamera(1, live=False), reader(FakeDetector())).run()
    assert result.readings == ()


def test_a_pipeline_runs_once_and_says_so() -> None:
    line = pipeline(FakeCamera(2, live=False))
    assert len(list(line.run())) == 2
    with pytest.raises(MienError, match="has run already, and its camera is closed; open the source again"):
        line.run()


def test_a_camera_that_does_not_end_is_said(monkeypatch: pytest.MonkeyPatch) -> None:
    class Hanging(FakeCamera):
        def close(self) -> None:
            """As a driver that never answers."""

    monkeypatch.setattr("mien.pipeline._JOIN_SECONDS", 0.05)
    camera = Hanging(interval=0.3)
    with pytest.raises(MienError, match=r"the camera did not end within 0\.05 s of being closed"):
        list(pipeline(camera).run(max_frames=1))
    FakeCamera.close(camera)  # lets its thread go


def test_unrelated_pictures_share_no_track_and_no_smoothing() -> None:
    camera = FakeCamera(3, live=False)
    camera.related = False
    results = list(pipeline(camera).run())
    assert [r.readings[0].track for r in results] == [1, 2, 3]
    assert results[2].readings[0].probabilities["happiness"] == pytest.approx(2 / 255)


def test_started_in_a_thread_it_calls_back_keeps_the_latest_and_stops_from_any_thread() -> None:
    camera, seen, enough = FakeCamera(), [], threading.Event()

    def take(result: FrameResult) -> None:
        seen.append(result)
        if len(seen) == 5:
            enough.set()

    line = pipeline(camera)
    assert line.latest() is None
    line.start(take)
    assert enough.wait(10)
    stopper = threading.Thread(target=line.stop)
    stopper.start()
    stopper.join()
    assert line.wait(10)
    assert line.latest() is seen[-1]
    assert camera.closed
    assert not capture_threads()


def test_what_ends_a_started_run_is_raised_where_somebody_waits() -> None:
    line = pipeline(FakeCamera(2, interval=0.01, error=MienError("the cable fell out")))
    line.start()
    with pytest.raises(MienError, match="the cable fell out"):
        line.wait(10)
    assert line.wait(10)


@pytest.mark.parametrize("live", [True, False])
def test_a_callback_that_raises_closes_the_camera_and_ends_its_thread(live: bool) -> None:
    camera, off = FakeCamera(live=live), threading.Event()

    class Lamp:
        def on(self) -> None:
            """Nothing to see."""

        def off(self) -> None:
            off.set()

    def fail(result: FrameResult) -> None:
        raise RuntimeError(f"not frame {result.sequence}")

    line = pipeline(camera, indicator=Lamp())
    line.start(fail)
    with pytest.raises(RuntimeError, match="not frame"):
        line.wait(10)
    assert camera.closed
    assert not capture_threads()
    assert line.pulse.now().state is State.ENDED
    assert off.is_set() or not live


def test_leaving_a_pipeline_stops_what_it_started() -> None:
    camera = FakeCamera()
    with pipeline(camera) as line:
        line.start()
    assert camera.closed
    assert not capture_threads()


class Sleepy(Pace):
    """Wants every third frame."""

    asked = 0

    def wants(self) -> bool:
        self.asked += 1
        self.passed += self.asked % 3 != 1
        return self.asked % 3 == 1


def test_frames_that_the_pace_lets_go_by_are_handed_back_and_none_counts_as_dropped() -> None:
    camera = FakeCamera(30, interval=0.004)
    results = list(pipeline(camera, pace=Sleepy()).run())
    assert {result.sequence % 3 for result in results} == {0}
    # What a busy machine lost besides was wanted: the box had no room for it.
    assert results[-1].dropped == 10 - len(results)
    assert sorted(camera.recycled) == list(range(30))


def test_the_pace_is_told_of_faces_and_of_a_recording_is_not_asked() -> None:
    pace = Sleepy(PaceSettings(idle_after=1))
    results = list(pipeline(FakeCamera(5, live=False), pace=pace).run())
    assert [result.sequence for result in results] == list(range(5))
    assert pace.asked == 0


def test_the_first_face_after_a_while_without_wakes_a_run() -> None:
    at = [0.0]
    pace = Pace(PaceSettings(idle_after=1, idle_rate=1), clock=lambda: at[0])
    detector = FakeDetector()

    class Ticking(FakeCamera):
        """A tenth of a second between two frames, by the pace's clock."""

        def frames(self) -> Any:
            for frame in super().frames():
                at[0] += 0.1
                yield frame

    camera = Ticking()
    seen: list[FrameResult] = []
    with Pipeline(camera, reader(detector), pace=pace) as line:
        line.start(seen.append)
        wait_for(lambda: pace.idle and line.pulse.now().state is State.IDLE)
        health = line.pulse.now()
        assert (health.healthy, health.alive) == (True, True)
        assert health.reasons == ("nobody in view: at most 1 frames a second are read",)
        before = pace.passed
        wait_for(lambda: pace.passed > before + 20)
        detector.faces = (face(),)
        wait_for(lambda: not pace.idle)
        wait_for(lambda: line.pulse.now().state is State.RUNNING)
        detector.faces = ()
        wait_for(lambda: pace.idle)


def wait_for(true: Any) -> None:
    deadline = time.monotonic() + 10
    while not true():
        assert time.monotonic() < deadline
        time.sleep(0.002)
