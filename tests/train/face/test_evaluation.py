from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest

from mien.faces.decode import Detections
from mien_train.data.faces import Photo, Photos
from mien_train.face import evaluation
from mien_train.face.detectors import Detector

EYES = 20.0  # pixels between them, in a photograph of 256×320


def _photo(name: str, tone: int, faces: int, drawn: bool = False) -> Photo:
    """A grey photograph, told from the others by its tone, with faces of 60×60 pixels side by side."""
    boxes = np.array([[100 * k + 10, 50, 100 * k + 70, 110] for k in range(faces)], np.float32).reshape(-1, 4)
    one = np.array([[20, 20], [20 + EYES, 20], [30, 32], [24, 44], [36, 44]], np.float32)
    points = (boxes[:, None, :2] + one).astype(np.float32)
    by_hand = boxes if drawn else np.full((faces, 4), np.nan, np.float32)
    return Photo(
        name,
        np.full((256, 320), tone, np.uint8),
        boxes,
        points,
        np.zeros(faces, bool),
        by_hand,
        np.ones(faces, np.float32),
    )


PHOTOS = Photos(
    (_photo("portraits/0.webp", 10, 2), _photo("scenes-web/0.webp", 20, 1, drawn=True), _photo("rooms/0.webp", 30, 0)),
    "labels",
)


class Oracle:
    """Gives the labels, in pixels of its input, with every landmark `off` pixels further right."""

    score_threshold, by_halves, allowed_share = 0.5, False, 0.02
    photos = PHOTOS.photos

    def __init__(self, height: int, width: int, off: float, alarms: bool = False) -> None:
        self.height, self.width, self._off, self._alarms = height, width, off, alarms

    def __call__(self, canvas: np.ndarray) -> Detections:
        assert canvas.shape == (self.height, self.width)
        photo = next(p for p in self.photos if p.luma[0, 0] == canvas[0, 0])
        scale = np.float32(self.height / 256)
        shift = np.array([self._off, 0], np.float32)
        if photo.face_free and self._alarms:
            return Detections(np.array([[0, 0, 40, 40]], np.float32), np.zeros((1, 5, 2), np.float32), np.ones(1))
        scores = np.full(len(photo.boxes), 0.9, np.float32)
        return Detections(photo.boxes * scale, photo.landmarks * scale + shift, scores)


def test_figures_of_a_detector_and_a_peer_whose_answers_are_known(monkeypatch: pytest.MonkeyPatch) -> None:
    def rivals(height: int, width: int) -> tuple[dict[str, Detector], str]:
        return {"yunet_n": Oracle(height, width, off=3, alarms=True)}, ""

    monkeypatch.setattr(evaluation, "opened", lambda model: Oracle(256, 320, off=2))
    monkeypatch.setattr(evaluation, "peers", rivals)
    found = evaluation.evaluate_detectors(Path("model.tflite"), PHOTOS, PHOTOS)
    assert (found["faces"], found["ap50"], found["ap75"]) == (3, 1.0, 1.0)
    assert found["recall"] == {"40-80": {"faces": 3, "recall": 1.0, "from": 40.0}}
    assert found["false_positives"]["pictures"] == 0
    assert found["peers"]["yunet_n"]["false_positives"]["pictures"] == 1
    assert (found["drawn"]["faces"], found["drawn"]["ap50"]) == (1, 1.0)
    assert found["landmark_error"] == pytest.approx(2 / EYES)
    assert found["peers"]["yunet_n"]["landmark_error"] == pytest.approx(3 / EYES)
    noise = found["label_noise"]
    assert (noise["teacher"], noise["input"]) == ("yunet_n", [512, 640])
    assert noise["landmark_median"] == pytest.approx(3 / (2 * EYES))


def test_a_precision_over_no_face_is_null_in_json(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(evaluation, "opened", lambda model: Oracle(256, 320, off=2))
    monkeypatch.setattr(evaluation, "peers", lambda height, width: ({}, "none"))
    photos = Photos((_photo("scenes-web/0.webp", 20, 1, drawn=True), _photo("rooms/0.webp", 30, 0)), "labels")
    found = evaluation.evaluate_detectors(Path("model.tflite"), photos, photos)
    assert found["teacher_only"] == {"faces": 0, "ap50": None}
    json.dumps(found, allow_nan=False)


def test_hard_sets_stand_apart_with_what_a_person_drew_in_them(monkeypatch: pytest.MonkeyPatch) -> None:
    class Blind(Oracle):
        """Sees nothing in the hard photograph."""

        photos = (*PHOTOS.photos, _photo("wider-val/0.webp", 40, 3, drawn=True))

        def __call__(self, canvas: np.ndarray) -> Detections:
            found = super().__call__(canvas)
            kept = slice(0, 0) if canvas[0, 0] == 40 else slice(None)
            return Detections(found.boxes[kept], found.landmarks[kept], found.scores[kept])

    monkeypatch.setattr(evaluation, "opened", lambda model: Blind(256, 320, off=2))
    monkeypatch.setattr(evaluation, "peers", lambda height, width: ({}, "none"))
    photos = Photos(Blind.photos, "labels")
    found = evaluation.evaluate_detectors(Path("model.tflite"), photos, photos)
    assert (found["faces"], found["ap50"]) == (6, 0.5)
    assert found["groups"] == {
        "hard": {"faces": 3, "ap50": 0.0, "recall": {"40-80": {"faces": 3, "recall": 0.0, "from": 40.0}}},
        "other": {"faces": 3, "ap50": 1.0, "recall": {"40-80": {"faces": 3, "recall": 1.0, "from": 40.0}}},
    }
    assert found["drawn"]["groups"] == {"hard": {"faces": 3, "ap50": 0.0}, "other": {"faces": 1, "ap50": 1.0}}
    assert (found["drawn"]["faces"], found["drawn"]["ap50"]) == (4, 0.25)

    monkeypatch.setattr(evaluation, "opened", lambda model: Oracle(256, 320, off=2))
    only = evaluation.evaluate_detectors(Path("model.tflite"), PHOTOS, PHOTOS)
    assert (only["groups"], only["drawn"]["groups"]) == ({}, {})


def test_a_threshold_chosen_on_one_half_is_judged_on_the_other(monkeypatch: pytest.MonkeyPatch) -> None:
    rooms = [_photo(f"rooms/{k}.webp", 40 + k, 0) for k in range(6)]  # 2, 4 and 5 are in the second half
    photos = Photos((PHOTOS.photos[0], *rooms), "labels")
    for by_halves, of in ((False, 6), (True, 3)):
        mine, peer = Oracle(256, 320, off=2), Oracle(256, 320, off=3, alarms=True)
        mine.photos = peer.photos = photos.photos
        mine.by_halves = by_halves
        monkeypatch.setattr(evaluation, "opened", lambda model, mine=mine: mine)
        monkeypatch.setattr(evaluation, "peers", lambda height, width, peer=peer: ({"rfb_320": peer}, ""))
        found = evaluation.evaluate_detectors(Path("model.tflite"), photos, photos)
        assert (found["face_free"], found["reporting_half"]) == (6, by_halves)
        assert (found["false_positives"]["pictures"], found["false_positives"]["of"]) == (0, of)
        rival = found["peers"]["rfb_320"]
        theirs = rival["false_positives"]
        # By halves the peer has a threshold of its own: it alarms everywhere, so that is the highest there is.
        assert rival["score_threshold"] == (0.99 if by_halves else 0.5)
        assert (theirs["pictures"], theirs["of"], theirs["share"]) == (of, of, 1)


def test_without_peers_there_is_a_reason_and_no_figure_of_the_labels_noise(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(evaluation, "opened", lambda model: Oracle(256, 320, off=0))
    monkeypatch.setenv("MIEN_PEERS", "/nowhere")
    found = evaluation.evaluate_detectors(Path("model.tflite"), PHOTOS, PHOTOS)
    assert found["peers"] == "not compared: no peer models in /nowhere"
    assert found["label_noise"] is None
