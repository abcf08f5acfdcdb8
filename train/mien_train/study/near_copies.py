"""Held-out images with a near copy in the training split: how many, how labelled, and what that does to accuracy."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

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


@dataclass(frozen=True, slots=True)
class PairCount:
    """Pairs of near copies: all of them, and those of the same bytes."""

    all: int
    exact: int


@dataclass(frozen=True, slots=True)
class InTraining:
    """Images of a held-out split.

    Attributes:
        images: all of them.
        with_copy, with_exact_copy: those with a near copy in the training split, and with one of the same bytes.
        labelled, other_label: by protocol, those where both the image and a copy of it have a label, and where the two
            labels differ.
    """

    images: int
    with_copy: int
    with_exact_copy: int
    labelled: Mapping[str, int]
    other_label: Mapping[str, int]

    def document(self) -> dict[str, object]:
        """JSON types: one key a protocol."""
        by_protocol = {
            f"{kind}_{protocol}": counts[protocol]
            for protocol in self.labelled
            for kind, counts in (("labelled", self.labelled), ("other_label", self.other_label))
        }
        shared = {"images": self.images, "with_copy": self.with_copy, "with_exact_copy": self.with_exact_copy}
        return {**shared, **by_protocol}


@dataclass(frozen=True, slots=True)
class Counts:
    """Near copies in a data set.

    Attributes:
        blank: images of one grey, by split; they resemble none.
        pairs: by where the two images are, such as "train and test" or "within val".
        in_training: of "val" and "test".
    """

    blank: Mapping[str, int]
    pairs: Mapping[str, PairCount]
    in_training: Mapping[str, InTraining]

    def document(self) -> dict[str, object]:
        """JSON types, with the method."""
        return {
            "method": {
                "compared": "every pair of images; blank ones resemble none; mirrored copies are not looked for",
                "correlation_at_16x16": duplicates.COARSE,
                "correlation_at_best_shift": duplicates.FINE,
                "shift_pixels": duplicates.SHIFT,
            },
            "blank": dict(self.blank),
            "pairs": {name: dataclasses.asdict(count) for name, count in self.pairs.items()},
            "in_training": {name: found.document() for name, found in self.in_training.items()},
        }


@dataclass(frozen=True, slots=True)
class Subset:
    """Images, and the share of them that are read right; None where there is none."""

    n: int
    accuracy: float | None


@dataclass(frozen=True, slots=True)
class Accuracy:
    """Accuracy of a model on test images, by what near copies they have in the training split.

    Attributes:
        model, sha256: the model file.
        protocol: of the labels.
        missing: why there are no figures; empty if there are.
        subsets: "all", "without_copy", "with_copy", and of the last "copy_agrees" (their labelled copies all have their
            label), "copy_disagrees" (one has another) and "copy_unlabelled" (no copy has a label).
    """

    model: str
    sha256: str
    protocol: str
    missing: str = ""
    subsets: Mapping[str, Subset] = dataclasses.field(default_factory=dict)

    def document(self) -> dict[str, object]:
        """JSON types: the subsets by name, or "missing"."""
        head = {"model": self.model, "sha256": self.sha256, "split": "test", "protocol": self.protocol}
        if self.missing:
            return {**head, "missing": self.missing}
        return {**head, **{name: dataclasses.asdict(subset) for name, subset in self.subsets.items()}}


def counted(source: Collection, pairs: Pairs) -> Counts:
    """Near copies within and across splits, and the images of "val" and "test" that have one in "train"."""
    where = [source.usage == index for index in range(len(SPLITS))]
    blank = duplicates.blank(source.images)
    return Counts(
        blank={name: int(blank[mask].sum()) for name, mask in zip(SPLITS, where, strict=True)},
        pairs={
            f"{a} and {b}" if a != b else f"within {a}": _pairs(pairs, where[i], where[j])
            for i, a in enumerate(SPLITS)
            for j, b in enumerate(SPLITS)
            if i <= j
        },
        in_training={name: _in_training(source, pairs, SPLITS.index(name)) for name in ("val", "test")},
    )


def accuracy(source: Collection, pairs: Pairs, model: Path, log: Path | None) -> Accuracy:
    """Accuracy of a model on test images with and without a near copy in training.

    Looks at the test split, and notes it as `evaluation.evaluate` does.

    Args:
        source: images and labels; `Collection.best` says under which protocol.
        pairs: near copies, of `duplicates.find`.
        model: .pt checkpoint, or .onnx / .tflite with its sidecar beside it.
        log: gets a line; None: `evaluation.TEST_LOG` does, if its folder is here and the data are FER2013's.

    Raises:
        MienError: the model is unreadable, or is none for emotions.
    """
    if task_of(model) != "emotion":
        raise MienError(f"{model}: is no emotion model; give one of the emotion task")
    protocol = source.best
    split = source.protocols[protocol]["test"]
    head = Accuracy(model.name, bundle.sha256(model), protocol)
    if not len(split.labels):
        return dataclasses.replace(head, missing="the data have no test images")
    outputs, known, _ = evaluation.emotion_logits(model, split.images)
    if missing := [name for name in split.names if name not in known]:
        return dataclasses.replace(head, missing=f"the model does not know {', '.join(missing)}")
    # Labels that the protocol lacks (contempt in FER2013) are not among the choices.
    predicted = outputs[:, [known.index(name) for name in split.names]].argmax(dim=1).numpy()
    labels = source.labels(protocol)
    across = pairs.between(source.usage == SPLITS.index("test"), source.usage == SPLITS.index("train"))
    labelled = across.only(labels[across.second] >= 0)
    differing = labelled.only(labels[labelled.first] != labels[labelled.second])
    has_copy, has_labelled, disagrees = (np.isin(split.rows, p.first) for p in (across, labelled, differing))
    masks = {
        "all": np.ones(len(split.rows), np.bool_),
        "without_copy": ~has_copy,
        "with_copy": has_copy,
        "copy_agrees": has_labelled & ~disagrees,
        "copy_disagrees": disagrees,
        "copy_unlabelled": has_copy & ~has_labelled,
    }
    found = scores(predicted, split.labels, len(split.names))
    figures = {"n": len(split.labels), "accuracy": round(found.accuracy, 5), "macro_f1": round(found.macro_f1, 5)}
    if log or (evaluation.TEST_LOG.parent.is_dir() and protocol != "folders"):
        evaluation.log_test({"task": "emotion", **head.document(), **figures}, log or evaluation.TEST_LOG)
    return dataclasses.replace(
        head, subsets={name: _subset(predicted == split.labels, mask) for name, mask in masks.items()}
    )


def _pairs(pairs: Pairs, ours: NDArray[np.bool_], theirs: NDArray[np.bool_]) -> PairCount:
    one, other = pairs.first, pairs.second
    chosen = pairs.only((ours[one] & theirs[other]) | (theirs[one] & ours[other]))
    return PairCount(len(chosen.first), int(chosen.exact.sum()))


def _in_training(source: Collection, pairs: Pairs, split: int) -> InTraining:
    here = source.usage == split
    across = pairs.between(here, source.usage == SPLITS.index("train"))
    labelled, other = {}, {}
    for protocol in source.protocols:
        labels = source.labels(protocol)
        both = across.only((labels[across.first] >= 0) & (labels[across.second] >= 0))
        labelled[protocol] = len(np.unique(both.first))
        other[protocol] = len(np.unique(both.first[labels[both.first] != labels[both.second]]))
    exact = len(np.unique(across.first[across.exact]))
    return InTraining(int(here.sum()), len(np.unique(across.first)), exact, labelled, other)


def _subset(right: NDArray[np.bool_], mask: NDArray[np.bool_]) -> Subset:
    return Subset(int(mask.sum()), round(float(right[mask].mean()), 5) if mask.any() else None)
