"""FER2013 and FER+ as arrays: Kaggle's CSV of pixels, Microsoft's CSV of votes, and the three protocols."""

from __future__ import annotations

import csv
import gzip
import lzma
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import IO, Any

import numpy as np
from numpy.typing import NDArray
from tqdm import tqdm

from mien.errors import MienError
from mien_train import data

FERPLUS = ("neutral", "happiness", "surprise", "sadness", "anger", "disgust", "fear", "contempt")
"""FER+'s eight emotions, in the order of its columns."""
FER2013 = ("anger", "disgust", "fear", "happiness", "sadness", "surprise", "neutral")
"""FER2013's seven emotions, by number."""
USAGES = {"train": "Training", "val": "PublicTest", "test": "PrivateTest"}
PROTOCOLS = ("strict", "loose", "fer2013")

_OPENERS: dict[str, Any] = {".gz": gzip.open, ".xz": lzma.open}
_SIDE = 48
_VOTES = 10


@dataclass(frozen=True, slots=True, eq=False)
class Fer:
    """Both data sets, row by row.

    Attributes:
        images: uint8 (N, 48, 48), luma.
        labels: uint8 (N,), index into `FER2013`.
        votes: uint8 (N, 10), FER+'s columns: the eight of `FERPLUS`, unknown, not a face.
        usage: uint8 (N,), index into the keys of `USAGES`.
        sha256: of all four arrays.
    """

    images: NDArray[np.uint8]
    labels: NDArray[np.uint8]
    votes: NDArray[np.uint8]
    usage: NDArray[np.uint8]
    sha256: str


@dataclass(frozen=True, slots=True, eq=False)
class Split:
    """Images of one split with labels under one protocol.

    Attributes:
        images: uint8 (n, 48, 48).
        labels: int64 (n,), index into `names`.
        names: label names.
        rows: int64 (n,), row in the CSV, from 0.
    """

    images: NDArray[np.uint8]
    labels: NDArray[np.int64]
    names: tuple[str, ...]
    rows: NDArray[np.int64]


def load(folder: Path) -> Fer:
    """Read both CSVs of a folder, or the cached arrays of the same files.

    Raises:
        MienError: a file is missing, or a row is malformed; names the file, the row and the value.
    """
    pixels, votes = find_pixels(folder), folder / "fer2013new.csv"
    if not votes.is_file():
        raise MienError(f"{votes}: missing; {data.WHERE}")
    cached = data.cache() / f"fer-{data.file_sha256(pixels)[:16]}-{data.file_sha256(votes)[:16]}.npz"
    if cached.is_file():
        with np.load(cached) as stored:
            images, labels, vote, usage = (stored[k] for k in ("images", "labels", "votes", "usage"))
    else:
        images, labels, usage = read_pixels(pixels)
        vote = read_votes(votes)
        if len(vote) != len(images):
            raise MienError(
                f"{votes} has {len(vote)} rows but {pixels.name} has {len(images)}; "
                "both must list the same images in the same order"
            )
        data.save_arrays(cached, images=images, labels=labels, votes=vote, usage=usage)
    return Fer(images, labels, vote, usage, data.array_sha256(images, labels, vote, usage))


def find_pixels(folder: Path) -> Path:
    """Path of `fer2013.csv`, plain or compressed, in a folder."""
    for suffix in ("", ".gz", ".xz"):
        path = folder / f"fer2013.csv{suffix}"
        if path.is_file():
            return path
    raise MienError(f"{folder}: holds no fer2013.csv, fer2013.csv.gz or fer2013.csv.xz; {data.WHERE}")


def read_pixels(path: Path) -> tuple[NDArray[np.uint8], NDArray[np.uint8], NDArray[np.uint8]]:
    """Read Kaggle's `emotion,pixels,Usage` CSV (.csv, .gz or .xz).

    Returns:
        uint8 images (N, 48, 48), labels (N,) and usage (N,).

    Raises:
        MienError: names the row (1 is the first after the header) and what is wrong with it.
    """
    usages = list(USAGES.values())
    images, labels, usage = [], [], []
    with _opened(path) as file:
        rows = csv.reader(file)
        header = [name.strip() for name in next(rows, [])]
        if header != ["emotion", "pixels", "Usage"]:
            raise MienError(f"{path}: the header is {','.join(header)!r}; expected emotion,pixels,Usage")
        for number, row in enumerate(tqdm(rows, desc=path.name, unit=" rows", leave=False, disable=None), start=1):
            where = f"{path}, row {number}"
            if len(row) != 3:
                raise MienError(f"{where}: has {len(row)} fields; expected emotion,pixels,Usage")
            emotion, text, split = (field.strip() for field in row)
            if not emotion.isdigit() or int(emotion) >= len(FER2013):
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
    """Read FER+'s `fer2013new.csv` → uint8 votes (N, 10); see `Fer.votes`."""
    votes = []
    with _opened(path) as file:
        rows = csv.reader(file)
        header = next(rows, [])
        if len(header) != 2 + _VOTES or header[0].strip() != "Usage":
            raise MienError(
                f"{path}: the header is {','.join(header)!r}; expected FER+'s Usage,Image name and ten votes"
            )
        for number, row in enumerate(rows, start=1):
            if len(row) != 2 + _VOTES or not all(v.strip().isdigit() and int(v) <= 255 for v in row[2:]):
                raise MienError(
                    f"{path}, row {number}: expected Usage, image name and ten vote counts, found {','.join(row)!r}"
                )
            votes.append([int(v) for v in row[2:]])
    return np.array(votes, np.uint8).reshape(-1, _VOTES)


def split(fer: Fer, name: str, protocol: str) -> Split:
    """The images and labels of a split ("train", "val", "test") under a protocol.

    strict: the FER+ paper's majority mode (Barsoum et al. 2016): votes of 1 count as none; an image stays if one
    of the eight emotions holds more than half of the rest. loose: the most voted of all ten columns, if it is
    an emotion. fer2013: the original seven labels.
    """
    if name not in USAGES:
        raise MienError(f"unknown split {name!r}; choose one of {', '.join(USAGES)}")
    if protocol not in PROTOCOLS:
        raise MienError(f"unknown protocol {protocol!r}; choose one of {', '.join(PROTOCOLS)}")
    here = fer.usage == list(USAGES).index(name)
    if protocol == "fer2013":
        rows = np.flatnonzero(here)
        return Split(fer.images[rows], fer.labels[rows].astype(np.int64), FER2013, rows)
    votes = fer.votes.astype(np.int64)
    if protocol == "strict":
        votes[votes <= 1] = 0
    top = votes.argmax(axis=1)
    kept = here & (top < len(FERPLUS))
    if protocol == "strict":
        kept &= 2 * votes.max(axis=1) > votes.sum(axis=1)
    rows = np.flatnonzero(kept)
    return Split(fer.images[rows], top[rows], FERPLUS, rows)


def distributions(fer: Fer, name: str) -> tuple[NDArray[np.uint8], NDArray[np.float32]]:
    """Images of a split with what the annotators saw, as shares of the eight emotions.

    Votes of 1 count as none, as in the strict protocol; an image stays if more than half of the rest went to
    emotions (rather than to "unknown" or "not a face").

    Returns:
        uint8 (n, 48, 48) and float32 (n, 8) with rows that sum to 1.
    """
    votes = fer.votes.astype(np.float32)
    votes[votes <= 1] = 0
    emotions = votes[:, : len(FERPLUS)]
    share = emotions.sum(axis=1)
    rows = np.flatnonzero((fer.usage == list(USAGES).index(name)) & (2 * share > votes.sum(axis=1)))
    return fer.images[rows], emotions[rows] / share[rows, None]


def _pixels(text: str, where: str) -> NDArray[np.uint8]:
    try:
        values = np.array(text.split(), dtype=np.int64)
    except ValueError:
        raise MienError(
            f"{where}: a pixel is no whole number; expected {_SIDE * _SIDE} numbers from 0 to 255"
        ) from None
    if values.size != _SIDE * _SIDE:
        raise MienError(f"{where}: has {values.size} pixels; expected {_SIDE * _SIDE}")
    if values.min() < 0 or values.max() > 255:
        wrong = values[(values < 0) | (values > 255)][0]
        raise MienError(f"{where}: a pixel is {wrong}; expected 0 to 255")
    return values.astype(np.uint8).reshape(_SIDE, _SIDE)


@contextmanager
def _opened(path: Path) -> Iterator[IO[str]]:
    opener: Callable[..., IO[str]] = _OPENERS.get(path.suffix, open)
    try:
        with opener(path, "rt", newline="") as file:
            yield file
    except (OSError, EOFError, lzma.LZMAError, UnicodeDecodeError) as error:
        raise MienError(f"{path}: cannot be read ({error or type(error).__name__})") from None
