"""What every result of `mien_export results` says about its model, whatever the task."""

from __future__ import annotations

from typing import NotRequired, TypedDict

from mien.machine import Facts


class Artefact(TypedDict):
    """A model file; `bytes` is its size."""

    file: str
    bytes: int
    sha256: str


class Recipe(TypedDict):
    """Of a recipe's fields those that pages show; `init` is the checkpoint that training began with, if any."""

    epochs: int
    init: NotRequired[str | None]


class Training(TypedDict):
    """Where the weights come from; `epochs` is the best one."""

    recipe: Recipe
    seed: int
    epochs: int


class Calibration(TypedDict):
    """How the network was made ready for int8; `qat` counts epochs of fine-tuning."""

    qat: NotRequired[int]


class Evaluation(TypedDict):
    """One artefact on one split.

    Attributes:
        artefact: "tflite" or "onnx".
        split: "val" or "test".
        made_with: package to its version.
    """

    artefact: str
    split: str
    made_with: dict[str, str]


class Report(TypedDict):
    """What the model is, what it costs, and how it was made.

    Attributes:
        macs: multiply-accumulates of one inference.
        files: artefact to its file.
    """

    command: str
    date: str
    model: str
    parameters: int
    macs: int
    files: dict[str, Artefact]
    training: Training
    calibration: NotRequired[Calibration]
    hardware: Facts
