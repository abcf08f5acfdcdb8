"""FER2013's and FER+'s tables: what is written is read, and what is spoilt is refused with its row."""

from __future__ import annotations

import csv
import io
from functools import partial
from pathlib import Path

import numpy as np
import pytest
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st
from strategies import refused, taken, texts

from mien_train.data import emotion_data, fer_csv

USAGES = list(fer_csv.USAGES.values())
COLUMNS = ("emotion", "pixels", "Usage")
SPOILT = texts | st.sampled_from(
    [
        "-1",
        "7",
        "256",
        "1e3",
        "1.5",
        "inf",
        "0x10",
        "٣",
        "²",
        "1_0",
        "+1",
        "9" * 30,
        "Training ",
        '"',
        '""',
        "\ufeff",
        ",",
    ]
)

in_one_folder = settings(suppress_health_check=[HealthCheck.function_scoped_fixture])


def _written(rows: list[list[str]], delimiter: str, bom: bool, quoting: int) -> bytes:
    file = io.StringIO(newline="")
    csv.writer(file, lineterminator=delimiter, quoting=quoting).writerows(rows)  # type: ignore[arg-type]
    return ("\ufeff" if bom else "").encode() + file.getvalue().encode("utf-8", "surrogatepass")


layouts = st.tuples(st.sampled_from(["\n", "\r\n"]), st.booleans(), st.sampled_from([csv.QUOTE_MINIMAL, csv.QUOTE_ALL]))


def _pixels(seed: int) -> np.ndarray:
    return np.random.default_rng(seed).integers(0, 256, (48, 48), dtype=np.uint8)


@in_one_folder
@given(
    st.lists(st.tuples(st.integers(0, 6), st.integers(0, 99), st.integers(0, 2)), min_size=1, max_size=4),
    st.permutations(COLUMNS),
    st.sampled_from(["", " "]),
    layouts,
)
def test_pixels_written_in_any_layout_are_read_as_they_were(
    tmp_path: Path,
    rows: list[tuple[int, int, int]],
    columns: list[str],
    blank: str,
    layout: tuple[str, bool, int],
) -> None:
    fields = [
        {"emotion": str(label), "pixels": " ".join(map(str, _pixels(seed).ravel())), "Usage": USAGES[usage]}
        for label, seed, usage in rows
    ]
    table = [[blank + column for column in columns], *([row[column] for column in columns] for row in fields)]
    path = tmp_path / "fer2013.csv"
    path.write_bytes(_written(table, *layout))
    images, labels, usage = fer_csv.read_pixels(path)
    assert np.array_equal(images, np.stack([_pixels(seed) for _, seed, _ in rows]))
    assert labels.tolist() == [label for label, _, _ in rows]
    assert usage.tolist() == [number for _, _, number in rows]


@in_one_folder
@given(
    st.lists(st.tuples(st.integers(0, 2), st.lists(st.integers(0, 255), min_size=10, max_size=10)), max_size=6),
    layouts,
)
def test_votes_written_in_any_layout_are_read_as_they_were(
    tmp_path: Path, rows: list[tuple[int, list[int]]], layout: tuple[str, bool, int]
) -> None:
    header = ["Usage", "Image name", *(f"vote {number}" for number in range(10))]
    path = tmp_path / "fer2013new.csv"
    table = [[USAGES[usage], f"fer{n}.png", *map(str, counts)] for n, (usage, counts) in enumerate(rows)]
    path.write_bytes(_written([header, *table], *layout))
    votes, usage = fer_csv.read_votes(path)
    assert votes.shape == (len(rows), 10)
    assert votes.tolist() == [counts for _, counts in rows]
    assert usage.tolist() == [number for number, _ in rows]


@in_one_folder
@given(st.integers(0, 2), st.integers(0, 2), SPOILT, layouts)
@example(1, 1, "0 " * 2303, ("\n", False, csv.QUOTE_MINIMAL))
@example(1, 2, "Training\n", ("\n", False, csv.QUOTE_ALL))
def test_a_spoilt_field_is_refused_in_one_line_or_means_what_it_says(
    tmp_path: Path, row: int, column: int, field: str, layout: tuple[str, bool, int]
) -> None:
    table = [[*COLUMNS], *(["3", " ".join(map(str, _pixels(n).ravel())), "Training"] for n in range(2))]
    table[row][column] = field
    path = tmp_path / "fer2013.csv"
    path.write_bytes(_written(table, *layout))
    found = taken(lambda: fer_csv.read_pixels(path))
    if found is None:
        return
    images, labels, usage = found
    assert images.shape == (2, 48, 48)
    if row and column == 0:
        assert field.strip() == str(labels[row - 1]) or field.strip().lstrip("0") == str(labels[row - 1])
    elif row and column == 2:
        assert field.strip() == USAGES[usage[row - 1]]
    else:
        assert row == 0
        assert field.strip() == COLUMNS[column]


@in_one_folder
@given(st.binary(max_size=300) | texts.map(lambda text: text.encode("utf-8", "surrogatepass")))
@pytest.mark.parametrize("suffix", [".csv", ".csv.gz", ".csv.xz", ".zip"])
def test_bytes_that_are_no_table_are_refused_in_one_line(tmp_path: Path, suffix: str, raw: bytes) -> None:
    path = tmp_path / f"fer2013{suffix}"
    path.write_bytes(raw)
    for read in (fer_csv.read_pixels, fer_csv.read_votes, fer_csv.image_names):
        refused(partial(read, path))


@in_one_folder
@given(st.lists(st.integers(0, 1 << 40), max_size=8), st.lists(SPOILT, max_size=2))
def test_rows_to_leave_out_are_whole_numbers_or_refused(tmp_path: Path, rows: list[int], more: list[str]) -> None:
    path = tmp_path / "exclude.csv"
    table = [["why", "row"], *(["x", str(row)] for row in rows), *(["x", field] for field in more)]
    path.write_bytes(_written(table, "\n", False, csv.QUOTE_MINIMAL))
    found = taken(lambda: emotion_data.excluded(str(path)))
    if found is None:
        assert more
        return
    assert found.dtype == np.int64
    assert found.tolist() == rows + [int(field) for field in more]
