"""What `explore` found in a data set, and how it stands in JSON."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping
from dataclasses import dataclass

from mien_train import evaluation
from mien_train.study import near_copies
from mien_train.study.command_line import command
from mien_train.study.disputed import Contested, Disagreement

Classes = Mapping[str, Mapping[str, Mapping[str, int]]]
"""Images by protocol, split and class."""


@dataclass(frozen=True, slots=True)
class Exploration:
    """What was found in a data set.

    Attributes:
        images: their number.
        sha256: of the data.
        classes: images of each.
        mean, deviation: of the training images' pixels, luma.
        brightness, sharpness: mean, 5th, 50th and 95th percentile ("mean", "p5", "p50", "p95") by split.
        copies: pictures that are there more than once.
        accuracy: of a model, with and without near copies in training.
        disagreement, contested: of the two sets of labels, and the faces disputed most; None and none without FER+.
    """

    images: int
    sha256: str
    classes: Classes
    mean: float
    deviation: float
    brightness: Mapping[str, Mapping[str, float]]
    sharpness: Mapping[str, Mapping[str, float]]
    copies: near_copies.Counts
    accuracy: near_copies.Accuracy
    disagreement: Disagreement | None
    contested: tuple[Contested, ...]

    def document(self) -> dict[str, object]:
        """JSON types, as `explore.json` holds them."""
        pixels = {"split": "train", "mean": round(self.mean, 4), "standard_deviation": round(self.deviation, 4)}
        found: dict[str, object] = {
            "command": command(),
            "data": {"images": self.images, "sha256": self.sha256, "protocols": list(self.classes)},
            "classes": self.classes,
            "pixels": pixels,
            "brightness": self.brightness,
            "sharpness": self.sharpness,
            "duplicates": self.copies.document(),
            "accuracy": self.accuracy.document(),
        }
        if self.disagreement is not None:
            found["disagreement"] = dataclasses.asdict(self.disagreement)
            found["contested"] = [dataclasses.asdict(face) for face in self.contested]
        return {**found, "made_with": evaluation.made_with()}
