"""A video is read to its end, past what is damaged in it, and says what is missing."""

from __future__ import annotations

import os
from collections.abc import Iterable
from pathlib import Path

import cv2
import numpy as np
import pytest

from mien.cameras.opening import open_source
from mien.cameras.timeline import Timeline
from mien.errors import MienError

MS = 1_000_000
FRAMES = 75


def film(path: Path, codec: str = "MJPG") -> bytes:
    """75 frames of 160 × 120 at 25 frames a second; frame n has a bar n pixels long."""
    writer = cv2.VideoWriter(str(path), cv2.VideoWriter.fourcc(*codec), 25.0, (160, 120))
    for number in range(FRAMES):
        picture = np.full((120, 160, 3), 40, np.uint8)
        picture[40:80, :number] = 220
        writer.write(picture)
    writer.release()
    return path.read_bytes()


def damaged(raw: bytes, numbers: Iterable[int]) -> bytes:
    """A film of JPEGs some of which are none any more."""
    starts = [at for at in range(len(raw)) if raw.startswith(b"\xff\xd8\xff", at)]
    assert len(starts) == FRAMES
    for number in numbers:
        raw = raw[: starts[number]] + bytes(200) + raw[starts[number] + 200 :]
    return raw


def bar(luma: np.ndarray) -> int:
    return int((luma[60] > 130).sum())


def test_frames_that_are_damaged_are_passed_over_and_counted(tmp_path: Path) -> None:
    path = tmp_path / "film.avi"
    raw = film(path)
    path.write_bytes(damaged(raw, (1, 30, 31)))
    with open_source(path) as camera:
        frames = list(camera.frames())
        assert camera.damaged == 3
    expected = [number for number in range(FRAMES) if number not in (1, 30, 31)]
    assert [frame.sequence for frame in frames] == expected
    assert [frame.media_time for frame in frames] == [number * 40 * MS for number in expected]
    assert [bar(frame.luma) for frame in frames] == pytest.approx(expected, abs=3)


def test_a_film_cut_in_half_says_how_much_is_missing(tmp_path: Path) -> None:
    path = tmp_path / "film.avi"
    raw = film(path)
    path.write_bytes(raw[: len(raw) // 2])
    with open_source(path) as camera:
        frames = list(camera.frames())
        assert 20 < len(frames) < 60
        assert camera.damaged == FRAMES - len(frames)


@pytest.mark.parametrize(("codec", "suffix"), [("MJPG", "avi"), ("mp4v", "mp4"), ("mp4v", "mkv"), ("VP80", "webm")])
def test_a_whole_film_misses_nothing(codec: str, suffix: str, tmp_path: Path) -> None:
    path = tmp_path / f"film.{suffix}"
    film(path, codec)
    with open_source(path) as camera:
        assert [frame.sequence for frame in camera.frames()] == list(range(FRAMES))
        assert camera.damaged == 0


@pytest.mark.parametrize("name", ["12:30:05.avi", "tcp:127.0.0.1:9", "file:x.avi"])
def test_a_name_with_a_colon_is_a_file(name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    film(tmp_path / "film.avi")
    (tmp_path / "film.avi").rename(tmp_path / name)
    monkeypatch.chdir(tmp_path)
    with open_source(name) as camera:
        assert len(list(camera.frames())) == FRAMES


def test_a_film_without_a_whole_frame_is_an_error(tmp_path: Path) -> None:
    path = tmp_path / "film.avi"
    path.write_bytes(damaged(film(path), range(FRAMES)))
    with open_source(path) as camera, pytest.raises(MienError, match="holds no frame that can be decoded"):
        list(camera.frames())


def test_a_pipe_or_a_device_is_refused_at_once(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe")
    for path in (tmp_path / "pipe", Path("/dev/zero")):
        with pytest.raises(MienError, match="is a pipe or a device"):
            open_source(path)


def test_evenly_spaced_time_stamps_show_what_was_skipped_without_a_word() -> None:
    timeline = Timeline(40 * MS, 10)
    assert [timeline.place(stamp, 0) for stamp in (0, 40, 80, 200, 240)] == [
        *((0, 0), (1, 40 * MS), (2, 80 * MS)),
        *((5, 200 * MS), (6, 240 * MS)),
    ]
    assert timeline.missing == 2
    timeline.end()
    assert timeline.missing == 5  # and three at the end: 7, 8 and 9


def test_a_film_of_uneven_frames_misses_none_of_them() -> None:
    timeline = Timeline(40 * MS, 5)
    placed = [timeline.place(stamp, 0) for stamp in (0, 33, 80, 190, 250)]
    assert [number for number, _ in placed] == [0, 1, 2, 3, 4]
    assert [at for _, at in placed] == [0, 33 * MS, 80 * MS, 190 * MS, 250 * MS]
    timeline.end()
    assert timeline.missing == 0


def test_time_stamps_that_are_nonsense_give_way_to_the_rate() -> None:
    timeline = Timeline(40 * MS, -192153584101141.0)
    assert timeline.place(-7686143364045646.0, 0) == (0, 0)  # of raw MJPEG; the steps are true
    assert timeline.place(-7686143364045606.0, 0) == (1, 40 * MS)
    assert timeline.place(float("nan"), 0) == (2, 80 * MS)
    assert timeline.place(1e30, 2) == (5, 200 * MS)
    assert timeline.place(0.0, 0) == (6, 240 * MS)
    timeline.end()
    assert timeline.missing == 2


def test_a_failed_read_that_costs_no_time_costs_no_frame() -> None:
    timeline = Timeline(40 * MS, 3)
    assert [timeline.place(stamp, failures) for stamp, failures in ((0, 0), (40, 1), (80, 0))] == [
        (0, 0),
        (1, 40 * MS),
        (2, 80 * MS),
    ]
    assert timeline.missing == 0


def test_damaged_frames_before_the_first_whole_one_count() -> None:
    timeline = Timeline(40 * MS, 10)
    assert timeline.place(80.0, 2) == (2, 80 * MS)
    assert timeline.missing == 2
