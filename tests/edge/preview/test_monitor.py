from __future__ import annotations

import time
from collections.abc import Sequence
from typing import Any

import numpy as np
from edge_fakes import FakeCamera, FakeClassifier, FakeDetector, face
from numpy.typing import NDArray

from mien.faces.face import Face
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
        pipeline.preview(np.zeros((120, 160), np.uint8), result)
        time.sleep(0.3)
        assert view.newest() is None
        assert view.encoded == 0
