"""A result of `mien_export results` on an emotion classifier: emotion-base.json."""

from __future__ import annotations

from typing import TypedDict

from mien.errors import MienError
from mien_export.records.report import Evaluation, Report


class Class(TypedDict):
    """Figures of one emotion, 0 to 1; `support` is its number of images."""

    precision: float
    recall: float
    f1: float
    support: int


class EmotionEvaluation(Evaluation):
    """One artefact, split and protocol.

    Attributes:
        protocol: "strict", "loose", "fer2013" or "own".
        n: images.
        ece: expected calibration error, 0 to 1.
        per_class: label to its figures.
        confusion: images by (true, chosen) label.
    """

    protocol: str
    n: int
    accuracy: float
    macro_f1: float
    ece: float
    per_class: dict[str, Class]
    confusion: list[list[int]]


class EmotionReport(Report):
    """The whole file."""

    evaluations: list[EmotionEvaluation]


def strict_test(found: EmotionReport) -> EmotionEvaluation:
    """The int8 TFLite on FER+'s strict test images.

    Raises:
        MienError: it was not measured.
    """
    wanted = ("tflite", "test", "strict")
    for entry in found["evaluations"]:
        if (entry["artefact"], entry["split"], entry["protocol"]) == wanted:
            return entry
    raise MienError(f"{found['model']}: its result lacks the strict test accuracy; see `make results`")
