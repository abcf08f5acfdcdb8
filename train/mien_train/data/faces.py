"""Photographs with labelled faces: `faces.json` and its zip archives, or WIDER FACE, or FDDB."""

from __future__ import annotations

import contextlib
import hashlib
import json
import re
import zipfile
from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

import cv2
import numpy as np
from numpy.typing import NDArray

from mien.cameras import header
from mien.cameras.luma import MOST_PIXELS, read_image
from mien.errors import MienError
from mien.models.fields import Fields
from mien_train.data import public_sets, store
from mien_train.data.fer_csv import DAMAGE
from mien_train.data.photo_cache import decoded

FACE_FREE = ("rooms", "animals", "objects", "hands")
"""Sets of photographs without faces."""

HARD = (
    "helmet-riders",
    "flickr-actions",
    "events",
    "smoking",
    "street-crowds",
    "coco-people",
    "wider-val",
)
"""Sets whose faces are mostly small, turned, hidden, dark or out of focus: their figures stand apart."""

Numbers = tuple[float, ...]
"""Coordinates in pixels of a photograph."""

_REMEDY = "fetch it again"
_IMAGE = re.compile(r"[^/\\\x00]+/[^\x00]+")
_FARTHEST = 100_000
"""Pixels: no label lies further out than any photograph reaches."""
_MOST_BYTES = 64 << 20
"""Of one compressed photograph."""
_MOST_PIXELS = 1 << 20
"""Of one side."""


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
        certainty: float32 (n,), 0..1, how sure the label is: 1 where a person drew the face, else its labeller's score.
    """

    name: str
    luma: NDArray[np.uint8]
    boxes: NDArray[np.float32]
    landmarks: NDArray[np.float32]
    ignore: NDArray[np.bool_]
    drawn: NDArray[np.float32]
    certainty: NDArray[np.float32]

    @property
    def face_free(self) -> bool:
        """Whether the photograph comes from a set without faces."""
        return self.name.split("/")[0] in FACE_FREE

    @property
    def hard(self) -> bool:
        """Whether the photograph comes from one of the hard sets."""
        return self.name.split("/")[0] in HARD


@dataclass(frozen=True, slots=True, eq=False)
class Photos:
    """A split, and the hash of its labels and archives."""

    photos: tuple[Photo, ...]
    sha256: str


def load(folder: Path, split: str) -> Photos:
    """Photographs of the "train" or "val" split.

    The folder holds `faces/faces.json` (mien's own format), or `wider_face_split` (WIDER FACE), or `FDDB-folds` (FDDB,
    all of whose folds are one split, of any name but "train").

    Raises:
        MienError: a file is missing or malformed, or a photograph in more than one split; names it.
    """
    if (folder / public_sets.WIDER).is_dir():
        return _annotated(public_sets.wider(folder, split))
    if (folder / public_sets.FDDB).is_dir():
        if split == "train":
            raise MienError(f"{folder}: FDDB's photographs are all of one split, for evaluation; train on others")
        return _annotated(public_sets.fddb(folder))
    path = folder / "faces" / "faces.json"
    listed = _listed(path, split)
    rows = {row.image: row for row in listed}
    if len(rows) < len(listed):
        double = next(name for name, count in Counter(row.image for row in listed).items() if count > 1)
        raise MienError(f"{path}: lists {double} {sum(row.image == double for row in listed)} times in {split}")
    digest = store.file_sha256(path)
    with contextlib.ExitStack() as stack:
        archives = _Archives(path.parent, stack)
        key = f"faces-{digest[:16]}-{archives.state(rows)}-{split}"
        pixels = decoded(key, list(rows), lambda name: _decode(archives, rows[name]))
    return Photos(tuple(_photo(row, luma) for row, luma in zip(listed, pixels, strict=True)), digest)


@dataclass(frozen=True, slots=True)
class _Face:
    """A labelled face in pixels of its photograph; `drawn` and `certainty` as in `Photo`."""

    box: Numbers
    landmarks: Numbers | None
    ignore: bool
    drawn: Numbers | None
    certainty: float


@dataclass(frozen=True, slots=True)
class _Row:
    """A photograph as faces.json lists it."""

    image: str
    height: int
    width: int
    faces: tuple[_Face, ...]


def _listed(path: Path, split: str) -> list[_Row]:
    try:
        document = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError, RecursionError) as error:
        raise MienError(f"{path}: not a readable list of faces ({error}); {store.WHERE}") from None
    if not isinstance(document, dict):
        raise MienError(f"{path}: not a list of faces by split; {store.WHERE}")
    if split not in document:
        raise MienError(f"{path}: has no split {split!r}; it has {', '.join(document)}")
    mine = _images(document[split])
    for other in document:
        if other != split and (both := sorted(mine & _images(document[other]))):
            raise MienError(f"{path}: lists {both[0]} in {split} and in {other}; keep it in one of them")
    if document[split] == []:
        return []
    return [_row(fields) for fields in Fields(document, str(path), _REMEDY).parts(split)]


def _images(rows: object) -> set[str]:
    """The photographs of a split, as far as it is one: what is malformed is told where it is read."""
    listed = [row.get("image") for row in rows if isinstance(row, dict)] if isinstance(rows, list) else []
    return {name for name in listed if isinstance(name, str)}


def _row(fields: Fields) -> _Row:
    image = fields.text("image")
    if not _IMAGE.fullmatch(image):
        raise fields.wrong("image", "ARCHIVE/MEMBER")
    fields = Fields(fields.values, f"{fields.place} ({image})", fields.remedy)
    height, width = (fields.integer(side, 1, _MOST_PIXELS) for side in ("height", "width"))
    if height * width > MOST_PIXELS:
        raise fields.wrong("width", f"at most {MOST_PIXELS // height} at this height")
    faces = () if fields.values.get("faces") == [] else tuple(_face(part) for part in fields.parts("faces"))
    return _Row(image, height, width, faces)


def _face(fields: Fields) -> _Face:
    role = fields.text("role")
    if role not in ("face", "ignore"):
        raise fields.wrong("role", "face or ignore")
    box = _box(fields, "box")
    drawn = (
        box if fields.text("source") == "hand" else _box(fields, "hand_box") if "hand_box" in fields.values else None
    )
    points = None if fields.values.get("landmarks") is None else _numbers(fields, "landmarks", 10)
    stated = fields.values.get("score", 1.0)
    if not isinstance(stated, int | float) or isinstance(stated, bool) or not 0 <= stated <= 1:
        raise fields.wrong("score", "0 to 1")
    return _Face(box, points, role != "face", drawn, 1.0 if drawn is not None else float(stated))


def _box(fields: Fields, key: str) -> Numbers:
    box = _numbers(fields, key, 4)
    if not (box[0] < box[2] and box[1] < box[3]):
        raise fields.wrong(key, "[left, top, right, bottom] with an area")
    return box


def _numbers(fields: Fields, key: str, count: int) -> Numbers:
    """So many coordinates in pixels; a photograph's own need not hold them all."""
    values = fields.values.get(key)
    wanted = f"{count} numbers from {-_FARTHEST} to {_FARTHEST}"
    if not isinstance(values, list) or len(values) != count:
        raise fields.wrong(key, wanted)
    if not all(type(v) in (int, float) and abs(v) <= _FARTHEST for v in values):  # NaN is not
        raise fields.wrong(key, wanted)
    return tuple(float(v) for v in values)


def _annotated(rows: list[public_sets.Annotated]) -> Photos:
    names = [str(row.path) for row in rows]
    digest = hashlib.sha256("\n".join(f"{n} {r.boxes} {r.ignore}" for n, r in zip(names, rows, strict=True)).encode())
    key = f"photos-{digest.hexdigest()[:16]}-{_state(row.path for row in rows)}"
    pixels = decoded(key, names, lambda name: read_image(Path(name)))
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
                certainty=np.ones(len(boxes), np.float32),
            )
        )
    return Photos(tuple(photos), digest.hexdigest())


def _photo(row: _Row, luma: NDArray[np.uint8]) -> Photo:
    unknown = (np.nan,) * 10
    return Photo(
        name=row.image,
        luma=luma,
        boxes=np.array([face.box for face in row.faces], np.float32).reshape(-1, 4),
        landmarks=np.array([face.landmarks or unknown for face in row.faces], np.float32).reshape(-1, 5, 2),
        ignore=np.array([face.ignore for face in row.faces], np.bool_),
        drawn=np.array([face.drawn or unknown[:4] for face in row.faces], np.float32).reshape(-1, 4),
        certainty=np.array([face.certainty for face in row.faces], np.float32),
    )


def _state(files: Iterable[Path]) -> str:
    """Changes when one of the files does: a few digits of a hash of their sizes and times."""
    told = []
    for path in files:
        if path.is_file():
            told.append(f"{path.name} {path.stat().st_size} {path.stat().st_mtime_ns}")
    return hashlib.sha256("\n".join(told).encode("utf-8", "surrogateescape")).hexdigest()[:8]


class _Archives:
    """The zip archives of a folder, each opened when it is first read, and closed with the stack."""

    def __init__(self, folder: Path, stack: contextlib.ExitStack) -> None:
        self._folder, self._stack = folder, stack
        self._opened: dict[str, zipfile.ZipFile] = {}

    def state(self, images: Iterable[str]) -> str:
        """Changes when one of the images' archives does."""
        return _state(sorted({self._path(image) for image in images}))

    def read(self, image: str) -> bytes:
        """The bytes of ARCHIVE/MEMBER.

        Raises:
            MienError: the archive or its member is missing or damaged.
        """
        path, (kind, _, member) = self._path(image), image.partition("/")
        try:
            if kind not in self._opened:
                self._opened[kind] = self._stack.enter_context(zipfile.ZipFile(path))
            stated = self._opened[kind].getinfo(member).file_size
            if stated > _MOST_BYTES:
                raise MienError(f"{path}: {member} has {stated} bytes; at most {_MOST_BYTES} are read")
            return self._opened[kind].read(member)
        except (*DAMAGE, KeyError, ValueError) as error:
            raise MienError(f"{path}: cannot give {member} ({error}); fetch it again") from None

    def _path(self, image: str) -> Path:
        return self._folder / f"{image.partition('/')[0]}.zip"


def _decode(archives: _Archives, row: _Row) -> NDArray[np.uint8]:
    raw = archives.read(row.image)
    image = None
    # What a header states is looked at before anything is decoded; a camera's mark may have the picture turned by 90°.
    if header.size(raw) in ((row.height, row.width), (row.width, row.height)):
        with contextlib.suppress(cv2.error):
            image = cv2.imdecode(np.frombuffer(raw, np.uint8), cv2.IMREAD_GRAYSCALE)
    if image is None or image.shape != (row.height, row.width):
        raise MienError(f"{row.image}: is no picture of {row.width}×{row.height}, as faces.json says; fetch it again")
    return np.asarray(image, dtype=np.uint8)
