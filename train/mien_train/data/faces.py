"""Photographs with labelled faces: `faces.json` and its zip archives, or WIDER FACE, or FDDB."""

from __future__ import annotations

import hashlib
import json
import zipfile
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray

from mien.cameras.luma import read_image
from mien.errors import MienError
from mien_train.data import public_sets, store
from mien_train.data.photo_cache import decoded

FACE_FREE = ("rooms", "animals", "objects", "hands")
"""Sets of photographs without faces."""


@dataclass(frozen=True, slots=True, eq=False)
class Photo:
    """One photograph; all coordinates in its own pixels.

    Attributes:
        name: "SET/NNNNN.webp".
        luma: uint8 (H, W).
        boxes: float32 (n, 4), left, top, right, bottom.
        landmarks: float32 (n, 5, 2), NaN where a face has none; order of `mien.faces.face.LANDMARKS`.
        ignore: bool (n,), neither faces nor background.
        drawn: float32 (n, 4), the box that a person drew, NaN where none did.
    """

    name: str
    luma: NDArray[np.uint8]
    boxes: NDArray[np.float32]
    landmarks: NDArray[np.float32]
    ignore: NDArray[np.bool_]
    drawn: NDArray[np.float32]

    @property
    def face_free(self) -> bool:
        """Whether the photograph comes from a set without faces."""
        return self.name.split("/")[0] in FACE_FREE


@dataclass(frozen=True, slots=True, eq=False)
class Photos:
    """A split, and the hash of its labels and archives."""

    photos: tuple[Photo, ...]
    sha256: str


def load(folder: Path, split: str) -> Photos:
    """Photographs of the "train" or "val" split.

    The folder holds `faces/faces.json` (mien's own format), or `wider_face_split` (WIDER FACE), or `FDDB-folds` (FDDB,
    all of whose folds are one split of any name).

    Raises:
        MienError: a file is missing or malformed; names it.
    """
    if (folder / public_sets.WIDER).is_dir():
        return _annotated(public_sets.wider(folder, split))
    if (folder / public_sets.FDDB).is_dir():
        return _annotated(public_sets.fddb(folder))
    path = folder / "faces" / "faces.json"
    try:
        splits = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:
        raise MienError(f"{path}: not a readable list of faces ({error}); {store.WHERE}") from None
    if split not in splits:
        raise MienError(f"{path}: has no split {split!r}; it has {', '.join(splits)}")
    rows = {row["image"]: row for row in splits[split]}
    digest = store.file_sha256(path)
    archives: dict[str, zipfile.ZipFile] = {}
    pixels = decoded(f"faces-{digest[:16]}-{split}", list(rows), lambda n: _decode(path.parent, rows[n], archives))
    return Photos(tuple(_photo(path, row, luma) for row, luma in zip(rows.values(), pixels, strict=True)), digest)


def _annotated(rows: list[public_sets.Annotated]) -> Photos:
    names = [str(row.path) for row in rows]
    digest = hashlib.sha256("\n".join(f"{n} {r.boxes} {r.ignore}" for n, r in zip(names, rows, strict=True)).encode())
    pixels = decoded(f"photos-{digest.hexdigest()[:16]}", names, lambda name: read_image(Path(name)))
    photos = []
    for row, luma in zip(rows, pixels, strict=True):
        boxes = np.array(row.boxes, np.float32).reshape(-1, 4)
        photos.append(
            Photo(
                name=str(row.path),
                luma=luma,
                boxes=boxes,
                landmarks=np.full((len(boxes), 5, 2), np.nan, np.float32),
                ignore=np.array(row.ignore, np.bool_),
                drawn=np.full((len(boxes), 4), np.nan, np.float32),
            )
        )
    return Photos(tuple(photos), digest.hexdigest())


def _photo(path: Path, row: dict[str, Any], luma: NDArray[np.uint8]) -> Photo:
    faces = row["faces"]
    nothing = [np.nan] * 10
    try:
        return Photo(
            name=row["image"],
            luma=luma,
            boxes=np.array([f["box"] for f in faces], np.float32).reshape(-1, 4),
            landmarks=np.array([f["landmarks"] or nothing for f in faces], np.float32).reshape(-1, 5, 2),
            ignore=np.array([f["role"] != "face" for f in faces], np.bool_),
            drawn=np.array([_drawn(f) for f in faces], np.float32).reshape(-1, 4),
        )
    except (KeyError, ValueError, TypeError) as error:
        raise MienError(f"{path}, image {row.get('image')}: malformed face ({error!r})") from None


def _drawn(face: dict[str, Any]) -> list[float]:
    box: list[float] = face["box"] if face["source"] == "hand" else face.get("hand_box", [np.nan] * 4)
    return box


def _decode(folder: Path, row: dict[str, Any], archives: dict[str, zipfile.ZipFile]) -> NDArray[np.uint8]:
    kind, _, member = row["image"].partition("/")
    try:
        if kind not in archives:
            archives[kind] = zipfile.ZipFile(folder / f"{kind}.zip")
        raw = archives[kind].read(member)
    except (OSError, KeyError, zipfile.BadZipFile) as error:
        raise MienError(f"{folder / kind}.zip: cannot give {member or row['image']} ({error})") from None
    image = cv2.imdecode(np.frombuffer(raw, np.uint8), cv2.IMREAD_GRAYSCALE)
    if image is None or image.shape != (row["height"], row["width"]):
        raise MienError(
            f"{folder / kind}.zip: {member} is no picture of {row['width']}×{row['height']}, as faces.json says"
        )
    return np.asarray(image, dtype=np.uint8)
