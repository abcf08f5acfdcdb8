"""A result of `mien_train tiles`: recall of small faces with and without tiles, beside a detector of the full frame."""

from __future__ import annotations

from typing import NotRequired, TypedDict

from mien_export.records.detector import Alarms


class HeightClass(TypedDict):
    """Recall of the faces of one class of heights."""

    faces: int
    recall: float


class Way(TypedDict):
    """One way to look at a frame; `runs` of the network a frame, and a mean of `second_looks` on the photographs."""

    runs: int
    second_looks: NotRequired[float]
    score_threshold: float
    recall: float
    by_height: dict[str, HeightClass]
    false_positives: Alarms


class Tiles(TypedDict):
    """The whole file; `frame` is (height, width) and `smallest` a face's height, both in pixels."""

    command: str
    frame: list[int]
    photographs: int
    face_free: int
    smallest: float
    detectors: dict[str, Way]
