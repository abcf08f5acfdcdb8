"""What leaves the pipeline: one reading per tracked face and frame."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from mien.faces.face import Face

UNCERTAIN = "uncertain"
"""The emotion of a reading whose best probability is below the model's abstain threshold."""


@dataclass(frozen=True, slots=True)
class Reading:
    """One face in one frame.

    Attributes:
        track: number of the face's track, stable while the face stays in view.
        face: box, landmarks and score, in frame pixels.
        emotion: a label of the classifier, or `UNCERTAIN`.
        probabilities: label to calibrated probability, smoothed over the track; sums to 1.
        sequence: number of the frame.
        captured_at: nanoseconds of the monotonic clock at exposure.
        read_at: nanoseconds of the monotonic clock when the reading was complete.
    """

    track: int
    face: Face
    emotion: str
    probabilities: Mapping[str, float]
    sequence: int
    captured_at: int
    read_at: int

    def as_dict(self) -> dict[str, Any]:
        """The reading as JSON types; times in milliseconds, box and landmarks in pixels."""
        return {
            "track": self.track,
            "frame": self.sequence,
            "captured_ms": round(self.captured_at / 1e6, 3),
            "latency_ms": round((self.read_at - self.captured_at) / 1e6, 3),
            "box": [round(v, 1) for v in self.face.box],
            "score": round(self.face.score, 4),
            "landmarks": [[round(x, 1), round(y, 1)] for x, y in self.face.landmarks],
            "emotion": self.emotion,
            "probabilities": {label: round(p, 4) for label, p in self.probabilities.items()},
        }
