from __future__ import annotations

from mien.errors import MienError, one_line


def test_an_error_is_one_line_whatever_the_name_in_it() -> None:
    assert str(MienError("/a\nb\x1b[31m\udcff.png: missing")) == r"/a\nb\x1b[31m\udcff.png: missing"
    assert str(MienError("é × − … is printable")) == "é × − … is printable"


def test_of_a_huge_value_the_beginning_and_what_to_do_stay() -> None:
    text = one_line(f"pixels is {'7 ' * 5000}; give 2304 numbers")
    assert len(text) < 1000
    assert text.startswith("pixels is 7 7 7")
    assert text.endswith("; give 2304 numbers")
