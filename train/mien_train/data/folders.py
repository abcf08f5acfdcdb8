"""A user's own faces: one folder of images for each class, in one folder or in train, val and test."""

from __future__ import annotations

import hashlib
import os
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from mien.cameras.luma import read_image
from mien.errors import MienError, one_line
from mien.faces.letterbox import Letterbox
from mien.reading import UNCERTAIN
from mien_train.data import store
from mien_train.data.fer import Split
from mien_train.data.fer_csv import SIDE
from mien_train.training.progress import progress

SUFFIXES = frozenset({".png", ".jpg", ".jpeg", ".webp", ".bmp", ".pgm", ".ppm", ".tif", ".tiff"})
_SPLITS = {"train": ("train", "training"), "val": ("val", "valid", "validation"), "test": ("test", "testing")}
_LEAST = 2
"""Classes; and images of each class in training."""
_OUT_OF = 10
"""One image in so many validates, and one in so many tests."""


@dataclass(frozen=True, slots=True, eq=False)
class Folders:
    """Labelled images of class folders.

    Attributes:
        names: class names, sorted.
        splits: "train", "val" and "test"; a split's `rows` count the images in the order of their paths.
        paths: of all images, in that order, relative to the data folder.
        sha256: of all pixels and labels.
    """

    names: tuple[str, ...]
    splits: dict[str, Split]
    paths: tuple[str, ...]
    sha256: str


def are_here(folder: Path) -> bool:
    """Whether a data folder holds class folders, rather than FER2013's CSV."""
    return any(_images(sub) or any(_images(inner) for inner in _folders(sub)) for sub in _folders(folder))


def load(folder: Path) -> Folders:
    """Read class folders.

    `DIR/CLASS/*.png` is divided by a hash of each file's path, a tenth each for validation and test (at least one image
    of a class validates);
    `DIR/{train,val,test}/CLASS/*.png` is taken as it is (without `val`, a tenth of `train` validates). Images of any
    size become luma, letterboxed to 48×48.

    Raises:
        MienError: fewer than two classes, a class without training images, an unreadable image (its path), or a class
            that appears in one split only.
    """
    parts = {split: found for split, found in ((s, _part(folder, s)) for s in _SPLITS) if found}
    if parts and "train" not in parts:
        raise MienError(f"{folder}: has {', '.join(map(str, parts.values()))} but no train folder of classes")
    for root in parts.values() or [folder]:
        for sub in _folders(root):
            if stray := [inner for inner in _folders(sub) if _images(inner)]:
                raise MienError(f"{stray[0]}: holds images a level too deep; a class folder holds its images itself")
    beside = [sub for sub in _folders(folder) if sub not in parts.values()] if parts else []
    if stray := [sub for sub in beside if _images(sub) or any(_images(inner) for inner in _folders(sub))]:
        known = ", ".join(name for names in _SPLITS.values() for name in names)
        raise MienError(
            f"{stray[0]}: stands beside {', '.join(parts)}, and is no further split (one folder each of {known}); "
            "move it into one of them, or away"
        )
    listed = [
        (split, path.parent.name, path) for split, root in (parts or {"": folder}).items() for path in _members(root)
    ]
    names = tuple(sorted({label for split, label, _ in listed if split in ("", "train")}))
    if len(names) < _LEAST:
        raise MienError(
            f"{folder}: holds {len(names)} class folders with images ({', '.join(names) or 'none'}); "
            "a classifier needs at least two, one for each class"
        )
    if odd := [name for name in names if not name.isprintable()]:
        raise MienError(
            f"{folder}: a class is called {odd[0]!r}, which cannot be shown; it is to be a label of the model, so "
            "rename the folder in printable letters, in UTF-8"
        )
    if UNCERTAIN in names:
        raise MienError(
            f"{folder}: a class is called {UNCERTAIN!r}, which is what mien says when it abstains; rename it"
        )
    for split, label, path in listed:
        if label not in names:
            raise MienError(f"{path}: class {label!r} of {split} is not in train, which has {', '.join(names)}")
    images, labels = _read(folder, [path for _, _, path in listed]), [names.index(label) for _, label, _ in listed]
    where = np.array(_places([(split, path.relative_to(folder)) for split, _, path in listed], parts))
    numbers = np.array(labels, np.int64)
    if "val" not in parts:
        for number in range(len(names)):
            mine = np.flatnonzero(numbers == number)
            where[mine] = _validated(where[mine], testable="test" not in parts)
    splits = {
        split: Split(images[rows], numbers[rows], names, rows)
        for split, rows in ((s, np.flatnonzero(where == s)) for s in _SPLITS)
    }
    for split, least in (("train", _LEAST), ("val", 1)):
        counts = np.bincount(splits[split].labels, minlength=len(names))
        if counts.min() < least:
            raise MienError(
                f"{folder}: class {names[int(counts.argmin())]!r} has {counts.min()} images for {split}; "
                f"it needs at least {least}, so add images (three of a class are the least)"
            )
    paths = tuple(str(path.relative_to(folder)) for _, _, path in listed)
    return Folders(names, splits, paths, store.array_sha256(images, numbers, where.astype("S5")))


def _folders(folder: Path) -> list[Path]:
    return sorted(p for p in _shown(folder) if p.is_dir()) if folder.is_dir() else []


def _shown(folder: Path) -> list[Path]:
    try:
        return [path for path in folder.iterdir() if not path.name.startswith(".")]
    except OSError as error:
        raise MienError(f"{folder}: cannot be read ({error.strerror}); check its rights") from None


def _images(folder: Path) -> list[Path]:
    # A link that leads nowhere is among them, for whoever reads it to say so.
    return sorted(p for p in _shown(folder) if p.suffix.lower() in SUFFIXES and (p.is_file() or p.is_symlink()))


def _part(folder: Path, split: str) -> Path | None:
    found = [sub for sub in _folders(folder) if sub.name.lower() in _SPLITS[split] and _folders(sub)]
    return found[0] if found else None


def _members(root: Path) -> Iterator[Path]:
    for sub in _folders(root):
        yield from _images(sub)
        if others := sorted(p for p in _shown(sub) if p.is_file() and p.suffix.lower() not in SUFFIXES):
            told = f"{sub}: {len(others)} files that are no pictures are not read, such as {others[0].name}"
            print(one_line(told), file=sys.stderr)  # noqa: T201 - nothing is left out without a word


def _places(listed: list[tuple[str, Path]], parts: dict[str, Path]) -> list[str]:
    """The split of each image. A hash of the path, so that a new image moves no other one."""
    places = []
    for split, path in listed:
        tenth = int.from_bytes(hashlib.sha256(os.fsencode(path)).digest()[:4], "big") % _OUT_OF
        if not split:
            places.append({0: "val", 1: "test"}.get(tenth, "train"))
        else:
            places.append("val" if split == "train" and "val" not in parts and tenth == 0 else split)
    return places


def _validated(where: NDArray[np.str_], testable: bool) -> NDArray[np.str_]:
    """The splits of a class's images, one of which validates where that leaves enough for training.

    Args:
        where: the split of each.
        testable: whether the test images are what chance made them, and may be fewer.
    """
    where = where.copy()
    for split, least, others in (("train", _LEAST, ("test", "val")), ("val", 1, ("train", "test"))):
        for other in others:
            spare = {"train": _LEAST, "val": 1, "test": 0 if testable else len(where)}[other]
            while (where == split).sum() < least and (where == other).sum() > spare:
                where[np.flatnonzero(where == other)[-1]] = split
    return where


def _read(folder: Path, paths: list[Path]) -> NDArray[np.uint8]:
    """uint8 (n, 48, 48), in the order of the paths."""
    fit = Letterbox(SIDE, SIDE)
    images = np.empty((len(paths), SIDE, SIDE), np.uint8)
    for index, path in enumerate(progress(paths, folder.name, unit="images")):
        luma = read_image(path)
        if min(luma.shape) * 4 < SIDE:
            # Letterboxing enlarges; by more than four times there is nothing left to see.
            raise MienError(f"{path}: is {luma.shape[1]}×{luma.shape[0]} pixels; give images of at least {SIDE // 4}")
        images[index] = fit(luma)[0]
    return images
