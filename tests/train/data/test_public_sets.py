from __future__ import annotations

import math
from pathlib import Path

import cv2
import numpy as np
import pytest

from mien.errors import MienError
from mien_train.cli import main
from mien_train.data import faces
from mien_train.training import checkpoint


def _picture(path: Path, value: int) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    cv2.imwrite(str(path), np.full((60, 80), value, np.uint8))


def test_wider_face_boxes_invalid_faces_and_pictures_without_faces(tmp_path: Path) -> None:
    _picture(tmp_path / "WIDER_val/images/0--Parade/a.jpg", 100)
    _picture(tmp_path / "WIDER_val/images/1--Desert/b.jpg", 50)
    (tmp_path / "wider_face_split").mkdir()
    (tmp_path / "wider_face_split/wider_face_val_bbx_gt.txt").write_text(
        "0--Parade/a.jpg\n2\n10 20 30 15 0 0 0 0 0 0\n1 2 3 4 0 0 0 1 0 0\n1--Desert/b.jpg\n0\n0 0 0 0 0 0 0 0 0 0\n"
    )
    first, second = faces.load(tmp_path, "val").photos
    assert first.boxes.tolist() == [[10, 20, 40, 35], [1, 2, 4, 6]]
    assert first.ignore.tolist() == [False, True]
    assert np.isnan(first.landmarks).all()
    assert second.boxes.shape == (0, 4)
    assert first.luma.shape == (60, 80)
    assert abs(int(first.luma[0, 0]) - 100) <= 2


def test_fddb_ellipses_become_the_upright_boxes_around_them(tmp_path: Path) -> None:
    _picture(tmp_path / "originalPics/2002/08/11/big/img_591.jpg", 9)
    (tmp_path / "FDDB-folds").mkdir()
    upright, lying = f"20 10 {math.pi / 2} 40 30  1", "20 10 0 40 30  1"
    (tmp_path / "FDDB-folds/FDDB-fold-01-ellipseList.txt").write_text(
        f"2002/08/11/big/img_591\n2\n{upright}\n{lying}\n"
    )
    (photo,) = faces.load(tmp_path, "test").photos
    assert photo.boxes.tolist() == pytest.approx(np.array([[30, 10, 50, 50], [20, 20, 60, 40]]), abs=1e-4)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("a.jpg\nmany\n", "line 2: 'many' is no number of faces"),
        ("a.jpg\n1\n1 2 3\n", "line 3: expected 10 numbers of at most 1e\\+06, found '1 2 3'"),
        ("a.jpg\n", "line 2: 'nothing' is no number of faces"),
    ],
)
def test_a_malformed_line_is_named(tmp_path: Path, text: str, message: str) -> None:
    (tmp_path / "wider_face_split").mkdir()
    (tmp_path / "wider_face_split/wider_face_val_bbx_gt.txt").write_text(text)
    with pytest.raises(MienError, match=message):
        faces.load(tmp_path, "val")


def test_a_missing_picture_is_named_and_leaves_no_cache(tmp_path: Path) -> None:
    (tmp_path / "wider_face_split").mkdir()
    (tmp_path / "wider_face_split/wider_face_val_bbx_gt.txt").write_text("a.jpg\n0\n0 0 0 0 0 0 0 0 0 0\n")
    for _ in range(2):
        with pytest.raises(MienError, match=r"a\.jpg: cannot be read"):
            faces.load(tmp_path, "val")


def test_a_detector_trains_on_wider_face_alone(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (tmp_path / "wider_face_split").mkdir()
    for split in ("train", "val"):
        lines = []
        for index in range(3):
            _picture(tmp_path / f"WIDER_{split}/images/{index}.jpg", 40 + 50 * index)
            lines += [f"{index}.jpg", "1", "20 10 30 40 0 0 0 0 0 0"]
        (tmp_path / f"wider_face_split/wider_face_{split}_bbx_gt.txt").write_text("\n".join(lines) + "\n")
    settings = ["epochs=1", "batch=3", "height=64", "width=64", "stem=4,4", "channels=8", "blocks=1,1,1"]
    arguments = [part for setting in settings for part in ("--set", setting)]
    assert main(["face", "--data", str(tmp_path), "--out", str(tmp_path / "run"), *arguments]) == 0
    assert "landmarks will mean nothing" in capsys.readouterr().err
    assert checkpoint.load(tmp_path / "run/checkpoint.pt").metrics["decode"]["strides"] == [8, 16, 32]
