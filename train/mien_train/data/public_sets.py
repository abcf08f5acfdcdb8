"""FDDB's and WIDER FACE's own annotation files as photographs with boxes.

Both name pictures on a line, then the number of faces, then a line a face. Neither has landmarks.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

from mien.errors import MienError
from mien_train.data.fer_csv import whole

WIDER = "wider_face_split"
"""Folder of WIDER FACE's annotations, beside WIDER_train and WIDER_val."""
FDDB = "FDDB-folds"
"""Folder of FDDB's ellipse lists, beside originalPics."""

_FARTHEST = 1e6
"""No coordinate of a photograph is as large, in pixels."""

Box = tuple[float, float, float, float]


@dataclass(frozen=True, slots=True)
class Annotated:
    """One picture: its path, boxes (left, top, right, bottom, pixels), and which of them to ignore."""

    path: Path
    boxes: tuple[Box, ...]
    ignore: tuple[bool, ...]


def wider(folder: Path, split: str) -> list[Annotated]:
    """WIDER FACE's "train" or "val": `x y w h blur expression illumination invalid occlusion pose`.

    Faces marked invalid, or without area, are ignored.
    """
    path = folder / WIDER / f"wider_face_{split}_bbx_gt.txt"
    images = folder / f"WIDER_{split}" / "images"

    def face(numbers: list[float]) -> tuple[Box, bool]:
        x, y, width, height = numbers[:4]
        return (x, y, x + width, y + height), width <= 0 or height <= 0 or numbers[7] == 1

    # A picture without faces still has one line, of zeros.
    return list(_read(path, lambda name: images / name, face, fields=10, least_lines=1))


def fddb(folder: Path) -> list[Annotated]:
    """All folds of FDDB: `major_radius minor_radius angle centre_x centre_y 1`, the angle in radians.

    A box is the upright rectangle around the ellipse.
    """
    paths = sorted((folder / FDDB).glob("FDDB-fold-*-ellipseList.txt"))
    if not paths:
        raise MienError(f"{folder / FDDB}: holds no FDDB-fold-NN-ellipseList.txt")

    def face(numbers: list[float]) -> tuple[Box, bool]:
        major, minor, angle, x, y = numbers[:5]
        half_width = math.hypot(major * math.cos(angle), minor * math.sin(angle))
        half_height = math.hypot(major * math.sin(angle), minor * math.cos(angle))
        return (x - half_width, y - half_height, x + half_width, y + half_height), False

    def image(name: str) -> Path:
        return folder / "originalPics" / f"{name}.jpg"

    return [row for path in paths for row in _read(path, image, face, fields=6, least_lines=0)]


def _read(
    path: Path,
    image: Callable[[str], Path],
    face: Callable[[list[float]], tuple[Box, bool]],
    fields: int,
    least_lines: int,
) -> Iterator[Annotated]:
    try:
        lines = path.read_text(encoding="utf-8").splitlines()
    except (OSError, UnicodeDecodeError) as error:
        reason = error.strerror if isinstance(error, OSError) else "it is no text in UTF-8"
        raise MienError(f"{path}: cannot be read ({reason}); fetch it again") from None
    at = 0
    while at < len(lines) and lines[at].strip():
        name = lines[at].strip()
        count = _count(lines, at + 1, path)
        faces = []
        for row in range(at + 2, at + 2 + max(count, least_lines)):
            numbers = _numbers(lines, row, path, fields)
            if row < at + 2 + count:
                faces.append(face(numbers))
        at += 2 + max(count, least_lines)
        yield Annotated(image(name), tuple(box for box, _ in faces), tuple(ignored for _, ignored in faces))
    if any(line.strip() for line in lines[at:]):
        raise MienError(f"{path}, line {at + 1}: is empty, and others follow it; expected a picture's path")


def _count(lines: list[str], row: int, path: Path) -> int:
    text = lines[row].strip() if row < len(lines) else "nothing"
    count = whole(text, len(lines))
    if count is None:
        raise MienError(f"{path}, line {row + 1}: {text[:80]!r} is no number of faces in a file of {len(lines)} lines")
    return count


def _numbers(lines: list[str], row: int, path: Path, fields: int) -> list[float]:
    text = lines[row] if row < len(lines) else ""
    try:
        numbers = [float(word) for word in text.split()]
    except ValueError:
        numbers = []
    if len(numbers) != fields or not all(abs(number) <= _FARTHEST for number in numbers):
        raise MienError(
            f"{path}, line {row + 1}: expected {fields} numbers of at most {_FARTHEST:g}, found {text.strip()[:80]!r}"
        )
    return numbers
