from __future__ import annotations

import json
from pathlib import Path

import cv2
import numpy as np
import pytest

from mien.cameras.demo import DemoCamera
from mien.errors import MienError
from mien.faces.face import Box, Face, Landmarks, Point
from mien.reading import Reading
from mien_train.study import timeline, timeline_picture
from mien_train.study.track import Timeline, Track


def _reading(track: int, emotion: str, happy: float) -> Reading:
    face = Face(Box(0, 0, 10, 10), Landmarks(*[Point(0, 0)] * 5), 0.9)
    top = "happiness" if happy > 0.5 else "neutral"
    reason = "ambiguous" if emotion == "uncertain" else None
    return Reading(track, face, emotion, top, reason, {"neutral": 1 - happy, "happiness": happy})


def test_readings_become_tracks() -> None:
    readings = [(0, _reading(2, "neutral", 0.25)), (0, _reading(1, "happiness", 1.0))]
    readings += [(5, _reading(2, "uncertain", 0.5))]
    first, second = timeline.followed(readings, ("neutral", "happiness"))
    assert (first.number, second.number) == (1, 2)
    assert second.frames.tolist() == [0, 5]
    assert second.emotions == ("neutral", "uncertain")
    assert second.probabilities.tolist() == [[0.75, 0.25], [0.5, 0.5]]


def test_a_frame_without_the_face_interrupts_its_track_and_so_does_a_stalled_camera() -> None:
    frames, seconds = np.array([0, 1, 3, 4, 5]), np.array([0.0, 0.04, 0.12, 0.16, 9.0])
    stretches = timeline_picture.unbroken(frames, seconds, 0.5)
    assert stretches == [slice(0, 2), slice(2, 4), slice(4, 5)]


def test_gaps_of_a_face_are_gaps_in_its_picture() -> None:
    frames = np.array([0, 1, 2, 5, 9])  # of ten, a tenth of a second each
    even = np.full((5, 2), 0.5)
    track = Track(1, frames, ("neutral",) * 5, even)
    found = Timeline("clip", 0.1, ("neutral", "happiness"), np.arange(10) / 10, (track,))
    figure = timeline_picture.drawn(found)
    bands, strip = figure.subfigs[0].axes
    spoken = [(0, 0.1), (0.1, 0.2), (0.2, 0.3), (0.5, 0.6), (0.9, 1.0)]
    for axes, spans in ((strip, spoken), (bands, [(0, 0.3), (0.5, 0.6), (0.9, 1.0)])):
        paths = [path.vertices[:, 0] for drawn in axes.collections for path in drawn.get_paths()]
        assert sorted({(round(x.min(), 6), round(x.max(), 6)) for x in paths}) == spans
    assert bands.get_xlim() == (0, 1)


def test_a_clip_becomes_a_picture_and_its_figures(tmp_path: Path) -> None:
    path = tmp_path / "clip.avi"
    writer = cv2.VideoWriter(str(path), cv2.CAP_FFMPEG, cv2.VideoWriter.fourcc(*"MJPG"), 10, (640, 480), False)
    with DemoCamera(8) as camera:
        for frame in camera.frames():
            writer.write(frame.luma)
    writer.release()
    found = json.loads(json.dumps(timeline.timeline(path, tmp_path / "out", max_frames=6).document()))
    assert (found["frames"], found["seconds_per_frame"]) == (6, pytest.approx(0.1))
    (track,) = found["tracks"]
    assert track["seconds"] == pytest.approx([0, 0.1, 0.2, 0.3, 0.4, 0.5])
    assert sum(track["shares"].values()) == pytest.approx(1, abs=1e-3)
    assert np.sum([track["probabilities"][label] for label in found["labels"]], axis=0) == pytest.approx(1, abs=1e-3)
    assert json.loads((tmp_path / "out" / "timeline.json").read_text()) == found
    picture = cv2.imread(str(tmp_path / "out" / "timeline.png"))
    assert picture is not None
    assert picture.std() > 10


def test_a_clip_without_a_face_is_drawn_too(tmp_path: Path) -> None:
    path = tmp_path / "grey.png"
    cv2.imwrite(str(path), np.full((120, 160), 128, np.uint8))
    assert timeline.timeline(path, tmp_path / "out", None).tracks == ()
    assert (tmp_path / "out" / "timeline.png").is_file()


def test_a_source_that_is_not_there_is_named(tmp_path: Path) -> None:
    with pytest.raises(MienError, match="no such file or folder"):
        timeline.timeline(tmp_path / "none.mp4", tmp_path / "out", None)
