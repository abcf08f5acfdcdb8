"""Files of training data damaged at random, each by its seed: they are read in full, or refused in one line.

`python tests/train/data/test_damaged.py KIND FIRST COUNT` tries more of one kind, and prints what it finds.
"""

from __future__ import annotations

import copy
import csv
import gzip
import io
import json
import lzma
import os
import shutil
import sys
import tempfile
import traceback
import zipfile
from collections.abc import Callable
from pathlib import Path
from random import Random
from typing import Any

import cv2
import numpy as np
import pytest

from mien.errors import MienError
from mien_train.data import emotion_data, faces, fer, ferplus_folders, folders

CASES = 80
"""Of each kind, in a test run."""

USAGES = ("Training", "PublicTest", "PrivateTest")
ODD_FIELDS = (
    *("", " ", "-1", "7", "256", "9" * 20, "9" * 5000, "1e3", "1.5", "nan", "inf", "0x10", "٣", "²", "½", "1_0", "+1"),
    *("Training ", '"', '""', "\0", "\n", "\r", "é", ",", ";", "\t", "x" * 200_000, "../x.png", "/", "."),
)
ODD_VALUES: tuple[Any, ...] = (
    *(None, True, "", "x", "\0", "../x", "9" * 5000, 0, -1, 255, 2**63, 10**400, 0.5, -0.0, 1e300, 5e-324),
    *(float("nan"), float("inf"), float("-inf"), [], {}, [[]], [None], [0, 0, 1], {"": 1}, "x" * 5000),
)


def damaged(rng: Random, raw: bytes) -> bytes:
    """Bytes flipped, cut short, doubled, zeroed, put in or in another encoding."""
    at, other = rng.randrange(len(raw) + 1), rng.randrange(len(raw) + 1)
    what = rng.randrange(10)
    if what < 3 and raw:
        changed = bytearray(raw)
        for _ in range(rng.choice((1, 2, 8, 64))):
            changed[rng.randrange(min(len(raw), rng.choice((64, len(raw)))))] ^= 1 << rng.randrange(8)
        return bytes(changed)
    if what == 3:
        return raw[:at]
    if what == 4:
        return raw[: min(at, other)] + raw[max(at, other) :]
    if what == 5:
        return raw[:at] + raw[other : other + rng.randrange(1, 2000)] + raw[at:]
    if what == 6:
        return raw[:at] + rng.choice((b"\0", b'"', b"\xff", b"\xef\xbb\xbf", b"\r", b"\n", b",", b"9" * 300)) + raw[at:]
    if what == 7:
        return raw[:at] + rng.randbytes(rng.choice((1, 7, 300))) + raw[at:]
    if what == 8:
        return rng.choice((b"", b"\0" * 500, raw + raw, raw + b"\0" * 99, b"0" * 2_000_000, rng.randbytes(300)))
    text = raw.decode("utf-8", "replace")
    return text.encode(rng.choice(("utf-16", "utf-32", "utf-7", "utf-8-sig", "cp037")), "replace")


def packed(rng: Random, path: Path, raw: bytes) -> None:
    """Write a CSV file plain or compressed; the archive may be damaged too."""
    suffix = rng.choice((".csv", ".csv", ".csv.gz", ".csv.xz", ".csv.zip", ".zip"))
    if suffix.endswith("gz"):
        raw = gzip.compress(raw, 1)
    elif suffix.endswith("xz"):
        raw = lzma.compress(raw, preset=0)
    elif suffix.endswith("zip"):
        stream = io.BytesIO()
        with zipfile.ZipFile(stream, "w", rng.choice((zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED))) as archive:
            archive.writestr(rng.choice((f"{path.name}.csv", "other.csv")), raw)
        raw = stream.getvalue()
    if suffix != ".csv" and rng.random() < 0.5:
        raw = damaged(rng, raw)
    path.with_name(path.name + suffix).write_bytes(raw)


def tables(rng: Random) -> tuple[list[list[str]], list[list[str]]]:
    """FER2013 and FER+ of nine images."""
    pixels, votes = [["emotion", "pixels", "Usage"]], [["Usage", "Image name", *(f"vote{k}" for k in range(10))]]
    for number in range(9):
        values = " ".join(str(rng.randrange(256)) for _ in range(48 * 48))
        pixels.append([str(rng.randrange(7)), values, USAGES[number % 3]])
        counts = [rng.choice((0, 0, 1, 2, 5, 10)) for _ in range(10)]
        votes.append([USAGES[number % 3], f"fer{number:07d}.png", *map(str, counts)])
    return pixels, votes


def mangled(rng: Random, rows: list[list[str]]) -> list[list[str]]:
    """A table with one or two rows or fields missing, doubled, exchanged or odd."""
    rows = [list(row) for row in rows]
    for _ in range(rng.choice((1, 1, 2))):
        row = rng.choice(rows)
        what = rng.randrange(7)
        if what == 0 and len(rows) > 2:
            rows.remove(row)
        elif what == 1:
            rows.insert(rng.randrange(len(rows) + 1), list(row))
        elif what == 2 and row:
            del row[rng.randrange(len(row))]
        elif what == 3:
            rng.shuffle(row)
        elif what == 4 and row:
            at = rng.randrange(len(row))
            words = row[at].split(" ")
            words[rng.randrange(len(words))] = rng.choice(ODD_FIELDS)
            row[at] = " ".join(words)
        elif what == 5:
            rng.shuffle(rows)
        elif row:
            row[rng.randrange(len(row))] = rng.choice(ODD_FIELDS)
    return rows


def text(rng: Random, rows: list[list[str]]) -> bytes:
    """A table as text, with quotes or without, commas or something else."""
    stream = io.StringIO()
    if rng.random() < 0.2:
        quoting = rng.choice((csv.QUOTE_ALL, csv.QUOTE_MINIMAL))
        csv.writer(stream, delimiter=rng.choice(",,;\t"), quoting=quoting).writerows(rows)
    else:
        end = rng.choice(("\n", "\n", "\n", "\r\n", "\r"))
        stream.write("".join(",".join(row) + end for row in rows))
    return stream.getvalue().encode("utf-8", "surrogatepass")


def fer_tables(rng: Random, folder: Path) -> None:
    """FER2013's and FER+'s tables, and the folders of PNG files made of them."""
    whole = tables(rng)
    hit = rng.randrange(3)  # one, the other, or both
    for which, (name, rows) in enumerate(zip(("fer2013", "fer2013new"), whole, strict=True)):
        if hit not in (which, 2):
            (folder / f"{name}.csv").write_text("".join(",".join(row) + "\n" for row in rows))
        elif rng.random() < 0.6:
            packed(rng, folder / name, text(rng, mangled(rng, rows)))
        else:
            packed(rng, folder / name, damaged(rng, text(rng, rows)))
    read = fer.load(folder)
    count = len(read.images)
    assert read.images.shape == (count, 48, 48)
    assert count
    assert read.labels.max() < 7
    assert read.usage.max() < 3
    if read.votes is not None:
        assert read.votes.shape == (count, 10)
        for split in ("train", "val", "test"):
            shares, _ = fer.distributions(read, split)
            assert np.isfinite(shares).all()
            assert np.allclose(shares.sum(axis=1), 1)
        names = ferplus_folders.image_names(fer_path(folder))
        written = ferplus_folders.write(folder, folder / "out")
        assert sum(written.values()) == len({(u, n) for u, n in zip(read.usage.tolist(), names, strict=True) if n})
        assert len(list((folder / "out").rglob("*.png"))) == sum(written.values())


def fer_path(folder: Path) -> Path:
    """FER+'s file."""
    (path,) = folder.glob("fer2013new.*")
    return path


def class_folders(rng: Random, folder: Path) -> None:
    """Folders of pictures: odd names, damaged and missing pictures, folders in the wrong place."""
    split = rng.choice(("", "", "train"))
    image = cv2.imencode(".png", np.random.default_rng(0).integers(0, 255, (50, 60)).astype(np.uint8))[1].tobytes()
    odd: tuple[bytes, ...] = (
        b"caf\xe9",
        b"a\nb",
        b"\xff",
        b"uncertain",
        b"train",
        b".hidden",
        b"x" * 200,
        b" ",
        b"val",
    )
    for label in (b"happy", b"sad", *([rng.choice(odd)] if rng.random() < 0.5 else [])):
        where = os.fsencode(folder) + (b"/" + split.encode() if split else b"") + b"/" + label
        os.makedirs(where, exist_ok=True)
        for number in range(rng.choice((0, 3, 4, 5))):
            name = rng.choice((b"%d.png", b"%d.png", b"%d.png", b"%d caf\xe9.png", b"%d.JPG", b"%d.txt")) % number
            raw = damaged(rng, image) if rng.random() < 0.1 else image
            with open(where + b"/" + name, "wb") as file:
                file.write(raw)
    if rng.random() < 0.2:
        (folder / "loose.png").write_bytes(image)
    if rng.random() < 0.1:
        (folder / "happy" / "folder.png").mkdir(parents=True, exist_ok=True)
    read = folders.load(folder)
    pictures = [p for p in folder.rglob("*") if p.suffix.lower() in folders.SUFFIXES and p.is_file()]
    listed = [p for p in pictures if p.parent != folder and not any(q.startswith(".") for q in p.parts[-3:])]
    assert len(read.paths) == sum(len(part.labels) for part in read.splits.values()) == len(listed)
    json.dumps(read.names).encode("utf-8")
    "".join(read.names).encode("utf-8")


def photographs(rng: Random, folder: Path) -> None:
    """`faces.json` and its archives."""
    where = folder / "faces"
    where.mkdir()
    face = {"box": [5, 5, 20, 25], "landmarks": [8, 9, 15, 9, 11, 13, 9, 18, 15, 18], "score": 0.9, "source": "teacher"}
    row = {"image": "rooms/0.webp", "width": 40, "height": 30, "faces": []}
    document: dict[str, Any] = {"train": [], "val": []}
    for number in range(4):
        kind = ("rooms", "portraits")[number % 2]
        found = [{**face, "role": "face"}, {**face, "role": "ignore", "landmarks": None}] if number % 2 else []
        entry = {**row, "image": f"{kind}/{number}.webp", "faces": copy.deepcopy(found)}
        document["train" if number < 2 else "val"].append(entry)
    picture = cv2.imencode(".webp", np.full((30, 40), 99, np.uint8))[1].tobytes()
    for kind in ("rooms", "portraits"):
        stream = io.BytesIO()
        with zipfile.ZipFile(stream, "w") as archive:
            for number in range(4):
                raw = damaged(rng, picture) if rng.random() < 0.05 else picture
                archive.writestr(f"{number}.webp", raw)
        raw = stream.getvalue()
        if rng.random() < 0.95:
            (where / f"{kind}.zip").write_bytes(damaged(rng, raw) if rng.random() < 0.15 else raw)
    if rng.random() < 0.7:
        for _ in range(rng.choice((1, 1, 2))):
            change(rng, document)
    raw = json.dumps(document).encode()
    (where / "faces.json").write_bytes(damaged(rng, raw) if rng.random() < 0.3 else raw)
    read = faces.load(folder, "val")
    assert len(read.photos) == len(json.loads((where / "faces.json").read_bytes())["val"])
    for photo in read.photos:
        n = len(photo.boxes)
        assert photo.boxes.shape == (n, 4)
        assert photo.landmarks.shape == (n, 5, 2)
        assert photo.drawn.shape == (n, 4)
        assert np.isfinite(photo.boxes).all()
        assert (photo.boxes[:, 2:] > photo.boxes[:, :2]).all()
        assert not np.isinf(photo.landmarks).any()
        assert not np.isinf(photo.drawn).any()


def change(rng: Random, document: Any) -> None:
    """Change one value of a JSON document, at any depth."""
    parent: Any = document
    while True:
        keys = list(parent) if isinstance(parent, dict) else list(range(len(parent)))
        if not keys:
            return
        key = rng.choice(keys)
        inner = parent[key]
        if not isinstance(inner, dict | list) or not inner or rng.random() < 0.15:
            break
        parent = inner
    what = rng.randrange(4)
    if what == 0:
        del parent[key]
    elif what == 1 and isinstance(parent, list):
        parent.append(copy.deepcopy(parent[key]))
    elif what == 2 and isinstance(parent, dict):
        parent[f"{key}s"] = parent.pop(key)
    else:
        parent[key] = copy.deepcopy(rng.choice(ODD_VALUES))


def annotations(rng: Random, folder: Path) -> None:
    """WIDER FACE's and FDDB's own files."""
    wider = rng.random() < 0.5
    if wider:
        path = folder / "wider_face_split" / "wider_face_val_bbx_gt.txt"
        lines = ["a.png", "1", "1 2 30 40 0 0 0 0 0 0", "b.png", "0", "0 0 0 0 0 0 0 0 0 0"]
        lines += ["c.png", "1", "1 2 9 9 0 0 0 1 0 0"]
        images = folder / "WIDER_val" / "images"
    else:
        path = folder / "FDDB-folds" / "FDDB-fold-01-ellipseList.txt"
        lines = ["a", "1", "20 10 1.5 30 30 1", "b", "2", "20 10 1.5 30 30 1", "9 8 0 20 20 1"]
        images = folder / "originalPics"
    for name in ("a", "b", "c"):
        images.mkdir(parents=True, exist_ok=True)
        suffix = ".png" if wider else ".jpg"
        cv2.imwrite(str(images / f"{name}{suffix}"), np.full((60, 60), 80, np.uint8))
    path.parent.mkdir()
    if rng.random() < 0.6:
        words = lines[at := rng.randrange(len(lines))].split(" ")
        words[rng.randrange(len(words))] = rng.choice((*ODD_FIELDS[:-4], "1e400", "-5"))
        lines[at] = " ".join(words)
        raw = "\n".join(lines).encode("utf-8", "surrogatepass")
    else:
        raw = damaged(rng, "\n".join(lines).encode())
    path.write_bytes(raw)
    photos = faces.load(folder, "val").photos
    for photo in photos:
        assert np.isfinite(photo.boxes).all()
    told = [line for line in raw.decode("utf-8").splitlines() if line.strip()]
    per_photo = sum(2 + max(len(photo.boxes), 1 if wider else 0) for photo in photos)
    assert per_photo == len(told)


def exclusions(rng: Random, folder: Path) -> None:
    """The table of rows that a training leaves out."""
    rows = [["row", "label"], *([str(n), "fear"] for n in range(5))]
    raw = text(rng, mangled(rng, rows)) if rng.random() < 0.5 else damaged(rng, text(rng, rows))
    (folder / "rows.csv").write_bytes(raw)
    found = emotion_data.excluded(str(folder / "rows.csv"))
    assert found.dtype == np.int64
    assert (found >= 0).all()


KINDS: dict[str, Callable[[Random, Path], None]] = {
    "fer": fer_tables,
    "folders": class_folders,
    "faces": photographs,
    "annotations": annotations,
    "exclusions": exclusions,
}


def attempt(kind: str, seed: int, folder: Path) -> str:
    """One case: "read" or "refused: …"; anything else is raised."""
    shutil.rmtree(folder, ignore_errors=True)
    (folder / "data").mkdir(parents=True)
    os.environ["MIEN_CACHE"] = str(folder / "cache")
    try:
        KINDS[kind](Random(f"{kind} {seed}"), folder / "data")
    except MienError as error:
        return f"refused: {error}"
    return "read"


@pytest.mark.filterwarnings("error")
@pytest.mark.parametrize("kind", KINDS)
def test_damaged_files_are_read_in_full_or_refused_in_one_line(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, kind: str
) -> None:
    monkeypatch.setenv("MIEN_CACHE", str(tmp_path))  # put back afterwards
    told = []
    for seed in range(CASES):
        try:
            told.append(attempt(kind, seed, tmp_path / "case"))
            assert told[-1].isprintable()
            assert len(told[-1]) < 1500
        except Exception as error:
            raise AssertionError(f"{kind} {seed}: {error!r}") from error
    assert sum(outcome != "read" for outcome in told) > CASES / 5
    assert len({outcome for outcome in told if outcome != "read"}) > CASES / 10


if __name__ == "__main__":
    wanted, first, count = sys.argv[1], int(sys.argv[2]), int(sys.argv[3])
    outcomes = {"read": 0, "refused": 0, "failed": 0}
    with tempfile.TemporaryDirectory() as place:
        for case in range(first, first + count):
            try:
                outcomes[attempt(wanted, case, Path(place) / "case").split(":")[0]] += 1
            except Exception as error:
                outcomes["failed"] += 1
                line = traceback.extract_tb(error.__traceback__)[-1]
                where = f"{line.filename}:{line.lineno}"
                sys.stdout.write(f"{wanted} {case}: {str(error)[:100]!r} {type(error).__name__} {where}\n")
    sys.stdout.write(f"{wanted} {outcomes}\n")
