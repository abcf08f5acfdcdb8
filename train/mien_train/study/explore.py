"""`explore`: figures and pictures of the emotion data, as they are before any training."""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray

from mien.errors import MienError
from mien_train import evaluation
from mien_train.data import collection, duplicates, fer
from mien_train.data.collection import SPLITS, Collection
from mien_train.study import explore_pictures, near_copies

_CONTESTED = 40
"""Faces listed and shown."""


def explore(data: Path, out: Path, model: Path, log: Path = evaluation.TEST_LOG) -> dict[str, Any]:
    """Look at FER2013 and FER+ (or FER2013 alone, or class folders); write `explore.json` and pictures.

    Args:
        data: data folder.
        out: folder for the results; made if it is not there.
        model: .pt, .onnx or .tflite emotion model whose accuracy on test images with and without a twin in the
            training split is compared.
        log: gets a line, for the test images are looked at.

    Returns:
        What `explore.json` holds: class counts by protocol and split, pixel statistics of the training split,
        brightness and sharpness by split, duplicates, accuracy, and with FER+ the disagreement of both label sets and
        the most contested faces.

    Raises:
        MienError: unreadable data or model, or `out` cannot be written.
    """
    source = collection.load(data)
    light = {"brightness": _brightness(source.images), "sharpness": sharpness(source.images)}
    pairs = duplicates.find(source.images)
    found: dict[str, Any] = {
        "command": f"python -m mien_train {' '.join(sys.argv[1:])}",
        "data": {"images": len(source.images), "sha256": source.sha256, "protocols": list(source.protocols)},
        "classes": {p: {s: _counts(source, p, s) for s in SPLITS} for p in source.protocols},
        "pixels": _pixels(source),
        **{name: _spread(values, source.usage) for name, values in light.items()},
        "duplicates": near_copies.counted(source, pairs),
        "accuracy": near_copies.accuracy(source, pairs, model, log),
    }
    if source.votes is not None:
        found["disagreement"] = disagreement(source)
        found["contested"] = contested(source.votes, _CONTESTED)
    found["made_with"] = evaluation.made_with()
    try:
        out.mkdir(parents=True, exist_ok=True)
        explore_pictures.draw(out, source, light, pairs, found)
        (out / "explore.json").write_text(json.dumps(found, indent=1) + "\n", encoding="utf-8")
    except OSError as error:
        raise MienError(f"{out}: cannot be written ({error.strerror}); choose another place") from None
    return found


def sharpness(images: NDArray[np.uint8]) -> NDArray[np.float64]:
    """Variance of the Laplacian of each image, uint8 (N, H, W) → float64 (N,), in squared luma steps."""
    return np.array([cv2.Laplacian(image, cv2.CV_32F).var(dtype=np.float64) for image in images])


def disagreement(source: Collection) -> dict[str, Any]:
    """FER2013's label against FER+'s strict one, over all splits.

    Returns:
        "table": images by FER2013 label (rows) and FER+ label (columns); "n", the images with both; "share" of them
        whose labels differ; "unlabelled": images by FER2013 label to which FER+ gives no strict label.
    """
    ours, theirs = source.labels("fer2013"), source.labels("strict")
    names, columns = source.names("fer2013"), source.names("strict")
    both = theirs >= 0
    table = np.zeros((len(names), len(columns)), np.int64)
    np.add.at(table, (ours[both], theirs[both]), 1)
    same = sum(int(table[i, columns.index(name)]) for i, name in enumerate(names))
    return {
        "rows": list(names),
        "columns": list(columns),
        "table": table.tolist(),
        "n": int(both.sum()),
        "share": round(1 - same / max(1, int(both.sum())), 5),
        "unlabelled": dict(zip(names, np.bincount(ours[~both], minlength=len(names)).tolist(), strict=True)),
    }


def contested(votes: NDArray[np.uint8], most: int) -> list[dict[str, Any]]:
    """The images whose annotators agreed least: highest entropy (bits) of the votes uint8 (N, 10), first rows first."""
    shares = votes / np.maximum(votes.sum(axis=1, keepdims=True, dtype=np.float64), 1)
    entropy = -(shares * np.log2(np.where(shares > 0, shares, 1))).sum(axis=1)
    names = (*fer.FERPLUS, "unknown", "not a face")
    return [
        {
            "row": int(row),
            "entropy": round(float(entropy[row]), 4),
            "votes": {
                names[k]: int(votes[row, k])
                for k in np.argsort(-votes[row].astype(int), kind="stable")
                if votes[row, k]
            },
        }
        for row in np.argsort(-entropy, kind="stable")[:most]
    ]


def _counts(source: Collection, protocol: str, split: str) -> dict[str, int]:
    part = source.protocols[protocol][split]
    return dict(zip(part.names, np.bincount(part.labels, minlength=len(part.names)).tolist(), strict=True))


def _pixels(source: Collection) -> dict[str, Any]:
    train = source.images[source.usage == SPLITS.index("train")]
    # From a histogram: exact, and no float copy of all pixels.
    counts, values = np.bincount(train.reshape(-1), minlength=256), np.arange(256)
    mean = float((counts * values).sum() / counts.sum())
    deviation = float(np.sqrt((counts * (values - mean) ** 2).sum() / counts.sum()))
    return {"split": "train", "mean": round(mean, 4), "standard_deviation": round(deviation, 4)}


def _brightness(images: NDArray[np.uint8]) -> NDArray[np.float64]:
    return np.asarray(images.reshape(len(images), -1).mean(axis=1))


def _spread(values: NDArray[np.float64], usage: NDArray[np.uint8]) -> dict[str, Any]:
    found = {}
    for index, split in enumerate(SPLITS):
        here = values[usage == index]
        if len(here):
            low, middle, high = np.percentile(here, (5, 50, 95)).tolist()
            found[split] = {"mean": here.mean().item(), "p5": low, "p50": middle, "p95": high}
    return {split: {k: round(v, 3) for k, v in row.items()} for split, row in found.items()}
