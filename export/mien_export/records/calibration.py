"""A result of `mien_export calibrations`: a model's figure after every way to measure activation ranges."""

from __future__ import annotations

from typing import NotRequired, TypedDict

from mien.machine import Facts


class Row(TypedDict):
    """One method and number of calibration images; the figure that the task has."""

    method: str
    images: int
    accuracy: NotRequired[float]
    ap50: NotRequired[float]


class Calibrations(TypedDict):
    """The whole file; `figure` names the rows' figure, `float` is that of the network before."""

    command: str
    task: str
    recipe: str
    figure: str
    split: str
    seed: int
    float: float
    rows: list[Row]
    date: str
    hardware: Facts


def figure(row: Row) -> float:
    """Accuracy of a classifier, average precision of a detector."""
    return row["accuracy"] if "accuracy" in row else row["ap50"]
