"""Held-out images that are also in the training split: how many, with which labels, and what they do to accuracy."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from mien.errors import MienError
from mien.models import bundle
from mien_train import evaluation
from mien_train.data import duplicates
from mien_train.data.collection import SPLITS, Collection
from mien_train.data.duplicates import Pairs
from mien_train.emotion.classification import scores
from mien_train.model_file import task_of


def counted(source: Collection, pairs: Pairs) -> dict[str, Any]:
    """Pairs within and across splits, and the images of "val" and "test" that have a twin in "train"."""
    where = [source.usage == index for index in range(len(SPLITS))]
    blank = duplicates.blank(source.images)
    return {
        "method": {
            "compared": "every pair of images; blank ones resemble none; mirrored copies are not looked for",
            "correlation_at_16x16": duplicates.COARSE,
            "correlation_at_best_shift": duplicates.FINE,
            "shift_pixels": duplicates.SHIFT,
        },
        "blank": {name: int(blank[mask].sum()) for name, mask in zip(SPLITS, where, strict=True)},
        "pairs": {
            f"{a} and {b}" if a != b else f"within {a}": _pairs(pairs, where[i], where[j])
            for i, a in enumerate(SPLITS)
            for j, b in enumerate(SPLITS)
            if i <= j
        },
        "in_training": {name: _in_training(source, pairs, SPLITS.index(name)) for name in ("val", "test")},
    }


def accuracy(source: Collection, pairs: Pairs, model: Path, log: Path) -> dict[str, Any]:
    """Accuracy of a model on test images with and without a twin in training.

    Looks at the test split, and notes it in the log.

    Args:
        source: images and labels; `Collection.best` says under which protocol.
        pairs: twins, of `duplicates.find`.
        model: .pt checkpoint, or .onnx / .tflite with its sidecar beside it.
        log: gets a line, as by `evaluation.evaluate`.

    Returns:
        Accuracy (None where there is no image) and number of images "all", "without_twin", "with_twin", and of the last
        "twin_agrees" (their labelled twins all have their label), "twin_disagrees" (one has another) and
        "twin_unlabelled" (no twin has a label under the protocol). Where the model does not know the labels: the reason
        instead.

    Raises:
        MienError: the model is unreadable, or is none for emotions.
    """
    if task_of(model) != "emotion":
        raise MienError(f"{model}: is no emotion model; give one of the emotion task")
    protocol = source.best
    split = source.protocols[protocol]["test"]
    head = {"model": model.name, "sha256": bundle.sha256(model), "split": "test", "protocol": protocol}
    if not len(split.labels):
        return {**head, "missing": "the data have no test images"}
    outputs, known, _ = evaluation.emotion_logits(model, split.images)
    if missing := [name for name in split.names if name not in known]:
        return {**head, "missing": f"the model does not know {', '.join(missing)}"}
    # Labels that the protocol lacks (contempt in FER2013) are not among the choices.
    predicted = outputs[:, [known.index(name) for name in split.names]].argmax(dim=1).numpy()
    labels = source.labels(protocol)
    across = pairs.between(source.usage == SPLITS.index("test"), source.usage == SPLITS.index("train"))
    labelled = across.only(labels[across.second] >= 0)
    differing = labelled.only(labels[labelled.first] != labels[labelled.second])
    twin, known_twin, other = (np.isin(split.rows, p.first) for p in (across, labelled, differing))
    groups = {
        "all": np.ones(len(split.rows), np.bool_),
        "without_twin": ~twin,
        "with_twin": twin,
        "twin_agrees": known_twin & ~other,
        "twin_disagrees": other,
        "twin_unlabelled": twin & ~known_twin,
    }
    found = scores(predicted, split.labels, len(split.names))
    figures = {"n": len(split.labels), "accuracy": round(found.accuracy, 5), "macro_f1": round(found.macro_f1, 5)}
    evaluation.log_test({"task": "emotion", **head, **figures}, log)
    return {**head, **{name: _share(predicted == split.labels, mask) for name, mask in groups.items()}}


def _pairs(pairs: Pairs, ours: NDArray[np.bool_], theirs: NDArray[np.bool_]) -> dict[str, int]:
    one, other = pairs.first, pairs.second
    chosen = pairs.only((ours[one] & theirs[other]) | (theirs[one] & ours[other]))
    return {"all": len(chosen.first), "exact": int(chosen.exact.sum())}


def _in_training(source: Collection, pairs: Pairs, split: int) -> dict[str, Any]:
    here = source.usage == split
    across = pairs.between(here, source.usage == SPLITS.index("train"))
    found: dict[str, Any] = {
        "images": int(here.sum()),
        "with_twin": len(np.unique(across.first)),
        "with_exact_twin": len(np.unique(across.first[across.exact])),
    }
    for protocol in source.protocols:
        labels = source.labels(protocol)
        both = across.only((labels[across.first] >= 0) & (labels[across.second] >= 0))
        found[f"labelled_{protocol}"] = len(np.unique(both.first))
        found[f"other_label_{protocol}"] = len(np.unique(both.first[labels[both.first] != labels[both.second]]))
    return found


def _share(right: NDArray[np.bool_], mask: NDArray[np.bool_]) -> dict[str, Any]:
    return {"n": int(mask.sum()), "accuracy": round(float(right[mask].mean()), 5) if mask.any() else None}
