from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from edge_fakes import FakeCamera, FakeClassifier, FakeDetector, face
from numpy.typing import NDArray

from mien.frame import Frame
from mien.health import State
from mien.pausing import PauseMemory
from mien.pipeline import Pipeline
from mien.reader import FaceReader
from mien.reading import FrameResult
from mien.roles import Preview


class Counting(FakeDetector):
    """Counts what it is shown."""

    shown = 0

    def detect(self, luma: NDArray[np.uint8], laps: Any = None) -> Any:
        self.shown += 1
        return super().detect(luma, laps)


def pipeline(camera: FakeCamera, detector: FakeDetector | None = None) -> Pipeline:
    return Pipeline(camera, FaceReader(detector or FakeDetector([face()]), FakeClassifier()))


def until(true: Callable[[], bool]) -> None:
    deadline = time.monotonic() + 10
    while not true():
        assert time.monotonic() < deadline
        time.sleep(0.002)


def test_paused_nothing_of_a_live_camera_is_looked_at_though_its_frames_go_by_and_none_counts_as_dropped() -> None:
    camera, detector, dropped = FakeCamera(interval=0.004), Counting([face()]), [0]

    def see(result: FrameResult) -> None:
        dropped.append(result.dropped)

    with pipeline(camera, detector) as line:
        line.start(see)
        until(lambda: detector.shown > 3)
        line.pause()
        assert line.paused
        assert line.pulse.now().state is State.PAUSED
        time.sleep(0.05)  # for the frame under way
        shown, delivered = detector.shown, camera.delivered
        until(lambda: camera.delivered > delivered + 30)
        assert detector.shown == shown
        before = dropped[-1]
        line.resume()
        until(lambda: detector.shown > shown + 3)
        assert line.pulse.now().healthy
        # The thirty that went by are no frames that slow models lost.
        assert dropped[-1] - before < 20
    assert line.pulse.now().state is State.ENDED


def test_every_frame_that_went_by_during_a_pause_is_handed_back() -> None:
    camera = FakeCamera()
    with pipeline(camera) as line:
        line.start()
        line.pause()
        until(lambda: camera.delivered > 20)
    assert len(camera.recycled) >= 20
    assert len(set(camera.recycled)) == len(camera.recycled)


def test_a_recording_waits_during_a_pause_and_loses_nothing() -> None:
    results: list[int] = []
    line = pipeline(FakeCamera(30, live=False))
    line.pause()
    line.start(lambda result: results.append(result.sequence))
    time.sleep(0.1)
    assert results == []
    line.resume()
    assert line.wait(10)
    assert results == list(range(30))


def test_a_frame_that_slips_in_between_a_pause_and_a_stop_is_not_processed() -> None:
    camera, detector = FakeCamera(2, interval=0.0), Counting()
    line = pipeline(camera, detector)
    line.start()
    until(lambda: camera.closed)
    seen = detector.shown

    class Late(FakeCamera):
        """Its first frame comes just after the stop."""

        def frames(self) -> Iterator[Frame]:
            until(lambda: late._stopped.is_set())
            yield from super().frames()

    late = pipeline(Late(1, interval=0.0), detector)
    late.pause()
    late.start()
    late.stop()
    assert late.wait(10)
    assert detector.shown == seen


@pytest.mark.parametrize("live", [True, False])
def test_a_paused_run_can_be_stopped_and_processes_nothing_more(live: bool) -> None:
    camera, detector = FakeCamera(live=live), Counting()
    line = pipeline(camera, detector)
    line.pause()
    line.start()
    time.sleep(0.05)
    threading.Thread(target=line.stop).start()
    assert line.wait(10)
    assert camera.closed
    assert detector.shown == 0


def test_a_preview_may_be_taken_away_at_any_moment_of_a_frame() -> None:
    class Vanishing(Pipeline):
        """Somebody takes the preview away right after it was found to be there."""

        asked = 0

        @property
        def preview(self) -> Preview | None:  # type: ignore[override]
            self.asked += 1
            return None if self.asked % 2 == 0 else lambda frame, result: None

        @preview.setter
        def preview(self, preview: Preview | None) -> None:
            """Nothing is kept."""

    line = Vanishing(FakeCamera(4, live=False), FaceReader(FakeDetector(), FakeClassifier()))
    assert len(list(line.run())) == 4


def test_a_pause_and_a_resuming_at_once_leave_switch_and_pulse_of_one_mind(monkeypatch: pytest.MonkeyPatch) -> None:
    line = pipeline(FakeCamera())
    resumer = threading.Thread(target=line.resume)
    pause = line.pulse.pause

    def interrupted(by: str = "") -> None:
        resumer.start()
        resumer.join(0.2)  # in vain where it has to wait for the pause
        pause(by)

    monkeypatch.setattr(line.pulse, "pause", interrupted)
    line.pause()
    resumer.join(10)
    assert not line.paused
    assert line.pulse.now().state is State.STARTING


def test_a_camera_that_recovers_is_told_by_the_pulse() -> None:
    camera = FakeCamera()
    with pipeline(camera) as line:
        camera.state = "recovering"
        assert line.pulse.now().state is State.RECOVERING
        camera.state = "running"
        assert line.pulse.now().state is State.STARTING


def test_a_run_that_was_paused_is_paused_again_after_its_start_until_it_is_resumed(tmp_path: Path) -> None:
    file = tmp_path / "paused"
    for begun, act in ((False, "pause"), (True, "stop"), (True, "resume"), (False, "stop")):
        line = pipeline(FakeCamera())
        held = line.remember_pause(PauseMemory(file, ("hand", "page")))
        assert (held, line.paused) == (("hand",) if begun else (), begun)
        if act == "pause":
            line.pause("hand")
            line.pause("a switch that says so itself")
        elif act == "resume":
            line.resume("hand")
        line.stop()  # a stop is no resuming
        assert file.exists() == (act != "resume" and (begun or act == "pause"))


@pytest.mark.parametrize("content", [b"", b"\xff", b"7", b"{", b'["pa'])
def test_a_memory_that_cannot_be_read_pauses(tmp_path: Path, content: bytes) -> None:
    file = tmp_path / "paused"
    file.write_bytes(content)
    assert PauseMemory(file, ("hand", "page")).read() == ("hand",)


def test_who_cannot_resume_any_more_does_not_hold_the_next_run(tmp_path: Path) -> None:
    file = tmp_path / "paused"
    line = pipeline(FakeCamera())
    line.remember_pause(PauseMemory(file, ("hand", "page")))
    line.pause("page")
    assert PauseMemory(file, ("hand",)).read() == ()
    assert PauseMemory(file, ("hand", "page")).read() == ("page",)


def test_a_pause_that_came_before_the_memory_is_in_it_too(tmp_path: Path) -> None:
    memory = PauseMemory(tmp_path / "paused", ("hand", "page"))
    line = pipeline(FakeCamera())
    line.pause("hand")
    assert line.remember_pause(memory) == ()
    assert memory.read() == ("hand",)


def test_a_memory_that_cannot_be_written_is_told_and_the_pause_holds(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    line = pipeline(FakeCamera())
    line.remember_pause(PauseMemory(tmp_path / "gone" / "paused", ("hand",)))
    line.pause("hand")
    assert line.paused
    assert "a restart will not know of this pause" in caplog.text
