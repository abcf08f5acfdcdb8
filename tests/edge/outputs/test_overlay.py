from __future__ import annotations

import itertools
from pathlib import Path

import cv2
import numpy as np
import pytest
from edge_fakes import face

from mien.errors import MienError
from mien.outputs.overlay import COLOURS, Mark, annotate, marks, write_picture
from mien.outputs.sheet import contact_sheet, contain
from mien.reading import FrameResult, Reading


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


def test_inside_the_boxes_of_a_crowd_nothing_is_drawn_but_landmarks() -> None:
    luma = np.full((480, 640), 90, dtype=np.uint8)
    crowd = [face(12 + 80 * column, 70 + 110 * line, 58) for line in range(3) for column in range(8)]
    picture = annotate(luma, [Mark(one, "#21 happiness 100%", index) for index, one in enumerate(crowd)])
    bare = annotate(luma, [Mark(one, "", index) for index, one in enumerate(crowd)])
    for one in crowd:
        left, top, right, bottom = (round(value) for value in one.box)
        # Inside the box's line: the captions change no pixel.
        inside = np.s_[top + 2 : bottom - 1, left + 2 : right - 1]
        assert np.array_equal(picture[inside], bare[inside])
    assert not np.array_equal(picture, bare)


def result(*tracks: int) -> FrameResult:
    readings = tuple(
        Reading(track, face(100 * index), "happiness", "happiness", None, {"neutral": 0.07, "happiness": 0.93})
        for index, track in enumerate(tracks)
    )
    return FrameResult(0, "", 640, 480, 0, 0, readings)


def test_marks_of_a_clip_have_the_tracks_number_and_its_colour_and_those_of_a_picture_have_none() -> None:
    assert [(mark.caption, mark.colour) for mark in marks(result(3, 12), numbered=True)] == [
        ("#3 happiness 93%", 2),
        ("#12 happiness 93%", 11),
    ]
    assert [(mark.caption, mark.colour) for mark in marks(result(3, 12))] == [
        ("happiness 93%", 0),
        ("happiness 93%", 1),
    ]


def test_each_box_is_drawn_in_its_colour() -> None:
    luma = np.full((480, 640), 90, dtype=np.uint8)
    picture = annotate(luma, [Mark(face(50 + 150 * i, 200, 80), "", colour) for i, colour in enumerate((0, 2, 9))])
    for index, colour in enumerate((0, 2, 9)):
        assert tuple(picture[240, 50 + 150 * index]) == COLOURS[colour % len(COLOURS)]


def test_no_two_colours_are_alike() -> None:
    assert len(COLOURS) == 8
    for one, other in itertools.combinations(COLOURS, 2):
        assert sum(abs(a - b) for a, b in zip(one, other, strict=True)) >= 100, (one, other)


def test_contain_keeps_the_shape_and_a_sheet_its_order() -> None:
    tall = np.full((100, 50, 3), 200, dtype=np.uint8)
    inside = contain(tall, 80, 40)  # 20 × 40, in the middle: columns 30 to 49
    assert (inside[:, 30:50] == 200).all()
    assert (inside[:, :30] == 0).all()
    cells = [np.full((24, 32, 3), 50 * i, dtype=np.uint8) for i in range(1, 4)]
    sheet = contact_sheet(cells, columns=2, width=32, height=24)
    assert sheet.shape == (48, 64, 3)
    assert [sheet[5, 5, 0], sheet[5, 40, 0], sheet[30, 5, 0], sheet[30, 40, 0]] == [50, 100, 150, 0]


def test_a_picture_is_written_and_one_that_cannot_be_encoded_is_an_error(tmp_path: Path) -> None:
    picture = np.full((24, 32, 3), 50, dtype=np.uint8)
    write_picture(tmp_path / "a.png", picture)
    read = cv2.imread(str(tmp_path / "a.png"))
    assert read is not None
    assert (read == 50).all()
    for name in ("a.nonsense", "a"):
        with pytest.raises(MienError, match="OpenCV cannot encode it"):
            write_picture(tmp_path / name, picture)
    assert [path.name for path in tmp_path.iterdir()] == ["a.png"]
