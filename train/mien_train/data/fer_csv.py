"""The CSV files of FER2013 (Kaggle) and FER+ (Microsoft), plain or compressed, row by row with every row checked."""

from __future__ import annotations

import csv
import gzip
import io
import lzma
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
_DAMAGE = (
    *(OSError, EOFError, UnicodeDecodeError, csv.Error),
    *(lzma.LZMAError, zlib.error, zipfile.BadZipFile),
    RuntimeError,  # of zipfile: a locked archive, or a compression it does not know
)


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
    with opened(path) as file:
        rows = csv.reader(file)
        header = [name.strip() for name in next(rows, [])]
        if sorted(header) != sorted(_COLUMNS):
            raise MienError(f"{path}: the header is {','.join(header)!r}; expected {','.join(_COLUMNS)}, in any order")
        order = [header.index(name) for name in _COLUMNS]
        for number, row in enumerate(progress(rows, path.name, unit="rows"), start=1):
            where = f"{path}, row {number}"
            if len(row) != len(header):
                raise MienError(f"{where}: has {len(row)} fields; expected {','.join(header)}")
            emotion, text, split = (row[column].strip() for column in order)
            if not emotion.isdecimal() or int(emotion) >= len(FER2013):
                raise MienError(f"{where}: emotion is {emotion!r}; expected 0 to {len(FER2013) - 1}")
            if split not in usages:
                raise MienError(f"{where}: Usage is {split!r}; expected one of {', '.join(usages)}")
            images.append(_pixels(text, where))
            labels.append(int(emotion))
            usage.append(usages.index(split))
    if not images:
        raise MienError(f"{path}: holds no rows")
    return np.stack(images), np.array(labels, np.uint8), np.array(usage, np.uint8)


def read_votes(path: Path) -> NDArray[np.uint8]:
    """Read FER+'s `fer2013new.csv` → uint8 votes (N, 10); see `mien_train.data.fer.Fer.votes`.

    Raises:
        MienError: names the row and what is wrong with it.
    """
    votes = []
    with opened(path) as file:
        rows = csv.reader(file)
        header = next(rows, [])
        if len(header) != 2 + _COUNTS or header[0].strip() != "Usage":
            raise MienError(
                f"{path}: the header is {','.join(header)!r}; expected FER+'s Usage,Image name and ten votes"
            )
        for number, row in enumerate(rows, start=1):
            if len(row) != 2 + _COUNTS or not all(v.strip().isdecimal() and int(v) <= 255 for v in row[2:]):
                raise MienError(
                    f"{path}, row {number}: expected Usage, image name and ten vote counts, found {','.join(row)!r}"
                )
            votes.append([int(v) for v in row[2:]])
    return np.array(votes, np.uint8).reshape(-1, _COUNTS)


@contextmanager
def opened(path: Path) -> Iterator[IO[str]]:
    """The text of a CSV file, or of the one in a .gz, .xz or .zip.

    Raises:
        MienError: it cannot be read to its end.
    """
    try:
        with _text(path) as file:
            yield file
    except _DAMAGE as error:
        raise MienError(
            f"{path}: cannot be read ({error or type(error).__name__}); it is damaged or cut short, fetch it again"
        ) from None


@contextmanager
def _text(path: Path) -> Iterator[IO[str]]:
    if path.suffix == ".zip":
        with zipfile.ZipFile(path) as archive:
            names = [name for name in archive.namelist() if name.endswith(".csv")]
            own = [name for name in names if Path(name).stem == path.name.split(".")[0]] or names
            if len(own) != 1:
                raise MienError(
                    f"{path}: holds {len(names)} CSV files; expected one, or one called {path.name.split('.')[0]}.csv"
                )
            with archive.open(own[0]) as raw, io.TextIOWrapper(raw, newline="") as file:
                yield file
        return
    opener = {".gz": gzip.open, ".xz": lzma.open}.get(path.suffix, open)
    with opener(path, "rt", newline="") as file:  # type: ignore[operator] # three openers, one way of calling
        yield file


def _pixels(text: str, where: str) -> NDArray[np.uint8]:
    try:
        values = np.array(text.split(), dtype=np.int64)
    except ValueError:
        raise MienError(f"{where}: a pixel is no whole number; expected {SIDE * SIDE} numbers from 0 to 255") from None
    if values.size != SIDE * SIDE:
        raise MienError(f"{where}: has {values.size} pixels; expected {SIDE * SIDE}")
    if values.min() < 0 or values.max() > 255:
        wrong = values[(values < 0) | (values > 255)][0]
        raise MienError(f"{where}: a pixel is {wrong}; expected 0 to 255")
    return values.astype(np.uint8).reshape(SIDE, SIDE)
