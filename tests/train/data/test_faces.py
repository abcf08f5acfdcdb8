from __future__ import annotations

import dataclasses
import io
import json
import zipfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pytest

from mien.errors import MienError
from mien_train.data import faces

Document = dict[str, Any]


def _documented(folder: Path, change: Callable[[Document], object]) -> None:
    path = folder / "faces" / "faces.json"
    document = json.loads(path.read_text())
    change(document)
    path.write_text(json.dumps(document))


def test_labels_become_arrays(small_data: Path) -> None:
    photos = faces.load(small_data, "val").photos
    assert [photo.name.split("/")[0] for photo in photos] == ["portraits", "rooms"] + ["portraits"] * 3 + ["rooms"]
    photo = photos[0]
    assert photo.luma.shape == (120, 160)
    assert photo.boxes.tolist() == [[55, 28, 105, 92]]
    assert photo.landmarks[0, 1].tolist() == [90, 50]
    assert not photo.ignore.any()
    assert np.isnan(photo.drawn).all()
    assert photo.certainty.tolist() == [np.float32(0.95)]
    assert photos[1].face_free
    assert photos[1].boxes.shape == (0, 4)


def test_what_a_person_drew_is_certain_and_so_is_what_has_no_score(small_data: Path) -> None:
    def change(document: Document) -> None:
        faces_of = [document["val"][index]["faces"][0] for index in (0, 2, 3)]
        faces_of[0].update(source="hand")
        faces_of[1].update(source="hand+teacher", hand_box=[56, 30, 104, 90])
        del faces_of[2]["score"]

    _documented(small_data, change)
    photos = faces.load(small_data, "val").photos
    assert [photo.certainty.tolist() for photo in photos[:5:2]] + [photos[3].certainty.tolist()] == [
        [1.0],
        [1.0],
        [np.float32(0.95)],
        [1.0],
    ]


def test_hard_sets_are_told_from_the_others(small_data: Path) -> None:
    photo = faces.load(small_data, "val").photos[0]
    assert not photo.hard
    assert dataclasses.replace(photo, name="events/00001.webp").hard


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (lambda d: d["val"].append(d["val"][0]), "lists portraits/00006.webp 2 times in val"),
        (lambda d: d["val"][0]["faces"][0].update(box=[1, 2, float("nan"), 4]), "val 0 .*: faces 0: box is"),
        (lambda d: d["val"][0]["faces"][0].update(box=[1, 2, 1e300, 4]), "faces 0: box is"),
        (lambda d: d["val"][0]["faces"][0].update(box=[9, 2, 3, 4]), "with an area"),
        (lambda d: d["val"][0]["faces"][0].update(landmarks=[1] * 20), "landmarks is .*; it must be 10 numbers"),
        (lambda d: d["val"][0]["faces"][0].update(role="fase"), "role is 'fase'; it must be face or ignore"),
        (lambda d: d["val"][0]["faces"][0].update(score=1.5), "score is 1.5; it must be 0 to 1"),
        (lambda d: d["val"][0]["faces"][0].update(score=None), "score is None; it must be 0 to 1"),
        (lambda d: d["val"][0].pop("width"), "lacks 'width'"),
        (lambda d: d["val"][0].pop("image"), "val 0: lacks 'image'"),
        (lambda d: d["val"][0].update(image="00006.webp"), "image is '00006.webp'; it must be ARCHIVE/MEMBER"),
        (lambda d: d["val"][0].update(image="portraits/none.webp"), r"portraits\.zip: cannot give none\.webp"),
        (lambda d: d["val"][0].update(width=161), "is no picture of 161×120, as faces.json says"),
        (lambda d: d["val"][0].update(height=1 << 18, width=1 << 18), "width is 262144; it must be at most"),
        (lambda d: d.update(val={}), "val is {}; it must be a list of objects"),
        (lambda d: d["val"].insert(0, 3), "val is .*; it must be a list of objects"),
    ],
)
def test_a_malformed_list_is_named(small_data: Path, change: Callable[[Document], object], message: str) -> None:
    _documented(small_data, change)
    with pytest.raises(MienError, match=message) as said:
        faces.load(small_data, "val")
    assert str(small_data / "faces") in str(said.value) or "portraits/00006.webp" in str(said.value)


def test_a_photograph_that_is_empty_in_its_archive_is_named(small_data: Path) -> None:
    with zipfile.ZipFile(small_data / "faces" / "portraits.zip", "w") as archive:
        archive.writestr("00006.webp", b"")
    with pytest.raises(MienError, match=r"portraits/00006\.webp: is no picture of 160×120"):
        faces.load(small_data, "val")


def test_a_changed_archive_is_read_again(small_data: Path) -> None:
    before = faces.load(small_data, "val").photos[1].luma.copy()
    stream = io.BytesIO()
    with zipfile.ZipFile(stream, "w") as archive:
        for number in (3, 7, 11):
            image = np.full((120, 160), 200, np.uint8)
            archive.writestr(f"{number:05d}.webp", cv2.imencode(".webp", image)[1].tobytes())
    (small_data / "faces" / "rooms.zip").write_bytes(stream.getvalue())
    after = faces.load(small_data, "val").photos[1].luma
    assert before.mean() < 100
    assert after.mean() == pytest.approx(200, abs=2)


def test_a_photograph_of_training_and_of_validation_is_refused(small_data: Path) -> None:
    _documented(small_data, lambda d: d["train"].append(d["val"][0]))
    with pytest.raises(MienError, match=r"lists portraits/00006\.webp in val and in train"):
        faces.load(small_data, "val")


@pytest.mark.parametrize(("width", "height", "whole"), [(60, 80, True), (80, 60, False)])
def test_a_photograph_that_a_camera_marks_as_turned_has_the_size_in_which_it_is_shown(
    width: int, height: int, whole: bool, tmp_path: Path
) -> None:
    done, jpeg = cv2.imencode(".jpg", np.tile(np.arange(80, dtype=np.uint8) * 3, (60, 1)))
    assert done
    # APP1: a TIFF with one entry, orientation 6, by which the picture is shown a quarter turned.
    exif = b"Exif\0\0MM\0*\0\0\0\x08\0\x01\x01\x12\0\x03\0\0\0\x01\0\x06\0\0\0\0\0\0"
    raw = jpeg.tobytes()
    (tmp_path / "faces").mkdir()
    with zipfile.ZipFile(tmp_path / "faces/street.zip", "w") as archive:
        archive.writestr("a.jpg", raw[:2] + b"\xff\xe1" + (len(exif) + 2).to_bytes(2, "big") + exif + raw[2:])
    row = {"image": "street/a.jpg", "width": width, "height": height, "faces": []}
    (tmp_path / "faces/faces.json").write_text(json.dumps({"val": [row], "train": []}))
    if whole:
        luma = faces.load(tmp_path, "val").photos[0].luma
        assert luma.shape == (80, 60)
        assert np.abs(np.diff(luma.mean(axis=1))).min() > 1  # what was a row is a column now
    else:
        with pytest.raises(MienError, match="is no picture of 80×60"):
            faces.load(tmp_path, "val")
