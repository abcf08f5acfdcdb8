from __future__ import annotations

import gzip
import lzma
import tracemalloc
from pathlib import Path

import numpy as np
import pytest

from mien.errors import MienError
from mien_train.data import fer, fer_csv


def test_the_protocols_keep_the_published_numbers_of_images(real_data: Path) -> None:
    source = fer.load(real_data)
    sizes = {p: [len(fer.split(source, s, p).labels) for s in ("train", "val", "test")] for p in fer.PROTOCOLS}
    assert sizes["strict"] == [25060, 3199, 3153]
    assert sizes["loose"][2] == 3546
    assert sizes["fer2013"] == [28709, 3589, 3589]


def _source(votes: list[list[int]]) -> fer.Fer:
    n = len(votes)
    images = np.zeros((n, 48, 48), np.uint8)
    return fer.Fer(images, np.zeros(n, np.uint8), np.array(votes, np.uint8), np.zeros(n, np.uint8), "")


def test_strict_drops_single_votes_then_asks_for_more_than_half() -> None:
    #                        neutral happy surprise sad anger disgust fear contempt unknown NF
    source = _source(
        [
            [5, 1, 1, 1, 1, 1, 0, 0, 0, 0],  # 5 of 5 after the single votes go: kept
            [5, 5, 0, 0, 0, 0, 0, 0, 0, 0],  # exactly half: dropped
            [0, 0, 0, 0, 0, 0, 0, 0, 8, 2],  # unknown holds the majority: dropped
            [0, 6, 0, 0, 4, 0, 0, 0, 0, 0],  # 6 of 10: kept
        ]
    )
    strict = fer.split(source, "train", "strict")
    assert strict.rows.tolist() == [0, 3]
    assert strict.labels.tolist() == [0, 1]


def test_loose_takes_the_most_voted_column_if_it_is_an_emotion() -> None:
    source = _source([[3, 4, 3, 0, 0, 0, 0, 0, 0, 0], [0, 4, 0, 0, 0, 0, 0, 0, 6, 0]])
    loose = fer.split(source, "train", "loose")
    assert loose.rows.tolist() == [0]
    assert loose.labels.tolist() == [1]


def test_distributions_are_shares_of_the_votes_for_emotions() -> None:
    targets, _ = fer.distributions(_source([[6, 2, 1, 0, 0, 0, 0, 0, 1, 0], [0, 0, 0, 0, 0, 0, 0, 2, 8, 0]]), "train")
    assert targets.tolist() == [[0.75, 0.25, 0, 0, 0, 0, 0, 0]]


@pytest.mark.parametrize(("suffix", "opener"), [(".gz", gzip.open), (".xz", lzma.open)])
def test_compressed_csvs_read_like_plain_ones(small_data: Path, suffix: str, opener: object) -> None:
    plain = fer.load(small_data)
    raw = (small_data / "fer2013.csv").read_bytes()
    (small_data / "fer2013.csv").unlink()
    with opener(small_data / f"fer2013.csv{suffix}", "wb") as file:  # type: ignore[operator]
        file.write(raw)
    assert fer.load(small_data).sha256 == plain.sha256


def test_the_second_load_comes_from_the_cache_and_is_the_same(small_data: Path) -> None:
    first = fer.load(small_data)
    second = fer.load(small_data)
    assert first.sha256 == second.sha256
    assert np.array_equal(first.images, second.images)


GOOD = " ".join(["7"] * 2304)


@pytest.mark.parametrize(
    ("row", "message"),
    [
        ("0," + " ".join(["7"] * 2303) + ",Training", "row 1: has 2303 pixels; expected 2304"),
        ("0," + GOOD[:-1] + "300,Training", "row 1: a pixel is 300; expected 0 to 255"),
        ("0," + GOOD[:-1] + "-4,Training", "row 1: a pixel is '-4', no whole number"),
        ("0," + GOOD[:-1] + "x,Training", "row 1: a pixel is 'x', no whole number from 0 to 255"),
        ("7," + GOOD + ",Training", "row 1: emotion is '7'; expected 0 to 6"),
        ("²," + GOOD + ",Training", "row 1: emotion is .².; expected 0 to 6"),
        ('"0,' + GOOD * 30, "has a line of more than 65536 characters"),
        ('"0,' + GOOD, r"cannot be read \(unexpected end of data\)"),
        ('0,"' + GOOD + "\n1," + GOOD + '",Training', "row 1: a quoted field goes over several lines"),
        ("9" * 5000 + "," + GOOD + ",Training", "row 1: emotion is '9999"),
        ("٣," + GOOD + ",Training", "row 1: emotion is '٣'; expected 0 to 6"),
        ("0," + GOOD[:-1] + "99999999999999999999,Training", "row 1: a pixel is 99999999999999999999; expected"),
        ("0," + GOOD[:-1] + "1_0,Training", "row 1: a pixel is '1_0', no whole number"),
        ("0," + GOOD + ",Holiday", "row 1: Usage is 'Holiday'"),
        ("0,1 2 3", "row 1: has 2 fields"),
    ],
)
def test_a_malformed_row_is_named(tmp_path: Path, row: str, message: str) -> None:
    path = tmp_path / "fer2013.csv"
    path.write_text(f"emotion,pixels,Usage\n{row}\n")
    with pytest.raises(MienError, match=message) as caught:
        fer_csv.read_pixels(path)
    assert "\n" not in str(caught.value)


def test_a_truncated_archive_is_named(tmp_path: Path) -> None:
    path = tmp_path / "fer2013.csv.xz"
    path.write_bytes(lzma.compress(f"emotion,pixels,Usage\n0,{GOOD},Training\n".encode())[:-20])
    with pytest.raises(MienError, match="cannot be read"):
        fer_csv.read_pixels(path)


def test_missing_data_says_where_it_comes_from(tmp_path: Path) -> None:
    with pytest.raises(MienError, match=r"fer2013\.csv.*Kaggle.*FERPlus"):
        fer.load(tmp_path)


def test_a_byte_order_mark_is_no_part_of_the_header(small_data: Path) -> None:
    plain = fer.load(small_data)
    for name in ("fer2013.csv", "fer2013new.csv"):
        (small_data / name).write_bytes(b"\xef\xbb\xbf" + (small_data / name).read_bytes())
    assert fer.load(small_data).sha256 == plain.sha256


def test_votes_of_other_images_are_refused(small_data: Path) -> None:
    path = small_data / "fer2013new.csv"
    head, *rows = path.read_text().splitlines()
    path.write_text("\n".join([head, *rows[::-1]]) + "\n")
    with pytest.raises(MienError, match=r"row 1: Usage is \w+ but in fer2013\.csv \w+; both must list the same images"):
        fer.load(small_data)


def test_a_line_without_an_end_does_not_fill_the_memory(tmp_path: Path) -> None:
    path = tmp_path / "fer2013.csv.gz"
    with gzip.open(path, "wb", 1) as file:
        file.write(b"emotion,pixels,Usage\n0,")
        for _ in range(200):
            file.write(b"7 " * (1 << 20))
    tracemalloc.start()
    with pytest.raises(MienError, match="has a line of more than 65536 characters"):
        fer_csv.read_pixels(path)
    assert tracemalloc.get_traced_memory()[1] < 20 << 20
    tracemalloc.stop()


def test_truncated_votes_keep_the_columns_that_decide() -> None:
    #                        neutral happy surprise sad anger disgust fear contempt unknown NF
    source = _source(
        [
            [8, 1, 1, 0, 0, 0, 0, 0, 0, 0],  # single votes count as none: neutral alone
            [6, 2, 2, 0, 0, 0, 0, 0, 0, 0],  # 6 of 10 are too few; with the first 2 there are 8 of 10
            [5, 5, 0, 0, 0, 0, 0, 0, 0, 0],  # both: kept here, where the majority drops it
            [3, 0, 0, 3, 2, 0, 2, 0, 0, 0],  # 3 + 3 + 2 of 10
            [2, 2, 2, 2, 2, 0, 0, 0, 0, 0],  # takes four columns: dropped
            [0, 4, 0, 0, 0, 0, 0, 0, 6, 0],  # of the 10, unknown holds more than half: dropped
            [0, 6, 0, 0, 0, 0, 0, 0, 4, 0],  # 6 + 4: emotions hold more than half
            [1, 1, 1, 1, 1, 1, 1, 1, 1, 1],  # nothing is left: dropped
        ]
    )
    targets, rows = fer.truncated(source, "train")
    assert rows.tolist() == [0, 1, 2, 3, 6]
    expected = [[1.0], [0.75, 0.25], [0.5, 0.5], [3 / 8, 0, 0, 3 / 8, 2 / 8], [0, 1.0]]
    assert targets.tolist() == [pytest.approx([*row, *[0] * (8 - len(row))]) for row in expected]


def test_truncated_votes_keep_more_of_the_real_images_than_the_majority(real_data: Path) -> None:
    assert len(fer.truncated(fer.load(real_data), "train")[1]) == 28282
