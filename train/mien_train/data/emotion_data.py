"""What an emotion recipe trains, validates and tests on."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from mien.errors import MienError
from mien_train.data import duplicates, fer, fer_csv, folders, store
from mien_train.data.fer import Fer, Split
from mien_train.data.fer_csv import FER2013
from mien_train.recipes.emotion import FERPLUS_LABELS, EmotionRecipe

SIX = tuple(name for name in FER2013 if name != "disgust")
"""FER2013's emotions without the rare one."""

NEGATIVE = ("anger", "disgust", "fear", "sadness", "contempt")
"""The other emotions are positive or neutral."""

_PROTOCOL: Mapping[str, str] = {**dict.fromkeys(FERPLUS_LABELS, "strict"), "fer2013": "fer2013", "sixclass": "fer2013"}
_SHARES = {"ferplus": fer.distributions, "truncated": fer.truncated}
"""Labels that are shares of votes, and where they come from."""
_HOLDOUT_SEED = 0  # of the partition, not of the training: every seed trains on the same images


@dataclass(frozen=True, slots=True, eq=False)
class Searched:
    """FER2013's own labels of the training images, and its validation split.

    Attributes:
        targets: float32 (n, 7), a row of zeros for an image that has no such label.
        val: with labels of FER2013.
    """

    targets: NDArray[np.float32]
    val: Split


@dataclass(frozen=True, slots=True, eq=False)
class EmotionData:
    """Images and targets under one recipe.

    Attributes:
        images: uint8 (n, 48, 48), to train on.
        targets: float32 (n, K), shares of the classes; rows sum to 1.
        rows: int64 (n,), of the CSV (or in the list of files), from 0.
        val: selects the epoch and the temperature.
        contested: sets the abstain threshold: with FER+ the loose validation split, which keeps contested faces.
        test: for the final report.
        names: classes in output order.
        sha256: of the data.
        searched: the second opinion on the same images, where the recipe asks for a second head. Images of `images`
            that FER+ gives no target have a row of zeros in `targets` then.
    """

    images: NDArray[np.uint8]
    targets: NDArray[np.float32]
    rows: NDArray[np.int64]
    val: Split
    contested: Split
    test: Split
    names: tuple[str, ...]
    sha256: str
    searched: Searched | None = None


def open_data(recipe: EmotionRecipe, folder: Path) -> EmotionData:
    """The data of a recipe.

    Raises:
        MienError: the folder does not hold what the recipe's `labels` ask for, or a file is malformed.
    """
    if recipe.labels == "folders":
        return _of_folders(recipe, folders.load(folder))
    source = fer.load(folder)
    if recipe.crops == "detector":
        from mien_train.data import crops

        source = crops.cut(source)
    return _of_fer(recipe, source)


def split_of(recipe: EmotionRecipe, folder: Path, name: str) -> Split:
    """The "train", "val" or "test" split under a recipe's own protocol, with hard labels.

    Raises:
        MienError: as `open_data`.
    """
    if name != "train":
        recipe = dataclasses.replace(recipe, exclude="")  # which may be gone by now, and changes no other split
    opened = open_data(recipe, folder)
    if name == "train":
        known = opened.targets.any(axis=1)  # of others only what they were searched for
        return Split(opened.images[known], opened.targets[known].argmax(axis=1), opened.names, opened.rows[known])
    return opened.val if name == "val" else opened.test


def _of_folders(recipe: EmotionRecipe, source: folders.Folders) -> EmotionData:
    train, val, test = (source.splits[name] for name in ("train", "val", "test"))
    targets = _one_hot(train.labels, len(source.names))
    return _checked(recipe, train.images, targets, train.rows, (val, val, test), source.names, source.sha256)


def _of_fer(recipe: EmotionRecipe, source: Fer) -> EmotionData:
    train, public, private = (_labelled(source, name, recipe.labels) for name in fer_csv.USAGES)
    if recipe.labels in _SHARES:
        targets, rows = _SHARES[recipe.labels](source, "train")
    else:
        targets, rows = _one_hot(train.labels, len(train.names)), train.rows
    val, test = (private, public) if recipe.partition == "swapped" else (public, private)
    if recipe.partition == "holdout":
        held = stratified(train.labels, recipe.holdout, _HOLDOUT_SEED)
        val, test = train.only(held), _joined(public, private)
    contested = val
    if recipe.labels in FERPLUS_LABELS and recipe.partition != "holdout":
        contested = fer.split(source, "test" if recipe.partition == "swapped" else "val", "loose")
    if recipe.partition == "holdout":
        kept = ~np.isin(rows, val.rows)
        targets, rows = targets[kept], rows[kept]
    if recipe.searched:
        targets, rows = _with(targets, rows, labelled(source, "train"))
    if recipe.near_copies == "left-out":
        kept = ~np.isin(rows, near_copies(source))
        targets, rows = targets[kept], rows[kept]
    splits = (val, contested, test)
    found = _checked(recipe, source.images[rows], targets, rows, splits, train.names, source.sha256)
    return dataclasses.replace(found, searched=_searched(source, found.rows)) if recipe.searched else found


def labelled(source: Fer, name: str) -> NDArray[np.int64]:
    """Rows of a split that FER2013's own labels say something about: not blank, and by FER+'s votes a face."""
    rows = fer.split(source, name, "fer2013").rows
    votes = fer.voted(source)[rows]
    face = 2 * votes[:, -1].astype(np.int64) < np.maximum(1, votes.sum(axis=1))
    good: NDArray[np.int64] = rows[face & ~duplicates.blank(source.images[rows])]
    return good


def searched(source: Fer, name: str) -> Split:
    """The images of a split that FER2013's own labels say something about, with these labels."""
    whole = fer.split(source, name, "fer2013")
    return whole.only(np.isin(whole.rows, labelled(source, name)))


def near_copies(source: Fer) -> NDArray[np.int64]:
    """Training rows that show a photograph of the validation or test split too; minutes of work, kept in the cache."""
    cached = store.cache() / f"near-copies-{source.sha256[:16]}.npz"
    if (stored := store.load_arrays(cached, ["rows"])) is not None:
        return np.asarray(stored["rows"], np.int64)
    train = source.usage == list(fer_csv.USAGES).index("train")
    rows = np.unique(duplicates.find(source.images).between(train, ~train).first)
    store.save_arrays(cached, rows=rows)
    return rows


def _with(
    targets: NDArray[np.float32], rows: NDArray[np.int64], more: NDArray[np.int64]
) -> tuple[NDArray[np.float32], NDArray[np.int64]]:
    """The same targets, with rows of zeros for those of `more` that have none; by row."""
    together = np.union1d(rows, more)
    wider = np.zeros((len(together), targets.shape[1]), np.float32)
    wider[np.searchsorted(together, rows)] = targets
    return wider, together


def _searched(source: Fer, rows: NDArray[np.int64]) -> Searched:
    targets = _one_hot(source.labels[rows].astype(np.int64), len(FER2013))
    targets[~np.isin(rows, labelled(source, "train"))] = 0
    return Searched(targets, searched(source, "val"))


def _checked(
    recipe: EmotionRecipe,
    images: NDArray[np.uint8],
    targets: NDArray[np.float32],
    rows: NDArray[np.int64],
    splits: tuple[Split, Split, Split],
    names: tuple[str, ...],
    sha256: str,
) -> EmotionData:
    """The data without what the recipe excludes; `splits` validate, are contested and test."""
    kept = ~np.isin(rows, excluded(recipe.exclude))
    if not kept.all():  # a run with other rows left out is another run
        sha256 = store.array_sha256(np.frombuffer(sha256.encode(), np.uint8), rows[kept])
    classes = np.unique(targets[kept].argmax(axis=1))
    if len(classes) < 2:
        found = ", ".join(names[k] for k in classes) or "none"
        raise MienError(
            f"labels={recipe.labels}, partition={recipe.partition}: the training images are of {len(classes)} class "
            f"({found}); a classifier needs two or more, so check the data, holdout and exclude"
        )
    if not len(splits[0].labels):
        raise MienError(
            f"labels={recipe.labels}, partition={recipe.partition}: there are no images to validate on; check the data "
            "(FER2013's column Usage) and holdout"
        )
    return EmotionData(images[kept], targets[kept], rows[kept], *splits, names, sha256)


def stratified(labels: NDArray[np.int64], share: float, seed: int) -> NDArray[np.int64]:
    """Indices of a seeded share of each class, at least one, sorted."""
    rng = np.random.default_rng(seed)
    parts = []
    for label in np.unique(labels):
        members = rng.permutation(np.flatnonzero(labels == label))
        parts.append(members[: max(1, round(share * len(members)))])
    return np.sort(np.concatenate(parts)) if parts else np.empty(0, np.int64)


def _labelled(source: Fer, name: str, labels: str) -> Split:
    split = fer.split(source, name, _PROTOCOL[labels])
    if labels != "sixclass":
        return split
    kept = split.labels != FER2013.index("disgust")
    numbers = np.array([SIX.index(n) if n in SIX else -1 for n in FER2013])
    return Split(split.images[kept], numbers[split.labels[kept]], SIX, split.rows[kept])


def _joined(first: Split, second: Split) -> Split:
    return Split(
        np.concatenate([first.images, second.images]),
        np.concatenate([first.labels, second.labels]),
        first.names,
        np.concatenate([first.rows, second.rows]),
    )


def _one_hot(labels: NDArray[np.int64], classes: int) -> NDArray[np.float32]:
    return np.eye(classes, dtype=np.float32)[labels]


def excluded(path: str) -> NDArray[np.int64]:
    """Rows, int64 (n,), listed in the `row` column of a CSV; none without a path.

    Raises:
        MienError: it cannot be read, or a row is no whole number.
    """
    if not path:
        return np.empty(0, np.int64)
    advice = "give a CSV with a column `row`, as `mien_train clean` writes"
    found = []
    if not Path(path).is_file():
        raise MienError(f"exclude={path}: no such file; {advice}")
    with fer_csv.opened(Path(path)) as rows:
        header = [name.strip() for name in next(rows, [])]
        if header.count("row") != 1:
            raise MienError(f"exclude={path}: the header is {','.join(header)[:80]!r}; {advice}")
        for number, row in enumerate(rows, start=1):
            value = fer_csv.whole(row[header.index("row")].strip(), 1 << 40) if len(row) == len(header) else None
            if value is None:
                raise MienError(f"exclude={path}, row {number}: found {','.join(row)[:80]!r}; {advice}")
            found.append(value)
    return np.array(found, np.int64)


def suited(recipe: EmotionRecipe, folder: Path) -> EmotionRecipe:
    """The recipe itself, or one for class folders where the data folder holds such and no CSV."""
    if recipe.labels != "folders" and (_has_csv(folder) or not folders.are_here(folder)):
        return recipe
    return for_folders(recipe)


def for_folders(recipe: EmotionRecipe) -> EmotionRecipe:
    """The recipe for class folders: what only makes sense for FER2013 falls back to the plain choice."""
    return dataclasses.replace(
        recipe, labels="folders", partition="usage", crops="direct", searched=0.0, near_copies="kept"
    )


def _has_csv(folder: Path) -> bool:
    try:
        fer_csv.find_pixels(folder)
    except MienError:
        return False
    return True
