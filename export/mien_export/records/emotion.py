"""A result of `mien_export results` on an emotion classifier: emotion-base.json."""

from __future__ import annotations

from typing import NotRequired, TypedDict

from mien.errors import MienError
from mien.models.expression import INTENDED, PERCEIVED
from mien_export.records.report import Evaluation, Report


class Class(TypedDict):
    """Figures of one emotion, 0 to 1; `support` is its number of images."""

    precision: float
    recall: float
    f1: float
    support: int


class Abstention(TypedDict):
    """Share of the readings that is left out, and of the errors that are among these."""

    share: float
    errors: float


class Change(TypedDict):
    """Figures under one of `mien_train.emotion.robustness.CHANGES`, or of the images as they are ("clean")."""

    accuracy: float
    macro_f1: float


class Shift(TypedDict):
    """Share of choices that a shift by one pixel changes."""

    changed: float


class Robustness(TypedDict):
    """What `evaluate --robustness` adds."""

    clean: Change
    noise: Change
    blur: Change
    gamma: Change
    cover: Change
    contrast: Change
    jpeg: Change
    shift: Shift


class Way(TypedDict):
    """Faces in frames (height, width) of one size; a missed one is an error of `accuracy`."""

    frame: list[int]
    found: float
    accuracy: float


class FullPath(TypedDict):
    """What `evaluate --full-path` adds; `detector_sha256` is of its TFLite file."""

    detector: str
    detector_sha256: NotRequired[str]
    n: int
    sides: list[int]
    frames: list[Way]


class Default(TypedDict):
    """What the runtime shows of the same images, where that is another expression."""

    expression: str
    accuracy: float
    mean_recall: float


class EmotionEvaluation(Evaluation):
    """One artefact, split and protocol.

    Attributes:
        protocol: "strict", "loose", "fer2013" or "own".
        n: images.
        expression: how the artefact was read; absent from results of a time when there was one way.
        mean_recall: of the classes that have images; likewise.
        default: figures of the model's own choice of an expression; absent if it is this one.
        ece: expected calibration error, 0 to 1.
        abstention: what leaving out the least confident readings is worth; absent from results of a time when it was
            not counted.
        per_class: label to its figures.
        confusion: images by (true, chosen) label.
        robustness, full_path: where they were measured.
    """

    protocol: str
    expression: NotRequired[str]
    mean_recall: NotRequired[float]
    default: NotRequired[Default]
    n: int
    accuracy: float
    macro_f1: float
    ece: float
    abstention: NotRequired[Abstention]
    per_class: dict[str, Class]
    confusion: list[list[int]]
    robustness: NotRequired[Robustness]
    full_path: NotRequired[FullPath]


class Judged(TypedDict):
    """What an expression finds under one label set, on validation images; `recall` of each class."""

    n: int
    accuracy: float
    mean_recall: float
    ece: float
    recall: dict[str, float | None]


class Choice(TypedDict):
    """An expression under both label sets; `mean_recall` is of all their classes together."""

    mean_recall: float
    strict: Judged
    fer2013: Judged


class EmotionReport(Report):
    """The whole file; `choices` is "float" and "int8" to each expression of a classifier of two heads."""

    evaluations: list[EmotionEvaluation]
    choices: NotRequired[dict[str, dict[str, Choice]]]


def accuracies(found: Robustness) -> dict[str, float]:
    """Accuracy by change, that of the images as they are first."""
    return {
        "clean": found["clean"]["accuracy"],
        "noise": found["noise"]["accuracy"],
        "blur": found["blur"]["accuracy"],
        "gamma": found["gamma"]["accuracy"],
        "cover": found["cover"]["accuracy"],
        "contrast": found["contrast"]["accuracy"],
        "jpeg": found["jpeg"]["accuracy"],
    }


def strict_test(found: EmotionReport) -> EmotionEvaluation:
    """The int8 TFLite on FER+'s strict test images.

    Raises:
        MienError: it was not measured.
    """
    entry = test_of(found, "strict", PERCEIVED)
    if entry is not None:
        return entry
    raise MienError(f"{found['model']}: its result lacks the strict test accuracy; see `make results`")


def main_test(found: EmotionReport) -> EmotionEvaluation:
    """The same of a model of FER+'s labels, and of one of FER2013's the int8 TFLite on FER2013's test images.

    Raises:
        MienError: it was not measured.
    """
    others = any(entry.get("expression", PERCEIVED) != INTENDED for entry in found["evaluations"])
    alone = None if others else test_of(found, "fer2013", INTENDED)
    return alone or strict_test(found)


def shown_test(found: EmotionReport) -> EmotionEvaluation | None:
    """The int8 TFLite on FER+'s strict test images as the runtime shows it by default; None if not measured so."""
    entry = test_of(found, "strict", PERCEIVED)
    if entry is None or "default" not in entry:  # what stands for the model is its default, too
        return entry
    return test_of(found, "strict", entry["default"]["expression"])


def test_of(found: EmotionReport, protocol: str, expression: str) -> EmotionEvaluation | None:
    """The int8 TFLite's evaluation on the test images of a protocol, read in one way; None if not measured."""
    for entry in found["evaluations"]:
        read = entry.get("expression", PERCEIVED)
        if (entry["artefact"], entry["split"], entry["protocol"], read) == ("tflite", "test", protocol, expression):
            return entry
    return None
