"""Where the data is, and where decoded arrays are kept between runs."""

from __future__ import annotations

import hashlib
import os
import zipfile
import zlib
from collections.abc import Sequence
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from mien.errors import MienError
from mien_train.data import files

_BESIDE = Path("../shared/data")

WHERE = (
    "give --data DIR or set MIEN_DATA. FER2013 is Kaggle's `fer2013.csv` or `icml_face_data.csv` (challenges-in-"
    "representation-learning-facial-expression-recognition-challenge; plain, .gz, .xz or .zip), FER+ is "
    "`fer2013new.csv` of github.com/microsoft/FERPlus; both go into DIR. Classes of your own are DIR/CLASS/*.png. "
    "Faces in scenes go into DIR/faces with a `faces.json`"
)


CACHE_REMEDY = "free some space, or set MIEN_CACHE to another folder"


def folder(given: Path | None) -> Path:
    """The data folder: the one given, else $MIEN_DATA, else ../shared/data.

    Raises:
        MienError: none of them exists; says where the data comes from and in which formats.
    """
    candidates = [given] if given else [Path(p) for p in [os.environ.get("MIEN_DATA", "")] if p] + [_BESIDE]
    for candidate in candidates:
        if candidate.is_dir():
            return candidate
    raise MienError(f"no data folder at {' or '.join(map(str, candidates))}: {WHERE}")


def cache() -> Path:
    """Folder of decoded arrays: $MIEN_CACHE, else mien's folder in the user's cache. It may be deleted at will.

    Raises:
        MienError: it cannot be made.
    """
    base = os.environ.get("MIEN_CACHE") or Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "mien"
    path = Path(base)
    try:
        path.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise MienError(f"{path}: cannot be made a folder ({error.strerror}); {CACHE_REMEDY}") from None
    return path


def file_sha256(path: Path) -> str:
    """Hexadecimal SHA-256 of a file, read in pieces.

    Raises:
        MienError: it cannot be read.
    """
    try:
        with path.open("rb") as file:
            return hashlib.file_digest(file, "sha256").hexdigest()
    except OSError as error:
        raise MienError(f"{path}: cannot be read ({error.strerror}); check the path and its rights") from None


def array_sha256(*arrays: NDArray[np.generic]) -> str:
    """Hexadecimal SHA-256 of arrays' shapes, types and bytes."""
    digest = hashlib.sha256()
    for array in arrays:
        digest.update(f"{array.shape}{array.dtype.str}".encode())
        digest.update(np.ascontiguousarray(array).data)
    return digest.hexdigest()


def save_arrays(path: Path, **arrays: NDArray[np.generic]) -> None:
    """Write an .npz whose old version stays whole until the new one is complete.

    Raises:
        MienError: it cannot be written.
    """
    with files.aside(path, CACHE_REMEDY) as partial, partial.open("wb") as file:
        np.savez(file, **arrays)  # type: ignore[arg-type]


def load_arrays(path: Path, names: Sequence[str]) -> dict[str, NDArray[np.generic]] | None:
    """The arrays that `save_arrays` wrote; None where the file is missing, damaged or lacks one of them."""
    try:
        with path.open("rb") as file, np.load(file) as stored:
            return {name: stored[name] for name in names}
    except (OSError, ValueError, KeyError, TypeError, EOFError, zipfile.BadZipFile, zlib.error):
        return None  # it is made again
