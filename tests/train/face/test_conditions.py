from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from mien.errors import MienError
from mien.faces.decode import Detections
from mien_train.data.faces import Photo, Photos
from mien_train.face import conditions, scraps


def _photo() -> Photo:
    luma = np.full((200, 160), 50, np.uint8)
    luma[60:140, 50:110] = 220
    points = np.array([[[65, 85], [95, 85], [80, 100], [68, 120], [92, 120]]], np.float32)
    box = np.array([[50, 60, 110, 140]], np.float32)
    return Photo(
        "portraits/a.webp",
        luma,
        box,
        points,
        np.array([False]),
        np.full((1, 4), np.nan, np.float32),
        np.ones(1, np.float32),
    )


class BrightBlock:
    """Finds the bright block, if it is bright enough."""

    height, width, score_threshold, allowed_share = 256, 320, 0.5, 0.02

    def __call__(self, canvas: np.ndarray) -> Detections:
        rows, columns = np.nonzero(canvas > 180)
        if not len(rows):
            return Detections(np.empty((0, 4), np.float32), np.empty((0, 5, 2), np.float32), np.empty(0, np.float32))
        box = np.array([[columns.min(), rows.min(), columns.max() + 1, rows.max() + 1]], np.float32)
        everything = np.array([[0, 0, 320, 256]], np.float32)  # below the threshold, so no find
        scores = np.array([0.9, 0.4], np.float32)
        return Detections(np.concatenate([box, everything]), np.zeros((2, 5, 2), np.float32), scores)


def test_each_condition_stages_the_face_as_it_says(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(conditions, "opened", lambda model: BrightBlock())
    monkeypatch.setattr(conditions, "peers", lambda height, width: ({}, "none"))
    found, sheet = conditions.measure(Path("any"), Photos((_photo(),), ""), 10)
    recall = {row["condition"]: row["recall"]["mien"] for row in found["conditions"]}
    # A hand before it changes the block's outline; nobody is turned away.
    lost = {"dark", "backlit", "overexposed", "hand over the mouth", "turned away", "profile"}
    assert {name for name, value in recall.items() if value == 0} == lost
    assert recall["height 5%"] == recall["height 100%"] == recall["roll +20°"] == 1
    assert sheet.shape == (len(found["conditions"]) * 256, 8 * 320, 3)
    json.dumps(found)


def test_a_peer_has_a_threshold_of_its_own(monkeypatch: pytest.MonkeyPatch) -> None:
    free = [replace(_photo(), name=f"rooms/{k}.webp", luma=np.full((40, 40), 20, np.uint8)) for k in range(6)]
    bright = [replace(photo, luma=np.full((40, 40), 250, np.uint8)) for photo in free]
    monkeypatch.setattr(conditions, "opened", lambda model: BrightBlock())
    monkeypatch.setattr(conditions, "peers", lambda height, width: ({"yunet_n": BrightBlock()}, ""))
    for rooms, wanted in ((free, 0.05), (bright, 0.91), ([], 0.5)):
        found, _ = conditions.measure(Path("any"), Photos((_photo(), *rooms), ""), 1)
        assert found["score_threshold"] == 0.5
        assert found["peer_thresholds"] == {"yunet_n": wanted}
        (usual,) = [row for row in found["conditions"] if row["condition"] == "height 35%"]
        assert usual["recall"] == {"mien": 1, "yunet_n": 0 if wanted == 0.91 else 1}


def test_without_a_face_that_can_be_staged_nothing_is_written_down(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(conditions, "opened", lambda model: BrightBlock())
    monkeypatch.setattr(conditions, "peers", lambda height, width: ({}, "none"))
    small = replace(_photo(), boxes=_photo().boxes / 4)
    with pytest.raises(MienError, match="shows one face alone, 60 pixels high or more"):
        conditions.measure(Path("any"), Photos((small,), ""), 10)


def test_where_no_set_has_a_name_that_is_known_every_photograph_of_one_face_counts(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(conditions, "opened", lambda model: BrightBlock())
    monkeypatch.setattr(conditions, "peers", lambda height, width: ({}, "none"))
    others = [replace(_photo(), name=f"street/{number}.webp") for number in range(3)]
    for photos, faces in ((others, 3), ([*others, _photo()], 1)):
        found, _ = conditions.measure(Path("any"), Photos(tuple(photos), ""), 10)
        assert found["conditions"][0]["faces"] == faces


def _stage() -> conditions._Stage:
    dark = np.full((1, scraps.SIDE, scraps.SIDE), 10, np.uint8)  # the face itself is bright
    return conditions._Stage((256, 320), scraps.Scraps(dark, dark, dark, ()))


def test_two_touching_faces_are_two_boxes_a_quarter_over_one_another() -> None:
    one = conditions._Staged(_photo(), 0)
    (condition,) = (c for c in conditions.CONDITIONS if c.beside)
    sides = set()
    for seed in range(4):
        frame, boxes = _stage().show(one, one, condition, seed)
        assert frame.shape == (256, 320)
        assert boxes.shape == (2, 4)
        widths = boxes[:, 2] - boxes[:, 0]
        apart = float(boxes[1, 0] - boxes[0, 0])
        assert abs(apart) == pytest.approx(0.75 * widths.mean(), rel=1e-3)
        sides.add(apart > 0)
        for left, top, right, bottom in boxes.astype(int):  # both blocks are there, side by side
            assert (frame[top + 8 : bottom - 8, (left + right) // 2] > 180).mean() > 0.9
    assert sides == {True, False}


def test_both_of_two_touching_faces_must_be_found(monkeypatch: pytest.MonkeyPatch) -> None:
    class OneOnly(BrightBlock):
        """Finds what is in the frame's middle and no more."""

        def __call__(self, canvas: np.ndarray) -> Detections:
            box = np.array([[131.2, 89.6, 188.8, 166.4]], np.float32)
            return Detections(box, np.zeros((1, 5, 2), np.float32), np.ones(1, np.float32))

    monkeypatch.setattr(conditions, "opened", lambda model: OneOnly())
    monkeypatch.setattr(conditions, "peers", lambda height, width: ({}, "none"))
    found, _ = conditions.measure(Path("any"), Photos((_photo(),), ""), 10)
    recall = {row["condition"]: row["recall"]["mien"] for row in found["conditions"]}
    assert recall["hat"] == recall["defocus, σ 2 px"] == recall["motion, 9 px"] == 1
    assert recall["two touching faces"] == 0


def test_lenses_and_covers_change_the_frame_as_they_say() -> None:
    one = conditions._Staged(_photo(), 0)
    shown = {c.name: _stage().show(one, one, c, 0)[0].astype(int) for c in conditions.CONDITIONS}
    plain = _stage().show(one, one, conditions.Condition("plain"), 0)[0].astype(int)
    steps = {name: np.abs(np.diff(frame, axis=1)).max() for name, frame in shown.items()}
    assert np.abs(np.diff(plain, axis=1)).max() > 100
    assert steps["motion, 9 px"] <= 170 // 9 + 2  # an edge of 170 steps over nine pixels
    assert steps["defocus, σ 2 px"] <= 170 * 0.2 + 2  # over a Gaussian: 1 / (2 √(2 π)) a pixel
    # The eyes are at y = 113.6, the mouth at 147 of the face from 89.6 to 166.4.
    hidden = {name: shown[name] != plain for name in ("hat", "hand over the mouth")}
    assert hidden["hat"][:100].any()
    assert not hidden["hat"][125:].any()
    assert hidden["hand over the mouth"][143:151, 155:165].mean() > 0.7


@pytest.mark.parametrize(("nose", "share"), [((80, 100), 0.0), ((95, 100), 0.5), ((65, 130), 0.5), ((110, 85), 1.0)])
def test_how_far_a_face_is_turned_is_read_off_its_nose(nose: tuple[int, int], share: float) -> None:
    photo = _photo()
    photo.landmarks[0, 2] = nose  # the eyes are 30 pixels apart, their middle at 80
    assert conditions._nose(photo, 0) == pytest.approx(share)
