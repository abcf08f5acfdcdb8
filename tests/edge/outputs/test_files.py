from __future__ import annotations

import os
from pathlib import Path

import pytest

from mien.errors import MienError
from mien.outputs.files import make_folder, write_whole


def test_a_file_is_written_and_nothing_stays_beside_it(tmp_path: Path) -> None:
    write_whole(tmp_path / "a.png", b"one")
    write_whole(tmp_path / "a.png", b"two")
    assert (tmp_path / "a.png").read_bytes() == b"two"
    assert os.listdir(tmp_path) == ["a.png"]


def test_a_file_that_cannot_be_put_in_place_leaves_nothing_beside_it(tmp_path: Path) -> None:
    (tmp_path / "a.png").mkdir()
    with pytest.raises(MienError, match=r"a\.png: cannot be written \(Is a directory\); check the space"):
        write_whole(tmp_path / "a.png", b"one")
    assert os.listdir(tmp_path) == ["a.png"]
    with pytest.raises(MienError, match="File name too long"):
        write_whole(tmp_path / ("x" * 300), b"one")
    assert os.listdir(tmp_path) == ["a.png"]


def test_any_name_can_be_written_and_is_shown_in_errors(tmp_path: Path) -> None:
    name = os.fsdecode(b"caf\xe9.png")
    write_whole(tmp_path / name, b"one")
    assert os.listdir(os.fsencode(tmp_path)) == [b"caf\xe9.png"]
    with pytest.raises(MienError, match=r"caf\\udce9\.png") as caught:
        write_whole(tmp_path / name / "b", b"one")
    str(caught.value).encode("utf-8")


def test_a_folder_that_cannot_be_made_is_an_error(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    with pytest.raises(MienError, match="cannot be written"):
        make_folder(tmp_path / "file" / "folder")
