"""A result of `mien_train quality`: what a score of the crop's quality is worth beside the best probability alone."""

from __future__ import annotations

from typing import NotRequired, TypedDict


class Teacher(TypedDict):
    """Who taught a run; `accuracy` is on the strict validation images, 0 to 1."""

    recipe: str
    seed: int
    accuracy: float


class Run(TypedDict):
    """A checkpoint's run; `teachers` by their checkpoints' first digits of SHA-256, none where labels alone taught."""

    recipe: str
    seed: int
    epochs: int
    teachers: dict[str, Teacher]


class Measure(TypedDict):
    """Of a crop, as in a sidecar."""

    usual: float
    spread: float
    weight: float


class Both(TypedDict):
    """By the best probability alone, and by that with the crop's quality."""

    softmax: float
    quality: float


class Difference(TypedDict):
    """Bootstrap mean and standard error of what quality adds to the area; below 0 is better."""

    mean: float
    error: float


class Group(TypedDict):
    """Faces in scenes; `risk_area` is the area under the risk-coverage curve, 0 to 1, less is better."""

    faces: int
    accuracy: float
    risk_area: Both
    difference: Difference
    calibration_error: Both


class Groups(TypedDict):
    """Faces as they are, each of them spoiled in one way, and all."""

    clean: Group
    spoiled: Group
    all: Group


class JudgedQuality(TypedDict):
    """The whole file; `run` where a checkpoint was judged, `settings` as a sidecar has them, `detector_sha256` of its
    TFLite file."""

    command: str
    images: int
    detector: str
    detector_sha256: NotRequired[str]
    run: NotRequired[Run]
    settings: dict[str, Measure]
    groups: Groups
