"""FER2013's and FER+'s tables damaged, plain and compressed, and read with training's own loader."""

from __future__ import annotations

import gzip
import io
import lzma
import os
import shutil
import zipfile
from pathlib import Path
from random import Random

import numpy as np

from mien_train.data import fer
from mutations import damage
from mutations.kinds import ImplausibleError, Trial

_ROWS = 9
_USAGES = ("Training", "PublicTest", "PrivateTest")
_ODD_FIELDS = (
    *(
        "",
        " ",
        "-1",
        "7",
        "256",
        "99999999999999999999",
        "1e3",
        "1.5",
        "nan",
        "inf",
        "0x10",
        "٣",
        "²",
        "½",
        "1_0",
        "+1",
    ),
    *("Training ", "training", '"', '""', "\0", "\n", "é", "\ud7ff", ",", "x" * 200_000),
)


def tables() -> tuple[list[list[str]], list[list[str]]]:
    """A small pair of tables, as rows of fields: pixels and votes."""
    generator = Random(0)
    pixels, votes = [["emotion", "pixels", "Usage"]], [["Usage", "Image name", *(f"vote{k}" for k in range(10))]]
    for number in range(_ROWS):
        usage = _USAGES[number % 3]
        row = " ".join(str(generator.randrange(256)) for _ in range(48 * 48))
        pixels.append([str(generator.randrange(7)), row, usage])
        counts = [0] * 10
        for _ in range(10):
            counts[generator.choice((0, 1, 1, 1, 4, 9))] += 1
        votes.append([usage, f"fer{number:07d}.png", *map(str, counts)])
    return pixels, votes


def prepare(folder: Path) -> Trial:
    """A data folder, and a cache of decoded arrays that is emptied between cases."""
    cache = folder / "cache"
    os.environ["MIEN_CACHE"] = str(cache)
    whole = tables()

    def trial(generator: Random) -> None:
        data = folder / "data"
        for place in (cache, data):
            shutil.rmtree(place, ignore_errors=True)
        data.mkdir()
        hit = generator.randrange(3)  # the pixels, the votes, or both
        for which, stem in enumerate(("fer2013", "fer2013new")):
            rows = [list(row) for row in whole[which]]
            if hit in (which, 2):
                _write(generator, data / stem, rows, generator.random() < 0.6, generator.random() < 0.6)
            else:
                (data / f"{stem}.csv").write_bytes(_text(rows))
        if generator.random() < 0.1:  # a cache that somebody else has damaged
            fer.load(data)
            for path in cache.glob("*.npz"):
                path.write_bytes(damage.bytes_of(generator, path.read_bytes()))
        _check(fer.load(data))

    return trial


def _write(generator: Random, stem: Path, rows: list[list[str]], fields: bool, packed: bool) -> None:
    if fields:
        for _ in range(generator.choice((1, 1, 2))):
            _change(generator, rows)
        raw = _text(rows)
    else:
        raw = damage.bytes_of(generator, _text(rows))
    suffix = ".csv"
    if packed:
        suffix = generator.choice((".csv.gz", ".csv.xz", ".zip"))
        raw = _packed(suffix, stem.name, raw)
        if generator.random() < 0.5:
            raw = damage.bytes_of(generator, raw)
    stem.with_name(stem.name + suffix).write_bytes(raw)


def _change(generator: Random, rows: list[list[str]]) -> None:
    row = generator.choice(rows)
    if not row:
        return
    at = generator.randrange(len(row))
    what = generator.randrange(7)
    if what == 0:
        rows.remove(row)
    elif what == 1:
        rows.insert(generator.randrange(len(rows) + 1), list(row))
    elif what == 2:
        del row[at]
    elif what == 3:
        row.insert(at, generator.choice(_ODD_FIELDS))
    elif what == 4 and " " in row[at]:
        words = row[at].split(" ")
        words[generator.randrange(len(words))] = generator.choice(_ODD_FIELDS)
        row[at] = " ".join(words)
    elif what == 5:
        generator.shuffle(row)
    else:
        row[at] = generator.choice(_ODD_FIELDS)


def _text(rows: list[list[str]]) -> bytes:
    return "".join(",".join(row) + "\n" for row in rows).encode("utf-8", "surrogatepass")


def _packed(suffix: str, stem: str, raw: bytes) -> bytes:
    if suffix == ".csv.gz":
        return gzip.compress(raw, 1)
    if suffix == ".csv.xz":
        return lzma.compress(raw, preset=0)
    stream = io.BytesIO()
    with zipfile.ZipFile(stream, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr(f"{stem}.csv", raw)
    return stream.getvalue()


def _check(read: fer.Fer) -> None:
    count = len(read.images)
    if read.images.shape != (count, 48, 48) or read.images.dtype != np.uint8 or not count:
        raise ImplausibleError(f"images are {read.images.dtype} {read.images.shape}")
    if read.labels.shape != (count,) or read.labels.max() > 6 or read.usage.shape != (count,) or read.usage.max() > 2:
        raise ImplausibleError(f"labels {read.labels.tolist()}, usage {read.usage.tolist()}")
    if read.votes is not None and (read.votes.shape != (count, 10) or read.votes.dtype != np.uint8):
        raise ImplausibleError(f"votes are {read.votes.dtype} {read.votes.shape}")
    for name in ("train", "val", "test"):
        for protocol in ("strict", "loose", "fer2013"):
            if read.votes is None and protocol != "fer2013":
                continue
            part = fer.split(read, name, protocol)
            if (
                len(part.images) != len(part.labels)
                or (part.labels >= len(part.names)).any()
                or (part.labels < 0).any()
            ):
                raise ImplausibleError(f"{name} under {protocol}: labels {part.labels.tolist()}")
        if read.votes is not None:
            shares, _ = fer.distributions(read, name)
            if not np.isfinite(shares).all() or not np.allclose(shares.sum(axis=1), 1):
                raise ImplausibleError(f"{name}: shares {shares.tolist()}")
