from __future__ import annotations

from pathlib import Path

import cv2
import numpy as np
import pytest
from edge_fakes import face

from mien.errors import MienError
from mien.outputs.clip import Clip, make_folder
from mien.outputs.overlay import Mark, annotate, contact_sheet, contain
from mien.pipeline import FrameResult
from mien.reading import Reading


@pytest.mark.parametrize(("height", "width", "drawn"), [(48, 48, 336), (480, 640, 480), (3000, 4000, 3000)])
def test_small_pictures_are_enlarged_and_the_original_stays_as_it_was(height: int, width: int, drawn: int) -> None:
    luma = np.full((height, width), 90, dtype=np.uint8)
    picture = annotate(luma, [Mark(face(5, 5, 30), "happiness 93%")])
    assert picture.shape[0] == drawn  # 48 × 7 = 336 is the first multiple of 48 above 320
    assert picture.shape[2] == 3
    assert (luma == 90).all()
    assert (picture != 90).any()


def test_a_caption_stays_inside_the_picture() -> None:
    luma = np.zeros((480, 640), dtype=np.uint8)
    picture = annotate(luma, [Mark(face(600, -20, 60), "happiness 93%")])
    white = np.argwhere((picture > 200).all(axis=2))
    assert len(white) > 50
    assert white[:, 1].max() < 640
    assert white[:, 1].min() > 400


def test_contain_keeps_the_shape_and_a_sheet_its_order() -> None:
    tall = np.full((100, 50, 3), 200, dtype=np.uint8)
    inside = contain(tall, 80, 40)  # 20 × 40, in the middle: columns 30 to 49
    assert (inside[:, 30:50] == 200).all()
    assert (inside[:, :30] == 0).all()
    cells = [np.full((24, 32, 3), 50 * i, dtype=np.uint8) for i in range(1, 4)]
    sheet = contact_sheet(cells, columns=2, width=32, height=24)
    assert sheet.shape == (48, 64, 3)
    assert [sheet[5, 5, 0], sheet[5, 40, 0], sheet[30, 5, 0], sheet[30, 40, 0]] == [50, 100, 150, 0]


def test_a_clip_and_its_contact_sheet_are_written(tmp_path: Path) -> None:
    clip = Clip(tmp_path / "new" / "folder", 25.0)
    reading = Reading(1, face(), "happiness", {"happiness": 0.9}, 0, 0, 0)
    for index in range(60):
        height = 120 if index != 30 else 90  # a source may change its size
        clip(np.zeros((height, 160), np.uint8), FrameResult(index, "", 160, height, 0, 0, (reading,), 0))
    written = clip.close()
    assert [p.name for p in written] == ["annotated.mp4", "contact-sheet.png"]
    sheet = cv2.imread(str(written[1]))
    assert sheet is not None
    assert sheet.shape == (3 * 240, 4 * 320, 3)
    capture = cv2.VideoCapture(str(written[0]))
    assert int(capture.get(cv2.CAP_PROP_FRAME_COUNT)) == 60


def test_a_clip_without_frames_writes_nothing(tmp_path: Path) -> None:
    assert Clip(tmp_path, 25.0).close() == ()
    assert list(tmp_path.iterdir()) == []


def test_a_folder_that_cannot_be_made_is_an_error(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    with pytest.raises(MienError, match="cannot be written"):
        make_folder(tmp_path / "file" / "folder")
