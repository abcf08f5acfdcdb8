"""A result of `mien_train smoothing`: how steady and how soon the shown emotion is, by ways to smooth."""

from __future__ import annotations

from typing import NotRequired, TypedDict


class Often(TypedDict):
    """Changes a minute of what is shown: mean over faces, its 95 % interval, and the share of faces above 1."""

    mean: float
    interval: list[float]
    faces_above_1: float


class Late(TypedDict):
    """Milliseconds until a change of expression is shown, of `changes` that the classifier reads; `never`: not within
    three seconds. A percentile is null where it falls on these; `in_time` is the share within the limit."""

    changes: int
    never: int
    median: int | None
    p90: int | None
    in_time: float | None


class AtRate(TypedDict):
    """Figures at one rate of frames; `uncertain` and `wrong` are shares of a still face's time."""

    still: Often
    swaying: Often
    cut: Late
    faded: Late
    uncertain: float
    wrong: float


class Row(TypedDict):
    """A filter and a rule with their parameters by name, and the figures by frames a second."""

    filter: str
    filter_numbers: dict[str, float]
    rule: str
    rule_numbers: dict[str, float]
    rates: dict[str, AtRate]


class Faces(TypedDict):
    """Faces on which parameters were chosen, of the figures, and those that the detector did not find in a scene."""

    chosen_on: int
    reported: int
    not_found: int


class Seconds(TypedDict):
    """For how long each face was filmed at rest and swaying."""

    still: float
    swaying: float


class Limits(TypedDict):
    """What is to be held: changes a minute at rest, and the share of changes that may be shown later than so many
    milliseconds."""

    changes_a_minute: float
    milliseconds: float
    late: float


class Costs(TypedDict):
    """Of the best combination on the faces that chose, and of the runtime's on the same: changes a minute and the share
    of late ones, each as a share of its limit, added."""

    best: float
    default: float


class WholePath(TypedDict):
    """Clips of whole frames through the reader: changes a minute at rest of the classifier's verdicts (`unsmoothed`;
    `unsmoothed_crops` of the same faces as crops) and of what was shown; changes of expression shown, the slowest in
    milliseconds."""

    faces: int
    rate: int
    seconds: float
    frames: int
    lost: int
    tracks: int
    clips: int
    unsmoothed: float
    unsmoothed_crops: float
    shown: float
    changes_shown: int
    slowest: int | None


class Smoothing(TypedDict):
    """The whole file; `tremor_pixels` is the landmarks' standard deviation, `noise` the sensor's least and greatest,
    `detector_sha256` of the detector's TFLite file."""

    command: str
    date: str
    model: str
    detector: str
    detector_sha256: NotRequired[str]
    seed: int
    faces: Faces
    seconds: Seconds
    face_pixels: int
    noise: list[float]
    tremor_pixels: float
    limits: Limits
    tried: int
    costs: Costs
    rows: list[Row]
    default: Row
    earlier: Row
    whole_path: WholePath
