from __future__ import annotations

import dataclasses
import time
from collections.abc import Iterator, Sequence
from typing import Any

import cv2
import numpy as np
import pytest
from edge_fakes import FakeCamera, FakeClassifier, FakeDetector, face
from numpy.typing import NDArray

from mien.cameras.base import Camera
from mien.cameras.demo import DemoCamera
from mien.faces.face import Face
from mien.frame import Frame
from mien.pipeline import Pipeline
from mien.preview.monitor import Monitor
from mien.preview.view import View
from mien.reader import FaceReader


class Leaving(FakeDetector):
    """Somebody who is there in the first two frames."""

    def detect(self, luma: NDArray[np.uint8], laps: Any = None) -> Any:
        faces: Sequence[Face] = super().detect(luma, laps)
        return faces if luma[0, 0] < 2 else ()


def test_a_frame_without_a_face_counts_no_second_time_for_the_last_ones_classifying() -> None:
    told: list[str] = []
    pipeline = Pipeline(FakeCamera(5, live=False), FaceReader(Leaving([face()]), FakeClassifier()))
    monitor = Monitor(pipeline, lambda stage, seconds: told.append(stage))
    for result in pipeline.run():
        monitor.add(result)
    assert (told.count("classify"), told.count("align"), told.count("detect"), told.count("whole")) == (2, 2, 5, 5)
    assert (monitor.frames, monitor.faces) == (5, 0)


def test_a_frame_under_way_when_somebody_pauses_gives_no_picture_any_more() -> None:
    pipeline = Pipeline(FakeCamera(1, live=False), FaceReader(FakeDetector([face()]), FakeClassifier()))
    (result,) = pipeline.run()
    with View(pipeline, 60, lambda: None) as view:
        view.join()
        assert pipeline.preview is not None
        pipeline.pause()
        pipeline.preview(Frame(np.zeros((120, 160), np.uint8), 0, 0), result)
        time.sleep(0.3)
        assert view.newest() is None
        assert view.encoded == 0


def shown(camera: Camera, *, colour: bool) -> NDArray[np.uint8]:
    """What somebody sees of a camera who looks from its first frame on."""
    pipeline = Pipeline(camera, FaceReader(FakeDetector([face()]), FakeClassifier()))
    with View(pipeline, 60, lambda: None, camera.colour if colour else None) as view:
        view.join()
        for _ in pipeline.run(1):
            pass
        end = time.monotonic() + 10
        while (picture := view.newest()) is None and time.monotonic() < end:
            time.sleep(0.01)
        assert picture is not None
        view.leave()
    return np.asarray(cv2.imdecode(np.frombuffer(picture[1], np.uint8), cv2.IMREAD_COLOR), np.uint8)


def test_who_looks_sees_colour_unless_it_is_not_wanted() -> None:
    suit = slice(400, 470), slice(300, 420)
    blue, _, red = shown(DemoCamera(), colour=True)[suit].reshape(-1, 3).mean(axis=0)
    assert red > blue + 30
    blue, _, red = shown(DemoCamera(), colour=False)[suit].reshape(-1, 3).mean(axis=0)
    assert abs(red - blue) < 2


def test_a_camera_gives_colour_from_the_first_who_looks_to_the_last() -> None:
    told: list[bool] = []
    pipeline = Pipeline(FakeCamera(1, live=False), FaceReader(FakeDetector(), FakeClassifier()))
    with View(pipeline, 60, lambda: None, told.append) as view:
        assert told == []
        view.join()
        view.join()
        view.leave()
        assert told == [True]
        view.leave()
        assert told == [True, False]
        view.join()
    assert told == [True, False, True, False]


@pytest.mark.parametrize("chroma", [np.zeros((4, 4), np.uint8), np.zeros((0, 4, 2), np.uint8), "no array"])
def test_what_is_no_chroma_leaves_the_view_grey_and_alive(chroma: Any) -> None:
    class Odd(FakeCamera):
        """A camera of somebody's own."""

        def frames(self) -> Iterator[Frame]:
            for frame in super().frames():
                yield dataclasses.replace(frame, chroma=chroma)

    assert np.ptp(shown(Odd(1, live=False), colour=True)[-20:].astype(int), axis=2).max() < 6
