"""What is told of a detector: its figures on a split, and how they stand in JSON."""

from __future__ import annotations

import dataclasses
import math
from collections.abc import Mapping
from dataclasses import dataclass

from mien_train.face.drawn import Mapping as BoxMapping
from mien_train.face.threshold import Alarms


@dataclass(frozen=True, slots=True)
class Recall:
    """Faces of a class of heights, the share of them that is found, and the class's least height in input pixels."""

    faces: int
    recall: float
    least: float

    def document(self) -> dict[str, object]:
        """JSON types."""
        return {"faces": self.faces, "recall": round(self.recall, 4), "from": self.least}


@dataclass(frozen=True, slots=True)
class Landmarks:
    """Distance of found faces' landmarks from the labels, as a share of the eyes' distance; None without such faces.

    The mean, which a few turned faces rule, and the median.
    """

    mean: float | None
    median: float | None

    def document(self) -> dict[str, object]:
        """JSON types."""
        return {"landmark_error": _rounded(self.mean), "landmark_median": _rounded(self.median)}


@dataclass(frozen=True, slots=True)
class Figures:
    """One detector on the photographs of a split.

    Attributes:
        faces: that count.
        ap50, ap75: average precision at an intersection over union of .5 and .75.
        recall: by class of heights.
        alarms: face-free photographs in which it sees a face.
        landmarks: their errors.
        score_threshold: at which recall, alarms and landmark errors hold.
    """

    faces: int
    ap50: float
    ap75: float
    recall: Mapping[str, Recall]
    alarms: Alarms
    landmarks: Landmarks
    score_threshold: float

    def document(self) -> dict[str, object]:
        """JSON types."""
        return {
            "faces": self.faces,
            "ap50": _rounded(self.ap50),
            "ap75": _rounded(self.ap75),
            "recall": {name: row.document() for name, row in self.recall.items()},
            "false_positives": told(self.alarms),
            **self.landmarks.document(),
            "score_threshold": self.score_threshold,
        }


@dataclass(frozen=True, slots=True)
class Group:
    """One detector on some of a split's photographs: faces that count, average precision at .5, recall by heights."""

    faces: int
    ap50: float
    recall: Mapping[str, Recall]

    def document(self) -> dict[str, object]:
        """JSON types."""
        recall = {name: row.document() for name, row in self.recall.items()}
        return {"faces": self.faces, "ap50": _rounded(self.ap50), "recall": recall}


@dataclass(frozen=True, slots=True)
class ByHand:
    """Average precision of one detector where a person labelled the photographs.

    Attributes:
        drawn_faces, drawn_ap50: on the faces that a person drew, after `mapping`.
        drawn_groups: the same two of some of the photographs, by the group's name; empty where there is but one.
        mapping: of the detector's boxes to drawn ones.
        teacher_faces, teacher_ap50: on those that only the labels' teacher saw.
    """

    drawn_faces: int
    drawn_ap50: float
    drawn_groups: Mapping[str, tuple[int, float]]
    mapping: BoxMapping
    teacher_faces: int
    teacher_ap50: float

    def document(self) -> dict[str, object]:
        """JSON types."""
        mapping = dataclasses.asdict(self.mapping)
        groups = {name: {"faces": n, "ap50": _rounded(ap50)} for name, (n, ap50) in self.drawn_groups.items()}
        return {
            "drawn": {
                "faces": self.drawn_faces,
                "ap50": _rounded(self.drawn_ap50),
                "groups": groups,
                "mapping": mapping,
            },
            "teacher_only": {"faces": self.teacher_faces, "ap50": _rounded(self.teacher_ap50)},
        }


NOT_BY_HAND: Mapping[str, object] = {"drawn": None, "teacher_only": None}
"""In the place of `ByHand.document`, where no person labelled anything."""


def told(alarms: Alarms) -> dict[str, object]:
    """Alarms as JSON types."""
    return {
        "pictures": alarms.count,
        "of": alarms.n,
        "share": round(alarms.share, 5),
        "interval95": [round(alarms.low, 5), round(alarms.high, 5)],
    }


def _rounded(value: float | None) -> float | None:
    # A precision over no face is no number, for which JSON has no word.
    return None if value is None or not math.isfinite(value) else round(value, 5)
