"""A recording played at its own speed, and again and again: its times are right, and what comes too late is counted."""

from __future__ import annotations

import logging
import threading
from collections.abc import Iterator
from pathlib import Path

import cv2
import numpy as np
import pytest
from edge_fakes import FakeCamera, FakeClassifier, FakeDetector, face

from mien.cameras.base import Camera
from mien.cameras.looped import LoopedCamera
from mien.cameras.opening import open_source
from mien.cameras.realtime import RealTimeCamera
from mien.cameras.settings import CameraSettings
from mien.errors import MienError
from mien.frame import Frame
from mien.pipeline import Pipeline
from mien.reader import FaceReader

MS = 1_000_000


class Film(Camera):
    """Frames 40 ms apart, or at given times, each of which takes some milliseconds to decode by the test's clock."""

    period_ns = 40 * MS
    description = "a film"

    def __init__(self, costs: list[float], at: list[int], times: list[float] | None = None) -> None:
        self._costs, self._at = costs, at
        self._times = times or [40.0 * number for number in range(len(costs))]
        self.recycled: list[int] = []
        self.closed = False

    def frames(self) -> Iterator[Frame]:
        for number, (cost, time) in enumerate(zip(self._costs, self._times, strict=True)):
            if self.closed:
                return
            self._at[0] += round(cost * MS)
            yield Frame(np.zeros((4, 4), np.uint8), 0, number, "film", round(time * MS))

    def recycle(self, frame: Frame) -> None:
        self.recycled.append(frame.sequence)

    def close(self) -> None:
        self.closed = True


def played(costs: list[float], times: list[float] | None = None) -> tuple[list[tuple[float, float, int]], Film]:
    """Milliseconds of the media, of the clock, and number of each frame that is shown."""
    at = [0]
    film = Film(costs, at, times)

    def wait(seconds: float) -> bool:
        at[0] += round(seconds * 1e9)
        return False

    shown = []
    with RealTimeCamera(film, clock=lambda: at[0], wait=wait) as camera:
        assert camera.live
        for frame in camera.frames():
            assert frame.media_time is not None
            assert at[0] >= frame.captured_at
            shown.append((frame.media_time / MS, frame.captured_at / MS, frame.sequence))
    return shown, film


def test_each_frame_comes_at_its_time_from_the_first_on() -> None:
    shown, _ = played([5, 5, 5, 5])
    assert shown == [(0, 5, 0), (40, 45, 1), (80, 85, 2), (120, 125, 3)]


def test_uneven_times_are_kept() -> None:
    shown, _ = played([1, 1, 1, 1], [0, 33, 80, 500])
    assert [(media, at) for media, at, _ in shown] == [(0, 1), (33, 34), (80, 81), (500, 501)]


def test_a_frame_that_is_a_little_late_is_shown_and_its_time_is_the_one_it_should_have_come_at() -> None:
    shown, _ = played([0, 70, 5, 5])
    # The second is decoded at 70 ms, 30 late; the third, due at 80, is in time.
    assert shown == [(0, 0, 0), (40, 40, 1), (80, 80, 2), (120, 120, 3)]


def test_frames_whose_time_is_over_are_dropped_until_it_has_caught_up_and_leave_gaps_in_the_numbers() -> None:
    shown, film = played([0, 150, 5, 5, 5, 5])
    # Decoded at 150, 155, 160 and 165: due at 40 and 80, 110 and 75 late; at 120, just in time; at 160, 5 late.
    assert shown == [(0, 0, 0), (120, 120, 3), (160, 160, 4), (200, 200, 5)]
    assert film.recycled == [1, 2]


def test_a_film_that_cannot_be_decoded_in_time_runs_slower_rather_than_not_at_all(
    caplog: pytest.LogCaptureFixture,
) -> None:
    with caplog.at_level(logging.WARNING, "mien.camera"):
        shown, _ = played([60.0] * 40)
    media = [at for at, _, _ in shown]
    assert media == sorted(media)
    assert len(shown) >= 28  # of 40; all of them would need no more than was there
    assert [record.message for record in caplog.records] == [
        "mien: a film: cannot be decoded in real time here; it runs slower"
    ]


def test_closing_ends_the_wait_for_a_frame_that_is_far_away() -> None:
    with RealTimeCamera(Film([0, 0], [0], [0, 3_600_000])) as camera:
        frames = camera.frames()
        next(frames)
        threading.Timer(0.05, camera.close).start()
        assert list(frames) == []


def test_in_a_pipeline_slow_models_drop_its_frames_as_they_drop_a_cameras() -> None:
    film = Film([0.0] * 30, [0], [5.0 * number for number in range(30)])
    line = Pipeline(RealTimeCamera(film), FaceReader(FakeDetector([face()], seconds=0.02), FakeClassifier()))
    results = list(line.run())
    assert results[-1].dropped == results[-1].sequence + 1 - len(results) > 0
    assert film.closed


def film(path: Path, frames: int) -> Path:
    """Frames of 160 × 120 at 25 a second; frame n has a bar n pixels long."""
    writer = cv2.VideoWriter(str(path), cv2.VideoWriter.fourcc(*"MJPG"), 25.0, (160, 120))
    for number in range(frames):
        picture = np.full((120, 160, 3), 40, np.uint8)
        picture[40:80, :number] = 220
        writer.write(picture)
    writer.release()
    return path


def test_a_looped_video_goes_on_counting_and_its_time_goes_on(tmp_path: Path) -> None:
    with open_source(film(tmp_path / "a.avi", 5), CameraSettings(loop=True)) as camera:
        assert camera.description.endswith("a.avi, 25 frames/s, again and again")
        assert not camera.live
        frames = [frame for frame, _ in zip(camera.frames(), range(12), strict=False)]
    assert [frame.sequence for frame in frames] == list(range(12))
    assert [frame.media_time for frame in frames] == [number * 40 * MS for number in range(12)]
    bars = [int((frame.luma[60] > 130).sum()) for frame in frames]
    assert bars == pytest.approx([0, 1, 2, 3, 4] * 2 + [0, 1], abs=2)


def test_what_is_damaged_counts_in_each_round_and_leaves_its_gap(tmp_path: Path) -> None:
    path = film(tmp_path / "a.avi", 5)
    raw = path.read_bytes()
    starts = [at for at in range(len(raw)) if raw.startswith(b"\xff\xd8\xff", at)]
    path.write_bytes(raw[: starts[2]] + bytes(200) + raw[starts[2] + 200 :])
    with open_source(path, CameraSettings(loop=True)) as camera:
        frames = [frame for frame, _ in zip(camera.frames(), range(8), strict=False)]
        assert camera.damaged == 2
    assert [frame.sequence for frame in frames] == [0, 1, 3, 4, 5, 6, 8, 9]


def test_a_loop_ends_when_it_is_closed_and_where_its_video_has_gone(tmp_path: Path) -> None:
    path = film(tmp_path / "a.avi", 3)
    with open_source(path, CameraSettings(loop=True)) as camera:
        seen = 0
        for _ in camera.frames():
            seen += 1
            if seen == 7:
                camera.close()
        assert seen == 7
    with open_source(path, CameraSettings(loop=True)) as camera:
        frames = camera.frames()
        next(frames)
        path.unlink()
        with pytest.raises(MienError, match=r"a\.avi"):
            list(frames)


def test_a_round_without_a_frame_is_the_last() -> None:
    empty = FakeCamera(0, live=False)
    assert list(LoopedCamera(empty, lambda: empty).frames()) == []


def test_both_together_and_turned(tmp_path: Path) -> None:
    settings = CameraSettings(loop=True, realtime=True, rotation=90)
    with open_source(film(tmp_path / "a.avi", 2), settings) as camera:
        assert camera.live
        assert camera.description.endswith("again and again, in real time, turned by 90°")
        frames = [frame for frame, _ in zip(camera.frames(), range(3), strict=False)]
    assert frames[0].luma.shape == (160, 120)
    began = frames[0].captured_at
    for frame in frames:  # whatever this machine dropped: each was due at its own time
        assert frame.media_time is not None
        assert frame.captured_at - began == frame.media_time


@pytest.mark.parametrize("settings", [CameraSettings(loop=True), CameraSettings(realtime=True)])
def test_only_recordings_can_be_played(settings: CameraSettings, tmp_path: Path) -> None:
    cv2.imwrite(str(tmp_path / "a.png"), np.full((40, 40), 100, np.uint8))
    with pytest.raises(MienError, match=r"is a picture or a camera; loop and realtime are for a video or the demo"):
        open_source(tmp_path, settings)
