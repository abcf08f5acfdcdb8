"""A result of `mien_export results` on a face detector: detector.json, face-small.json."""

from __future__ import annotations

from typing import NotRequired, TypedDict

from mien_export.records.report import Evaluation, Report

Band = TypedDict("Band", {"faces": int, "recall": float, "from": float})
"""Recall of faces from so many pixels high in the network's input, up to the next band."""


class Alarms(TypedDict):
    """Face-free photographs in which a face was seen, `of` how many; share and 95 % interval from 0 to 1."""

    pictures: int
    of: int
    share: float
    interval95: list[float]


class Drawn(TypedDict):
    """Average precision on the faces that a person drew."""

    faces: int
    ap50: float


class Group(TypedDict):
    """What is found in some of the photographs: the hard sets', or the others'."""

    faces: int
    ap50: float
    recall: dict[str, Band]


class Landmarks(TypedDict):
    """Mean and median error as a share of the eyes' distance; None where no face was found."""

    landmark_error: float | None
    landmark_median: float | None


class Touching(TypedDict):
    """Pairs of faces that touch, and those of which both are found; `share` from 0 to 1, None without any pair."""

    pairs: int
    both: int
    share: float | None


class Found(Landmarks):
    """What one detector finds.

    Attributes:
        ap50, ap75: average precision at an intersection over union of .5 and .75.
        recall: height class to its recall at the score threshold.
        groups: "hard" and "other" to the same of those photographs; empty or absent where all are of one kind.
        drawn: None where no photograph was labelled by a person.
        touching: absent in older results.
        score_threshold: at which recall, false alarms, landmark errors and pairs hold.
    """

    ap50: float
    ap75: float
    recall: dict[str, Band]
    groups: NotRequired[dict[str, Group]]
    false_positives: Alarms
    drawn: Drawn | None
    touching: NotRequired[Touching]
    score_threshold: float


class Noise(Landmarks):
    """How far the labels' own teacher is from them when it sees the photographs at `input` (height, width)."""

    teacher: str
    input: list[int]


class DetectorEvaluation(Evaluation, Found):
    """One artefact beside its peers.

    Attributes:
        n, face_free: photographs, and those of them without a face.
        reporting_half: whether false alarms are those of the half that did not choose the threshold.
        input: (height, width) in pixels.
        smallest: height in pixels from which a face counts.
        faces: that count.
        label_noise: None where the teacher was not at hand.
        peers: name to what it finds; or why there are none.
    """

    n: int
    face_free: int
    reporting_half: NotRequired[bool]
    input: list[int]
    smallest: float
    faces: int
    label_noise: Noise | None
    peers: dict[str, Found] | str


class DetectorReport(Report):
    """The whole file."""

    evaluations: list[DetectorEvaluation]
