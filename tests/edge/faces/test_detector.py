"""How a detector reads its scores, on a real face that is small enough to be the tiles' alone."""

from __future__ import annotations

import json
import math
import shutil
from pathlib import Path

import cv2
import numpy as np
import pytest
from numpy.typing import NDArray

from mien.cameras import demo
from mien.faces.detector import FaceDetector
from mien.models import bundle


def _corner(side: int) -> NDArray[np.uint8]:
    """480×640 with the demo's photograph in a corner, so many pixels wide; its face is a fifth as high."""
    photograph = cv2.imread(str(demo.photograph()), cv2.IMREAD_GRAYSCALE)
    assert photograph is not None
    found = np.full((480, 640), 110, np.uint8)
    found[40 : 40 + side, 60 : 60 + side] = cv2.resize(photograph, (side, side), interpolation=cv2.INTER_AREA)
    return found


@pytest.fixture(scope="module")
def frame() -> NDArray[np.uint8]:
    """With a face about 20 pixels high."""
    return _corner(100)


def _sidecar(folder: Path, **decode: float) -> Path:
    """A copy of the bundled detector that reads its scores otherwise."""
    path = bundle.load("face-base").path
    document = json.loads(path.read_text())
    document["files"].pop("onnx")
    for key in ("tile_threshold", "score_slope", "score_shift"):
        document["decode"].pop(key, None)
    document["decode"] |= {"score_threshold": 0.3, **decode}
    folder.mkdir()
    shutil.copy(path.with_suffix(".tflite"), folder)
    (folder / path.name).write_text(json.dumps(document))
    return folder / path.name


def _scores(model: Path, frame: NDArray[np.uint8], score_threshold: float | None = None) -> list[float]:
    with FaceDetector(model, score_threshold=score_threshold, tiles=True) as detector:
        return [face.score for face in detector.detect(frame)]


def test_a_face_that_only_tiles_show_needs_their_threshold_unless_the_caller_names_one(
    frame: NDArray[np.uint8], tmp_path: Path
) -> None:
    (first,) = _scores(_sidecar(tmp_path / "one"), frame)
    (both,) = _scores(_sidecar(tmp_path / "two", tile_threshold=0.2), frame)  # lower than the whole frame's
    assert 0.35 < both <= first
    above, below = (round(both + step, 3) for step in (0.01, -0.01))
    assert _scores(_sidecar(tmp_path / "above", tile_threshold=above), frame) == []
    assert _scores(_sidecar(tmp_path / "below", tile_threshold=below), frame) == [both]
    assert _scores(tmp_path / "above" / "face-base.json", frame, 0.3) == [both]
    assert _scores(tmp_path / "two" / "face-base.json", frame, above) == []


def test_a_face_that_the_whole_frame_shows_is_not_lost_where_a_tile_shows_it_better(tmp_path: Path) -> None:
    frame = _corner(150)
    with FaceDetector(_sidecar(tmp_path / "whole")) as detector:
        (whole,) = detector.detect(frame)
    (tiled,) = _scores(_sidecar(tmp_path / "tiled"), frame)
    assert whole.score + 0.05 < tiled
    doubtful = round(tiled - 0.01, 3)  # a second look gives less
    assert _scores(_sidecar(tmp_path / "doubtful", tile_threshold=doubtful), frame) == [tiled]


def test_a_sidecars_calibration_is_what_faces_are_scored_and_chosen_by(
    frame: NDArray[np.uint8], tmp_path: Path
) -> None:
    (score,) = _scores(_sidecar(tmp_path / "raw"), frame)
    logit = math.log(score / (1 - score))
    path = _sidecar(tmp_path / "calibrated", score_slope=1.5, score_shift=-0.5)
    wanted = 1 / (1 + math.exp(0.5 - 1.5 * logit))
    assert _scores(path, frame, 0.05)[0] == pytest.approx(wanted, abs=1e-5)
    assert _scores(path, frame, wanted + 0.01) == []


def test_what_is_found_in_a_smaller_picture_of_a_frame_lies_in_the_frames_own_pixels(frame: NDArray[np.uint8]) -> None:
    wide = cv2.resize(
        frame[20:210, 40:240], (1280, 1200), interpolation=cv2.INTER_CUBIC
    )  # not of the smaller one's shape
    small = cv2.resize(wide, (320, 300), interpolation=cv2.INTER_AREA)
    with FaceDetector() as detector:
        (whole,) = detector.detect(wide)
        (found,) = detector.detect(np.zeros_like(wide), small=small)
        assert detector.detect(wide, small=np.zeros_like(small)) == ()
    assert np.allclose(found.box, whole.box, atol=0.05 * whole.box.width)
    assert np.allclose(found.landmarks, whole.landmarks, atol=0.05 * whole.box.width)
    with FaceDetector(tiles=True) as detector:
        assert detector.detect(wide, small=small) == detector.detect(wide)
