from __future__ import annotations

from pathlib import Path

import cv2
import numpy as np
import pytest

from mien.errors import MienError
from mien_train.data import fer, ferplus_folders


def test_every_named_image_is_written_with_its_pixels_and_votes(small_data: Path, tmp_path: Path) -> None:
    votes = (small_data / "fer2013new.csv").read_text().replace("fer0000003.png", "")
    (small_data / "fer2013new.csv").write_text(votes)
    counts = ferplus_folders.write(small_data, tmp_path / "out")
    assert counts == {"FER2013Train": 63, "FER2013Valid": 16, "FER2013Test": 16}
    source = fer.load(small_data)
    for row, folder in ((0, "FER2013Train"), (33, "FER2013Valid"), (40, "FER2013Test")):
        written = cv2.imread(str(tmp_path / "out" / folder / f"fer{row:07d}.png"), cv2.IMREAD_UNCHANGED)
        assert written is not None
        assert np.array_equal(written, source.images[row])
    lines = (tmp_path / "out" / "FER2013Train" / "label.csv").read_text().splitlines()
    assert lines[0] == 'fer0000000.png,"(0, 0, 48, 48)",10,0,0,0,0,0,0,0,0,0'
    assert len(lines) == 63
    assert not any(line.startswith(("fer0000003", ",")) for line in lines)


def test_a_second_run_changes_nothing_and_foreign_content_is_not_overwritten(small_data: Path, tmp_path: Path) -> None:
    out = tmp_path / "out"
    ferplus_folders.write(small_data, out, size=64)
    before = {p: p.read_bytes() for p in out.rglob("*") if p.is_file()}
    assert len(before) == 96 + 3
    assert cv2.imread(str(out / "FER2013Train" / "fer0000000.png"), cv2.IMREAD_UNCHANGED).shape == (64, 64)
    ferplus_folders.write(small_data, out, size=64)
    assert {p: p.read_bytes() for p in out.rglob("*") if p.is_file()} == before
    with pytest.raises(MienError, match=r"fer0000000\.png: is there already with other content"):
        ferplus_folders.write(small_data, out)
    assert {p: p.read_bytes() for p in out.rglob("*") if p.is_file()} == before


def test_a_name_that_leads_elsewhere_is_refused(small_data: Path) -> None:
    path = small_data / "fer2013new.csv"
    path.write_text(path.read_text().replace("fer0000001.png", "../fer.png"))
    with pytest.raises(MienError, match=r"row 2: the image name is '\.\./fer\.png'"):
        ferplus_folders.image_names(path)


def test_of_two_rows_with_one_name_the_last_stays(small_data: Path, tmp_path: Path) -> None:
    path = small_data / "fer2013new.csv"
    path.write_text(path.read_text().replace("fer0000001.png", "fer0000000.png"))
    assert ferplus_folders.write(small_data, tmp_path / "out")["FER2013Train"] == 63
    folder = tmp_path / "out" / "FER2013Train"
    written = cv2.imread(str(folder / "fer0000000.png"), cv2.IMREAD_UNCHANGED)
    assert written is not None
    assert np.array_equal(written, fer.load(small_data).images[1])
    assert (folder / "label.csv").read_text().splitlines()[0].endswith(",0,10,0,0,0,0,0,0,0,0")


def test_without_ferplus_there_are_no_names(small_data: Path, tmp_path: Path) -> None:
    (small_data / "fer2013new.csv").unlink()
    with pytest.raises(MienError, match=r"holds no fer2013new\.csv"):
        ferplus_folders.write(small_data, tmp_path / "out")


def test_real_names_count_as_in_the_published_folders(real_data: Path) -> None:
    names = ferplus_folders.image_names(real_data / "fer2013new.csv")
    assert len(names) == 35887
    assert names.count("") == 173  # those that FER+ leaves out: "not a face"
    assert len({name for name in names if name}) == 35710  # as in the published folders: four names are used twice
    assert names[28709] == "fer0028638.png"  # the first line of Microsoft's FER2013Valid/label.csv
