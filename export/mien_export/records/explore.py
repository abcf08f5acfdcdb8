"""Of a result of `mien_train explore` what pages show: pictures that FER2013 holds twice."""

from __future__ import annotations

from typing import NotRequired, TypedDict


class Subset(TypedDict):
    """Accuracy on some of the test images."""

    n: int
    accuracy: float


class Method(TypedDict):
    """When two pictures count as near copies."""

    correlation_at_best_shift: float
    shift_pixels: int


class Duplicates(TypedDict):
    """How near copies were found."""

    method: Method


class Disagreement(TypedDict):
    """Share of images on which FER2013's and FER+'s labels differ, 0 to 1."""

    share: float


class Accuracy(TypedDict):
    """Accuracy by what a test image's near copy among the training images is; a subset without images is left out."""

    all: NotRequired[Subset]
    without_copy: NotRequired[Subset]
    with_copy: NotRequired[Subset]
    copy_agrees: NotRequired[Subset]
    copy_disagrees: NotRequired[Subset]


class Exploration(TypedDict):
    """Of the whole file what is used."""

    command: str
    duplicates: Duplicates
    accuracy: Accuracy
    disagreement: Disagreement
