"""Pairs of labelled faces that touch or overlap a little: a detector must give both, and suppression keep both."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from mien.faces.decode import Detections, confident
from mien.faces.face import iou
from mien_train.face.detection import Truth, match

LEAST, MOST = 0.05, 0.4
"""Intersection over union of the two boxes. Above, suppression of boxes that are a little off may lose one."""

Pair = tuple[int, int]
"""Numbers of two faces of a photograph."""


@dataclass(frozen=True, slots=True)
class Touching:
    """Pairs of touching faces, and of how many both are found."""

    pairs: int
    both: int

    def document(self) -> dict[str, object]:
        """JSON types; `share` is None without any pair."""
        return {
            "pairs": self.pairs,
            "both": self.both,
            "share": round(self.both / self.pairs, 4) if self.pairs else None,
        }


def pairs(truth: Truth) -> list[Pair]:
    """The pairs among the faces that count."""
    overlaps = iou(truth.boxes, truth.boxes)
    counts = np.flatnonzero(~truth.ignore)
    return [(int(a), int(b)) for a in counts for b in counts if a < b and LEAST <= overlaps[a, b] <= MOST]


def touching(found: list[Detections], truths: list[Truth], score_threshold: float) -> Touching:
    """How many pairs a detector gives both faces of.

    Args:
        found: detections of each photograph.
        truths: its faces.
        score_threshold: from which a detection counts; it must overlap the face by half.
    """
    total = both = 0
    for seen, truth in zip(found, truths, strict=True):
        if not (wanted := pairs(truth)):
            continue
        good = confident(seen, score_threshold)
        matched = match(good.boxes, good.scores, truth, 0.5)
        given = set(matched.face[matched.right].tolist())
        total += len(wanted)
        both += sum(a in given and b in given for a, b in wanted)
    return Touching(total, both)
