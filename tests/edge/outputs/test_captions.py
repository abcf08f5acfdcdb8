from __future__ import annotations

import itertools
import random
from collections.abc import Sequence

import pytest

from mien.faces.face import Box
from mien.outputs.captions import Plate, arrange

LONG = "#12 uncertain (happiness 63%)"


def measure(text: str, scale: float) -> tuple[int, int]:
    """A font whose letters are 10 × 20 at scale 1."""
    return round(10 * scale * len(text)), round(20 * scale)


def shared(one: Box, other: Box) -> float:
    width = min(one.right, other.right) - max(one.left, other.left)
    height = min(one.bottom, other.bottom) - max(one.top, other.top)
    return max(0.0, width) * max(0.0, height)


def row(count: int, side: float = 60, pitch: float = 100, top: float = 150) -> list[Box]:
    return [Box(20 + i * pitch, top, 20 + i * pitch + side, top + side) for i in range(count)]


def assert_clear(plates: Sequence[Plate], faces: Sequence[Box], size: tuple[int, int]) -> None:
    """No plate covers a face or a plate, and all are inside."""
    assert len(plates) == len(faces)
    assert [shared(plate.box, face) for plate in plates for face in faces if shared(plate.box, face)] == []
    assert [(a, b) for a, b in itertools.combinations(plates, 2) if shared(a.box, b.box)] == []
    for plate in plates:
        assert 0 <= plate.box.left < plate.box.right <= size[0]
        assert 0 <= plate.box.top < plate.box.bottom <= size[1]


def test_a_single_caption_stands_above_its_face_and_in_full() -> None:
    (plate,) = arrange([Box(100, 100, 200, 200)], ["happiness 93%"], (640, 480), 1.0, measure)
    assert plate == Plate(Box(100, 79, 230, 99), ("happiness 93%",), 1.0, None)


@pytest.mark.parametrize(
    ("face", "place"),
    [
        (Box(100, 5, 200, 105), Box(100, 106, 230, 126)),  # no room above: below
        (Box(590, 100, 640, 150), Box(510, 79, 640, 99)),  # no room to the right: pushed inside
        (Box(100, -20, 300, 480), Box(301, 0, 431, 20)),  # neither above nor below: beside
    ],
)
def test_at_the_pictures_edge_it_stands_where_there_is_room(face: Box, place: Box) -> None:
    (plate,) = arrange([face], ["happiness 93%"], (640, 480), 1.0, measure)
    assert plate.box == place
    assert plate.leader is None


@pytest.mark.parametrize("caption", ["happiness 100%", LONG])
def test_six_people_in_a_row_have_a_caption_each_next_to_them(caption: str) -> None:
    faces = row(6)
    plates = arrange(faces, [caption] * 6, (640, 360), 1.0, measure)
    assert_clear(plates, faces, (640, 360))
    assert {" ".join(plate.lines) for plate in plates} == {caption}, "shrunk or broken in two, but in full"


def test_a_row_of_short_captions_needs_no_leader_lines() -> None:
    plates = arrange(row(6), ["happiness 100%"] * 6, (640, 360), 1.0, measure)
    assert [plate.leader for plate in plates] == [None] * 6


def test_a_caption_far_from_its_face_is_joined_to_it_by_a_line() -> None:
    # Three rows of faces from edge to edge: at those in the middle there is no room.
    faces = [Box(x, y, x + 80, y + 100) for y in (60, 160, 260) for x in range(0, 640, 80)]
    plates = arrange(faces, [LONG] * 24, (640, 480), 0.6, measure)
    assert_clear(plates, faces, (640, 480))
    joined = [(plate, face) for plate, face in zip(plates, faces, strict=True) if plate.leader is not None]
    assert joined
    for plate, face in joined:
        assert plate.leader is not None
        x, y, end_x, end_y = plate.leader
        assert plate.box.left <= x <= plate.box.right
        assert plate.box.top <= y <= plate.box.bottom
        assert face.left <= end_x <= face.right
        assert face.top <= end_y <= face.bottom


def test_no_plate_covers_anything_in_two_hundred_drawn_groups() -> None:
    luck = random.Random(7)
    for _ in range(200):
        faces = []
        for _ in range(luck.randint(1, 8)):
            x, y, side = luck.uniform(0, 580), luck.uniform(0, 420), luck.uniform(25, 110)
            faces.append(Box(x, y, x + side, y + side))
        captions = [luck.choice(["#3 happiness 93%", "neutral 51%", LONG]) for _ in faces]
        plates = arrange(faces, captions, (640, 480), 0.8, measure)
        assert_clear(plates, faces, (640, 480))


def test_where_there_is_no_room_at_all_every_caption_is_still_drawn_where_it_covers_least() -> None:
    whole = Box(0, 0, 100, 60)
    (plate,) = arrange([whole], [LONG], (100, 60), 1.0, measure)
    assert " ".join(plate.lines) == LONG
    # A face that leaves a strip free at the right: the plate covers as little of it as it can.
    (plate,) = arrange([Box(0, 0, 60, 60)], ["a b"], (75, 60), 1.0, measure)
    assert shared(plate.box, Box(0, 0, 60, 60)) <= 6 * 14


def test_no_faces_no_plates() -> None:
    assert arrange([], [], (640, 480), 1.0, measure) == ()
