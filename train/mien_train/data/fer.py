"""FER2013 and FER+ as arrays, and the three protocols."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from mien.errors import MienError
from mien_train.data import fer_csv, store
from mien_train.data.fer_csv import FER2013, USAGES

FERPLUS = ("neutral", "happiness", "surprise", "sadness", "anger", "disgust", "fear", "contempt")
"""FER+'s eight emotions, in the order of its columns."""
PROTOCOLS = ("strict", "loose", "fer2013")

_MOST_LABELS = 3
"""An image on which the annotators need more labels than this shows no one thing."""


@dataclass(frozen=True, slots=True, eq=False)
class Fer:
    """Both data sets, row by row.

    Attributes:
        images: uint8 (N, 48, 48), luma.
        labels: uint8 (N,), index into `FER2013`.
        votes: uint8 (N, 10), FER+'s columns: the eight of `FERPLUS`, unknown, not a face; None without FER+.
        usage: uint8 (N,), index into the keys of `USAGES`.
        sha256: of all arrays.
    """

    images: NDArray[np.uint8]
    labels: NDArray[np.uint8]
    votes: NDArray[np.uint8] | None
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

    def only(self, chosen: NDArray[np.bool_] | NDArray[np.int64]) -> Split:
        """The chosen images, by a mask or by indices."""
        return Split(self.images[chosen], self.labels[chosen], self.names, self.rows[chosen])


def load(folder: Path) -> Fer:
    """Read FER2013 and, where it is there, FER+ from a folder, or the cached arrays of the same files.

    Raises:
        MienError: a file is missing, or a row is malformed; names the file, the row and the value.
    """
    pixels, votes = fer_csv.find_pixels(folder), fer_csv.find_votes(folder)
    hashes = [store.file_sha256(path)[:16] for path in (pixels, votes) if path]
    cached = store.cache() / f"fer-{'-'.join(hashes)}.npz"
    names = ("images", "labels", "usage", *(("votes",) if votes else ()))
    if stored := store.load_arrays(cached, names):
        images, labels, usage, *rest = (stored[name].astype(np.uint8, copy=False) for name in names)
        vote = rest[0] if rest else None
    else:
        images, labels, usage = fer_csv.read_pixels(pixels)
        vote = _votes(votes, pixels, usage) if votes else None
        arrays = {"images": images, "labels": labels, "usage": usage}
        store.save_arrays(cached, **(arrays if vote is None else {**arrays, "votes": vote}))
    parts = (images, labels, usage) if vote is None else (images, labels, vote, usage)
    return Fer(images, labels, vote, usage, store.array_sha256(*parts))


def _votes(path: Path, pixels: Path, usage: NDArray[np.uint8]) -> NDArray[np.uint8]:
    """FER+'s votes, whose rows must go with FER2013's."""
    vote, theirs = fer_csv.read_votes(path)
    same = "both must list the same images in the same order"
    if len(vote) != len(usage):
        raise MienError(f"{path} has {len(vote)} rows but {pixels.name} has {len(usage)}; {same}")
    if (theirs != usage).any():
        row = int((theirs != usage).argmax())
        ours, other = (list(USAGES.values())[u[row]] for u in (usage, theirs))
        raise MienError(f"{path}, row {row + 1}: Usage is {other} but in {pixels.name} {ours}; {same}")
    return vote


def split(fer: Fer, name: str, protocol: str) -> Split:
    """The images and labels of a split ("train", "val", "test") under a protocol.

    strict: the FER+ paper's majority mode (Barsoum et al. 2016): votes of 1 count as none; an image stays if one
    of the eight emotions holds more than half of the rest. loose: the most voted of all ten columns, if it is
    an emotion. fer2013: the original seven labels.

    Raises:
        MienError: an unknown split or protocol, or one that needs FER+ where there is none.
    """
    if name not in USAGES:
        raise MienError(f"unknown split {name!r}; choose one of {', '.join(USAGES)}")
    if protocol not in PROTOCOLS:
        raise MienError(f"unknown protocol {protocol!r}; choose one of {', '.join(PROTOCOLS)}")
    here = fer.usage == list(USAGES).index(name)
    if protocol == "fer2013":
        rows = np.flatnonzero(here)
        return Split(fer.images[rows], fer.labels[rows].astype(np.int64), FER2013, rows)
    votes = voted(fer).astype(np.int64)
    if protocol == "strict":
        votes[votes <= 1] = 0
    top = votes.argmax(axis=1)
    kept = here & (top < len(FERPLUS))
    if protocol == "strict":
        kept &= 2 * votes.max(axis=1) > votes.sum(axis=1)
    rows = np.flatnonzero(kept)
    return Split(fer.images[rows], top[rows], FERPLUS, rows)


def distributions(fer: Fer, name: str) -> tuple[NDArray[np.float32], NDArray[np.int64]]:
    """What the annotators saw in the images of a split, as shares of the eight emotions.

    Votes of 1 count as none, as in the strict protocol; an image stays if more than half of the rest went to
    emotions (rather than to "unknown" or "not a face").

    Returns:
        float32 (n, 8) with rows that sum to 1, and int64 (n,), the rows of the CSV they belong to.
    """
    votes = voted(fer).astype(np.float32)
    votes[votes <= 1] = 0
    emotions = votes[:, : len(FERPLUS)]
    share = emotions.sum(axis=1)
    rows = np.flatnonzero((fer.usage == list(USAGES).index(name)) & (2 * share > votes.sum(axis=1)))
    return emotions[rows] / share[rows, None], rows


def truncated(fer: Fer, name: str) -> tuple[NDArray[np.float32], NDArray[np.int64]]:
    """The votes that decide, as shares of the eight emotions: more images than the majority keeps, and surer targets.

    Votes of 1 count as none; the most voted columns are kept until they hold three quarters of what is left. An image
    stays if that takes three columns or fewer and more than half of their votes went to emotions (as the networks of
    github.com/vicksam/fer-model are trained).

    Returns:
        float32 (n, 8) with rows that sum to 1, and int64 (n,), the rows of the CSV they belong to.
    """
    here = np.flatnonzero(fer.usage == list(USAGES).index(name))
    votes = voted(fer)[here].astype(np.int64)
    votes[votes <= 1] = 0
    order = np.argsort(-votes, axis=1, kind="stable")
    ranked = np.take_along_axis(votes, order, axis=1)
    before = np.cumsum(ranked, axis=1) - ranked  # votes of the columns ranked higher
    needed = (ranked > 0) & (4 * before < 3 * votes.sum(axis=1, keepdims=True))
    kept = np.zeros_like(votes)
    np.put_along_axis(kept, order, np.where(needed, ranked, 0), axis=1)
    emotions = kept[:, : len(FERPLUS)]
    share = emotions.sum(axis=1)
    good = (needed.sum(axis=1) <= _MOST_LABELS) & (2 * share > kept.sum(axis=1))
    return (emotions[good] / share[good, None]).astype(np.float32), here[good]


def voted(fer: Fer) -> NDArray[np.uint8]:
    """FER+'s votes, uint8 (N, 10).

    Raises:
        MienError: the data folder has no FER+.
    """
    if fer.votes is None:
        raise MienError(f"the data folder holds no fer2013new.csv, whose votes this needs; {store.WHERE}")
    return fer.votes
