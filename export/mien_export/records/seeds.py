"""A result of `mien_export seeds`: one recipe trained with several seeds, each on the same images."""

from __future__ import annotations

from typing import TypedDict

from mien.machine import Facts


class Figures(TypedDict):
    """Of test images, 0 to 1; `mean_recall` is of the classes as the runtime reads a face by default."""

    accuracy: float
    macro_f1: float
    mean_recall: float


class Seed(TypedDict):
    """One int8 export.

    Attributes:
        file, sha256: of the TFLite.
        epochs: after which its weights were taken.
        default: the expression by which the runtime reads it.
        validation: accuracy on the strict validation images.
        strict, loose: figures on the test images of both protocols.
    """

    seed: int
    file: str
    sha256: str
    epochs: int
    default: str
    validation: float
    strict: Figures
    loose: Figures


class Spread(TypedDict):
    """Over seeds: means, sample standard deviations, and the mean accuracy's 95 % interval over `n` images."""

    n: int
    mean: Figures
    deviation: Figures
    interval95: list[float]


class Validation(TypedDict):
    """Over seeds: mean and sample standard deviation of the accuracy on `n` validation images."""

    n: int
    mean: float
    deviation: float


class Bootstrap(TypedDict):
    """How the intervals were found: so often were images drawn, by a generator of this seed."""

    samples: int
    seed: int


class Seeds(TypedDict):
    """The whole file; `model` is the name of what has this recipe."""

    command: str
    date: str
    model: str
    recipe: str
    bootstrap: Bootstrap
    seeds: list[Seed]
    validation: Validation
    strict: Spread
    loose: Spread
    made_with: dict[str, str]
    hardware: Facts
