"""The CSV files of FER2013 (Kaggle) and FER+ (Microsoft), plain or compressed, row by row with every row checked."""

from __future__ import annotations

import csv
import gzip
import io
import lzma
import re
import struct
import zipfile
import zlib
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import IO

import numpy as np
from numpy.typing import NDArray

from mien.errors import MienError
from mien_train.data import store
from mien_train.training.progress import progress

FER2013 = ("anger", "disgust", "fear", "happiness", "sadness", "surprise", "neutral")
"""FER2013's seven emotions, by number."""
USAGES = {"train": "Training", "val": "PublicTest", "test": "PrivateTest"}
SIDE = 48
"""Of every image, pixels."""

_PIXELS = ("fer2013", "icml_face_data")
_VOTES = "fer2013new"
_SUFFIXES = (".csv", ".csv.gz", ".csv.xz", ".csv.zip", ".zip")
_COLUMNS = ("emotion", "pixels", "Usage")
_COUNTS = 10
_LONGEST = 1 << 16
"""Characters of a line: 2304 pixels take 9,216 at the most. More is no such table, and may not fit into memory."""
_PIXELS_TEXT = re.compile(r"[0-9 ]*")
DAMAGE = (
    *(OSError, EOFError, UnicodeDecodeError, csv.Error),
    *(lzma.LZMAError, zlib.error, struct.error, zipfile.BadZipFile, MemoryError),
    RuntimeError,  # of zipfile: a locked archive, or a compression it does not know
)
"""What reading a damaged file, or one out of a damaged archive, raises."""


def find_pixels(folder: Path) -> Path:
    """Path of Kaggle's `fer2013.csv` or `icml_face_data.csv`, plain or compressed, in a folder.

    Raises:
        MienError: there is none.
    """
    found = [folder / f"{stem}{suffix}" for stem in _PIXELS for suffix in _SUFFIXES]
    for path in found:
        if path.is_file():
            return path
    raise MienError(
        f"{folder}: holds no fer2013.csv or icml_face_data.csv (plain, .gz, .xz or .zip), which this needs; "
        f"{store.WHERE}"
    )


def find_votes(folder: Path) -> Path | None:
    """Path of FER+'s `fer2013new.csv`, plain or compressed, or None."""
    return next((p for s in _SUFFIXES if (p := folder / f"{_VOTES}{s}").is_file()), None)


def read_pixels(path: Path) -> tuple[NDArray[np.uint8], NDArray[np.uint8], NDArray[np.uint8]]:
    """Read Kaggle's CSV: columns emotion, pixels and Usage in any order, with or without blanks before their names.

    Returns:
        uint8 images (N, 48, 48), labels (N,), index into `FER2013`, and usage (N,), index into the keys of `USAGES`.

    Raises:
        MienError: names the row (1 is the first after the header) and what is wrong with it.
    """
    usages = list(USAGES.values())
    images, labels, usage = [], [], []
    with opened(path) as rows:
        header = [name.strip() for name in next(rows, [])]
        if sorted(header) != sorted(_COLUMNS):
            raise MienError(
                f"{path}: the header is {','.join(header)[:80]!r}; expected {','.join(_COLUMNS)}, in any order"
            )
        order = [header.index(name) for name in _COLUMNS]
        for number, row in enumerate(progress(rows, path.name, unit="rows"), start=1):
            where = f"{path}, row {number}"
            if len(row) != len(header):
                raise MienError(f"{where}: has {len(row)} fields; expected {','.join(header)}")
            emotion, text, split = (row[column].strip() for column in order)
            if (label := whole(emotion, len(FER2013) - 1)) is None:
                raise MienError(f"{where}: emotion is {emotion[:40]!r}; expected 0 to {len(FER2013) - 1}")
            if split not in usages:
                raise MienError(f"{where}: Usage is {split[:40]!r}; expected one of {', '.join(usages)}")
            images.append(_pixels(text, where))
            labels.append(label)
            usage.append(usages.index(split))
    if not images:
        raise MienError(f"{path}: holds no rows")
    return np.stack(images), np.array(labels, np.uint8), np.array(usage, np.uint8)


def read_votes(path: Path) -> tuple[NDArray[np.uint8], NDArray[np.uint8]]:
    """Read FER+'s `fer2013new.csv`.

    Returns:
        uint8 votes (N, 10), see `mien_train.data.fer.Fer.votes`, and usage (N,), index into the keys of `USAGES`.

    Raises:
        MienError: names the row and what is wrong with it.
    """
    votes, usage, usages = [], [], list(USAGES.values())
    with opened(path) as rows:
        for number, row in _named(rows, path):
            counts = [whole(text.strip(), 255) for text in row[2:]]
            if None in counts:
                raise MienError(f"{path}, row {number}: expected ten vote counts, found {','.join(row[2:])[:80]!r}")
            if row[0].strip() not in usages:
                raise MienError(
                    f"{path}, row {number}: Usage is {row[0].strip()[:40]!r}; expected one of {', '.join(usages)}"
                )
            votes.append(counts)
            usage.append(usages.index(row[0].strip()))
    return np.array(votes, np.uint8).reshape(-1, _COUNTS), np.array(usage, np.uint8)


def image_names(path: Path) -> tuple[str, ...]:
    """The `Image name` of each row of FER+'s CSV; empty where FER+ names none.

    Raises:
        MienError: a row is malformed; names it (1 is the first after the header).
    """
    with opened(path) as rows:
        return tuple(row[1].strip() for _, row in _named(rows, path))


def whole(text: str, most: int) -> int | None:
    """The whole number from 0 to `most` that a text holds in ASCII digits, or None."""
    if not (text.isascii() and text.isdigit()) or len(text) > 18:
        return None
    return int(text) if int(text) <= most else None


def _named(rows: Iterator[list[str]], path: Path) -> Iterator[tuple[int, list[str]]]:
    """Numbers, from 1, and fields of FER+'s rows: a Usage, an image name and ten votes."""
    header = next(rows, [])
    if len(header) != 2 + _COUNTS or header[0].strip() != "Usage":
        raise MienError(
            f"{path}: the header is {','.join(header)[:80]!r}; expected FER+'s Usage,Image name and ten votes"
        )
    for number, row in enumerate(rows, start=1):
        if len(row) != 2 + _COUNTS:
            raise MienError(
                f"{path}, row {number}: expected Usage, image name and ten vote counts, found {','.join(row)[:80]!r}"
            )
        yield number, row


@contextmanager
def opened(path: Path) -> Iterator[Iterator[list[str]]]:
    """The rows of a CSV file, or of the one in a .gz, .xz or .zip.

    Raises:
        MienError: it cannot be read to its end, or a row goes over several lines.
    """
    try:
        with _text(path) as file:
            yield _rows(file, path)
    except DAMAGE as error:
        reason = (error.strerror if isinstance(error, OSError) else None) or str(error) or type(error).__name__
        raise MienError(f"{path}: cannot be read ({reason}); it is damaged or cut short, fetch it again") from None


def _rows(file: IO[str], path: Path) -> Iterator[list[str]]:
    def lines() -> Iterator[str]:
        while line := file.readline(_LONGEST):
            if len(line) == _LONGEST:
                raise MienError(f"{path}: has a line of more than {_LONGEST} characters; no such table has")
            yield line

    reader = csv.reader(lines(), strict=True)
    for number, row in enumerate(reader):
        # A stray quote would otherwise swallow the rows up to the next one.
        if any("\n" in field or "\r" in field for field in row):
            raise MienError(f"{path}, row {number}: a quoted field goes over several lines; remove the quote")
        yield row


@contextmanager
def _text(path: Path) -> Iterator[IO[str]]:
    """The text, in UTF-8, with or without a byte order mark."""
    if path.suffix == ".zip":
        with zipfile.ZipFile(path) as archive:
            names = [name for name in archive.namelist() if name.endswith(".csv")]
            own = [name for name in names if Path(name).stem == path.name.split(".")[0]] or names
            if len(own) != 1:
                raise MienError(
                    f"{path}: holds {len(names)} CSV files; expected one, or one called {path.name.split('.')[0]}.csv"
                )
            with archive.open(own[0]) as raw, io.TextIOWrapper(raw, "utf-8-sig", newline="") as file:
                yield file
        return
    opener = {".gz": gzip.open, ".xz": lzma.open}.get(path.suffix, open)
    with opener(path, "rt", encoding="utf-8-sig", newline="") as file:  # type: ignore[operator] # one way of calling
        yield file


def _pixels(text: str, where: str) -> NDArray[np.uint8]:
    words = text.split()
    if not _PIXELS_TEXT.fullmatch(text):
        wrong = next((word for word in words if not (word.isascii() and word.isdigit())), text)
        raise MienError(f"{where}: a pixel is {wrong[:40]!r}, no whole number from 0 to 255")
    if len(words) != SIDE * SIDE:
        raise MienError(f"{where}: has {len(words)} pixels; expected {SIDE * SIDE}")
    if len(longest := max(words, key=len)) > 18:  # digits that an int64 always holds
        raise MienError(f"{where}: a pixel is {longest[:40]}; expected 0 to 255")
    values = np.array(words, dtype=np.int64)
    if values.max() > 255:
        raise MienError(f"{where}: a pixel is {values[values > 255][0]}; expected 0 to 255")
    return values.astype(np.uint8).reshape(SIDE, SIDE)
