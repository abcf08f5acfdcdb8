"""FER+'s folders of PNG files, made from the two CSVs: the layout that training code written for FER+ reads."""

from __future__ import annotations

import csv
import io
import re
from pathlib import Path

import cv2
import numpy as np
from numpy.typing import NDArray

from mien.errors import MienError
from mien_train.data import fer, fer_csv, files
from mien_train.data import store as sources
from mien_train.training.progress import progress

FOLDERS = {"train": "FER2013Train", "val": "FER2013Valid", "test": "FER2013Test"}
"""Split to the folder's name, as in github.com/microsoft/FERPlus (src/generate_training_data.py)."""


_NAME = re.compile(r"[^/\\.][^/\\]{0,200}\.png")


def write(data: Path, out: Path, size: int = fer_csv.SIDE) -> dict[str, int]:
    """Write each named image of FER+ as a PNG, and each folder's `label.csv`.

    `label.csv` has no header; a row holds the file name, the face's box as "(0, 0, SIZE, SIZE)" and the ten votes.
    Rows of FER+ without an image name are skipped; where several rows have one name (four do), the last row's image
    and votes stay. Files appear whole or not at all, and a second run changes nothing.

    Args:
        data: folder with FER2013's and FER+'s CSV.
        out: folder of the three folders; made if it is not there.
        size: height and width of the images in pixels; 48 keeps FER2013's pixels as they are.

    Returns:
        Images in each of `FOLDERS`.

    Raises:
        MienError: FER+ is missing, a name is no plain file name, or `out` holds a file of the same name and other
            content.
    """
    if size < 1:
        raise MienError(f"size is {size}; give 1 pixel or more")
    source, path = fer.load(data), fer_csv.find_votes(data)
    if path is None:
        raise MienError(f"{data}: holds no fer2013new.csv, from which images get their names; {sources.WHERE}")
    names, votes = image_names(path), fer.voted(source)
    splits = list(fer_csv.USAGES)
    tables: dict[str, list[list[str]]] = {folder: [] for folder in FOLDERS.values()}
    for folder in tables:
        _make(out / folder)
    folders = [FOLDERS[splits[usage]] for usage in source.usage.tolist()]
    last = {(folder, name): row for row, (folder, name) in enumerate(zip(folders, names, strict=True)) if name}
    for row in progress(sorted(last.values()), str(out), unit="images"):
        folder = folders[row]
        _put(out / folder / names[row], _png(source.images[row], size))
        tables[folder].append([names[row], f"(0, 0, {size}, {size})", *map(str, votes[row].tolist())])
    for folder, table in tables.items():
        text = io.StringIO()
        csv.writer(text, lineterminator="\n").writerows(table)
        _put(out / folder / "label.csv", text.getvalue().encode())
    return {folder: len(table) for folder, table in tables.items()}


def image_names(path: Path) -> tuple[str, ...]:
    """The `Image name` of each row of FER+'s CSV; empty where FER+ names none.

    Raises:
        MienError: a name that is no plain file name; names the row (1 is the first after the header).
    """
    names = fer_csv.image_names(path)
    for number, name in enumerate(names, start=1):
        # It becomes a path: one that led elsewhere would overwrite what is there.
        if name and not (_NAME.fullmatch(name) and name.isprintable()):
            raise MienError(
                f"{path}, row {number}: the image name is {name[:80]!r}; expected a plain file name that ends in .png"
            )
    return names


def _png(image: NDArray[np.uint8], size: int) -> bytes:
    if image.shape != (size, size):
        way = cv2.INTER_AREA if size < image.shape[0] else cv2.INTER_CUBIC
        image = np.asarray(cv2.resize(image, (size, size), interpolation=way), np.uint8)
    return cv2.imencode(".png", image)[1].tobytes()


def _make(folder: Path) -> None:
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise MienError(f"{folder}: cannot be made a folder ({error.strerror}); choose another place") from None


def _put(path: Path, content: bytes) -> None:
    try:
        earlier = path.read_bytes() if path.is_file() else None
    except OSError as error:
        raise MienError(f"{path}: cannot be read ({error.strerror}); choose another place") from None
    if earlier is None:
        with files.aside(path) as partial:
            partial.write_bytes(content)
    elif earlier != content:
        raise MienError(f"{path}: is there already with other content; delete it or choose another folder")
