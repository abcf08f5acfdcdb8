"""A small FER2013 and FER+ out of the whole ones: what a quick look trains on."""

from __future__ import annotations

import csv
import io
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from mien_train.data import fer, fer_csv, files
from mien_train.data.fer import FERPLUS, Fer


def write(data: Path, out: Path, every: int) -> Path:
    """Write one image in so many as `fer2013.csv`, and with FER+ `fer2013new.csv`.

    Args:
        data: data folder.
        out: folder of the two files; made if it is not there.
        every: one image in so many stays, of each FER2013 label in each split: the first, and then every so manieth.

    Returns:
        `out`.

    Raises:
        MienError: the data cannot be read, or a file cannot be written.
    """
    source = fer.load(data)
    rows = chosen(source, every)
    usages, pixels = list(fer_csv.USAGES.values()), io.StringIO()
    table = csv.writer(pixels, lineterminator="\n")
    table.writerow(("emotion", "pixels", "Usage"))
    for row in rows.tolist():
        values = " ".join(map(str, source.images[row].reshape(-1).tolist()))
        table.writerow((source.labels[row], values, usages[source.usage[row]]))
    files.write_text(out / "fer2013.csv", pixels.getvalue())
    (out / "fer2013new.csv").unlink(missing_ok=True)  # of other data
    if source.votes is not None:
        votes = io.StringIO()
        table = csv.writer(votes, lineterminator="\n")
        table.writerow(("Usage", "Image name", *FERPLUS, "unknown", "NF"))
        table.writerows(
            (usages[source.usage[row]], f"fer{row:07d}.png", *source.votes[row].tolist()) for row in rows.tolist()
        )
        files.write_text(out / "fer2013new.csv", votes.getvalue())
    return out


def chosen(source: Fer, every: int) -> NDArray[np.int64]:
    """Rows int64 (n,), ascending, that `write` keeps."""
    group = source.usage.astype(np.int64) * len(fer_csv.FER2013) + source.labels
    parts = [np.flatnonzero(group == number)[::every] for number in np.unique(group)]
    return np.sort(np.concatenate(parts))
