from __future__ import annotations

from sink_fakes import reading, result

from mien.outputs.text import TextLines


def test_a_line_ends_with_the_picture_where_there_is_one() -> None:
    (line,) = TextLines()(result(0, reading(), name="hall/Zoë 1.png"))
    assert line.endswith("  hall/Zoë 1.png")


def test_a_name_with_line_ends_and_terminal_codes_stays_in_its_line() -> None:
    (line,) = TextLines()(result(0, reading(), name="a\nb\x1b[2J\udcff.png"))
    assert line.endswith(r"  a\nb\x1b[2J\udcff.png")


def test_a_line_of_a_recording_or_a_camera_names_no_file() -> None:
    lines = TextLines()
    (recorded,) = lines(result(0, reading(1), name="hall.mp4", media=0.5))
    (live,) = lines(result(1, reading(2)))
    assert "hall.mp4" not in recorded
    assert not live.endswith(" ")
