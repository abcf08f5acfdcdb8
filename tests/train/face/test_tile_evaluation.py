from __future__ import annotations

import json
from pathlib import Path

import cv2
import numpy as np
import pytest

from mien.errors import MienError
from mien.faces.decode import Detections
from mien.faces.tiles import LOOKS, scan
from mien_train.data.faces import Photo, Photos
from mien_train.face import tile_evaluation
from mien_train.face.detectors import Detector


def _photo(name: str, blocks: list[list[float]], faces: int) -> Photo:
    """Bright blocks on dark, of which the first `faces` are labelled."""
    luma = np.full((480, 640), 20, np.uint8)
    for left, top, right, bottom in np.array(blocks, int).reshape(-1, 4):
        luma[top:bottom, left:right] = 230
    boxes = np.array(blocks[:faces], np.float32).reshape(-1, 4)
    points = np.full((faces, 5, 2), np.nan, np.float32)
    return Photo(
        name,
        luma,
        boxes,
        points,
        np.zeros(faces, bool),
        np.full((faces, 4), np.nan, np.float32),
        np.ones(faces, np.float32),
    )


class Blocks:
    """Finds bright blocks with a score above any threshold, those lower than `least` pixels with one of 0.3."""

    score_threshold, by_halves = 0.5, False
    tile_threshold: float | None = None
    allowed_share = 0.02

    def __init__(self, height: int, width: int, least: int) -> None:
        self.height, self.width, self.least = height, width, least

    def __call__(self, canvas: np.ndarray) -> Detections:
        assert canvas.shape == (self.height, self.width)
        _, _, stats, _ = cv2.connectedComponentsWithStats((canvas > 180).astype(np.uint8))
        boxes = np.array([[x, y, x + w, y + h] for x, y, w, h, _ in stats[1:].tolist()], np.float32).reshape(-1, 4)
        scores = np.where(boxes[:, 3] - boxes[:, 1] >= self.least, 0.995, 0.3).astype(np.float32)
        return Detections(boxes, np.zeros((len(boxes), 5, 2), np.float32), scores)


def test_tiles_and_whole_frame_and_peer_are_counted_by_height(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    small, middle, large = [100, 100, 118, 118], [300, 300, 330, 330], [400, 40, 550, 200]
    photos = Photos(
        (
            _photo("groups/0.webp", [small, middle, large], 3),
            _photo("groups/1.webp", [small, middle], 1),  # the other block is a find beside the labels
            _photo("portraits/0.webp", [small], 1),  # not the set that is looked at
            _photo("rooms/0.webp", [middle], 0),
            _photo("rooms/1.webp", [], 0),
        ),
        "labels",
    )
    peer: dict[str, Detector] = {"yunet_n": Blocks(480, 640, 16)}
    monkeypatch.setattr(tile_evaluation, "opened", lambda model: Blocks(256, 320, 20))
    monkeypatch.setattr(tile_evaluation, "peers", lambda height, width: (peer, ""))
    model = tmp_path / "model.tflite"
    model.write_bytes(b"model")
    found = tile_evaluation.measure(model, photos)
    rows = found["detectors"]
    assert {name: row["runs"] for name, row in rows.items()} == {"whole": 1, "tiles": 10, "yunet_n": 1}
    assert {name: row["recall"] for name, row in rows.items()} == {"whole": 0.25, "tiles": 1, "yunet_n": 1}
    # Half of the face-free photographs alarm the peer, so its threshold is the highest there is.
    assert {name: row["score_threshold"] for name, row in rows.items()} == {"whole": 0.5, "tiles": 0.5, "yunet_n": 0.99}
    assert rows["whole"]["by_height"] == {
        "16-24": {"faces": 2, "recall": 0},
        "24-40": {"faces": 1, "recall": 0},
        ">80": {"faces": 1, "recall": 1},
    }
    assert (rows["whole"]["unlabelled"], rows["tiles"]["unlabelled"]) == (0, 1)
    alarms = {name: row["false_positives"] for name, row in rows.items()}
    assert {name: (row["pictures"], row["of"], row["detections"]) for name, row in alarms.items()} == {
        "whole": (0, 2, 0),
        "tiles": (1, 2, 1),
        "yunet_n": (1, 2, 1),
    }
    assert found["ratio"] == 1
    json.dumps(found, allow_nan=False)


def test_tiles_are_counted_at_their_own_threshold(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    small, large = [100, 100, 118, 118], [400, 40, 550, 200]
    mine = Blocks(256, 320, 20)  # large blocks have a score of 0.995 in the whole frame, small ones only in tiles
    mine.tile_threshold = 0.999
    monkeypatch.setattr(tile_evaluation, "opened", lambda model: mine)
    monkeypatch.setattr(tile_evaluation, "peers", lambda height, width: ({}, "none"))
    model = tmp_path / "model.tflite"
    model.write_bytes(b"model")
    rows = tile_evaluation.measure(model, Photos((_photo("groups/0.webp", [small, large], 2),), ""))["detectors"]
    assert {name: row["score_threshold"] for name, row in rows.items()} == {"whole": 0.5, "tiles": 0.999}
    assert {name: row["recall"] for name, row in rows.items()} == {"whole": 0.5, "tiles": 0.5}


def test_the_best_tile_of_each_photograph_and_one_where_the_whole_frame_alarms() -> None:
    mine = Blocks(256, 320, 20)
    photos = [
        _photo("rooms/0.webp", [], 0),
        _photo("rooms/1.webp", [[100, 100, 118, 118]], 0),  # too small for the whole frame, which gives it 0.3
        _photo("rooms/2.webp", [[400, 40, 550, 200]], 0),
    ]
    # The second look shows 18 pixels at 32, and believes them as well; so the better look is the tile's.
    assert tile_evaluation.best_scores(mine, photos) == pytest.approx([0, 0.995, 1])
    mine.least = 30  # the tile shows them at 23
    assert tile_evaluation.best_scores(mine, photos[:2]) == pytest.approx([0, 0.3])


def test_a_threshold_chosen_on_one_half_is_judged_on_the_other(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    # The first half (0, 1 and 3) is quiet, so that the peer's threshold is the lowest there is; the others alarm.
    block = [300.0, 300.0, 330.0, 330.0]
    rooms = [_photo(f"rooms/{k}.webp", [block] if k in (2, 4, 5) else [], 0) for k in range(6)]
    mine = Blocks(256, 320, 20)
    mine.by_halves = True
    monkeypatch.setattr(tile_evaluation, "opened", lambda model: mine)
    peer: dict[str, Detector] = {"yunet_n": Blocks(480, 640, 16)}
    monkeypatch.setattr(tile_evaluation, "peers", lambda height, width: (peer, ""))
    model = tmp_path / "model.tflite"
    model.write_bytes(b"model")
    found = tile_evaluation.measure(model, Photos((_photo("groups/0.webp", [block], 1), *rooms), "labels"))
    rival = found["detectors"]["yunet_n"]
    assert (found["face_free"], rival["score_threshold"]) == (3, 0.05)
    assert (rival["false_positives"]["pictures"], rival["false_positives"]["of"]) == (3, 3)


def test_the_peers_threshold_is_by_the_rule_that_gave_ours(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    block = [300.0, 300.0, 330.0, 330.0]
    rooms = [_photo(f"rooms/{k}.webp", [block] if k == 0 else [], 0) for k in range(4)]
    mine, peer = Blocks(256, 320, 20), {"yunet_n": Blocks(480, 640, 16)}
    monkeypatch.setattr(tile_evaluation, "opened", lambda model: mine)
    monkeypatch.setattr(tile_evaluation, "peers", lambda height, width: (peer, ""))
    model = tmp_path / "model.tflite"
    model.write_bytes(b"model")
    thresholds = []
    for mine.allowed_share in (0.24, 0.25):
        found = tile_evaluation.measure(model, Photos((_photo("groups/0.webp", [block], 1), *rooms), "labels"))
        thresholds.append(found["detectors"]["yunet_n"]["score_threshold"])
    assert thresholds == [0.99, 0.05]


def test_a_frame_with_more_doubts_than_second_looks_alarms() -> None:
    mine = Blocks(256, 320, 30)  # at the second look from further away each of them is too small
    columns = [[left, top, left + 24, top + 24] for top in (60, 240) for left in (40, 180, 320, 460)]
    two, many = (_photo("rooms/0.webp", columns[:count], 0) for count in (2, len(columns)))
    scores = tile_evaluation.best_scores(mine, [two, many])
    assert len(columns) > LOOKS
    for photo, score in zip((two, many), scores, strict=True):
        threshold = 0.35
        seen = tile_evaluation._Looks(mine, 0.05)
        found = scan(photo.luma, (256, 320), seen, 100, mine.score_threshold, threshold)
        assert (len(found.scores) > 0) == (score >= threshold), (score, found.scores)


def test_without_photographs_of_groups_nothing_is_written_down(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setattr(tile_evaluation, "opened", lambda model: Blocks(256, 320, 20))
    monkeypatch.setattr(tile_evaluation, "peers", lambda height, width: ({}, "none"))
    with pytest.raises(MienError, match="no validation photograph is of set groups; tiles are measured on"):
        tile_evaluation.measure(tmp_path, Photos((_photo("street/0.webp", [[9, 9, 40, 40]], 1),), ""))


def test_without_the_peer_there_is_no_ratio(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setattr(tile_evaluation, "opened", lambda model: Blocks(256, 320, 20))
    monkeypatch.setattr(tile_evaluation, "peers", lambda height, width: ({}, "not compared: none there"))
    model = tmp_path / "model.tflite"
    model.write_bytes(b"model")
    found = tile_evaluation.measure(model, Photos((_photo("groups/0.webp", [[9, 9, 40, 40]], 1),), "labels"))
    assert set(found["detectors"]) == {"whole", "tiles"}
    assert (found["ratio"], found["peers"]) == (None, "not compared: none there")
