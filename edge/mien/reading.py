"""What leaves mien: one result a frame, with one reading for each face."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from mien.faces.face import Face
from mien.models.expression import PERCEIVED

UNCERTAIN = "uncertain"
"""The emotion of a reading that is not shown; its `reason` says why."""

AMBIGUOUS = "ambiguous"
"""The reason of a reading whose best probability is below the model's abstain threshold."""

BLURRED = "blurred"
"""The reason where the face is out of focus, smeared by motion, or without contrast: focus, clean the lens."""
DARK = "dark"
"""The reason where there is too little light."""
SMALL = "small"
"""The reason where the face is too far away."""
TURNED = "turned"
"""The reason where the head is turned away or leans far to one side."""
COVERED = "covered"
"""The reason where something is before the face, or the detector hardly takes it for one."""


@dataclass(frozen=True, slots=True)
class Reading:
    """One face in one frame.

    Attributes:
        track: number of the face's track, stable while the face stays in view.
        face: box, landmarks and score, in frame pixels.
        emotion: a label of the classifier, or `UNCERTAIN`.
        top: the most probable label, also where the emotion is `UNCERTAIN`, or still another that is about as probable.
        reason: why the emotion is `UNCERTAIN`: `BLURRED`, `DARK`, `SMALL`, `TURNED`, `COVERED` or `AMBIGUOUS`; None
            where it is not.
        probabilities: label to calibrated probability, smoothed over the track; sums to 1.
        expression: how the classifier read the face, such as "perceived"; labels follow from it.
    """

    track: int
    face: Face
    emotion: str
    top: str
    reason: str | None
    probabilities: Mapping[str, float]
    expression: str = PERCEIVED

    @property
    def probability(self) -> float:
        """Of the most probable label, 0 to 1."""
        return self.probabilities[self.top]

    @property
    def caption(self) -> str:
        """For people: such as "happiness 93%", or "uncertain (happiness 63%)"."""
        label = self.top if self.emotion == UNCERTAIN else self.emotion
        best = f"{label} {self.probabilities[label]:.0%}"
        return f"{UNCERTAIN} ({best})" if self.emotion == UNCERTAIN else best


@dataclass(frozen=True, slots=True)
class FrameResult:
    """What one frame gave. It holds no pixels.

    Attributes:
        sequence: number of the frame.
        name: path of the picture or video, or the empty string.
        width, height: of the frame in pixels.
        captured_at, read_at: nanoseconds of the monotonic clock, at exposure and when the readings were complete.
        readings: one a face, best score first.
        dropped: frames lost since the run began, because the models were busy.
        media_time: nanoseconds since the beginning of a recording; None where the frame was of the present.
    """

    sequence: int
    name: str
    width: int
    height: int
    captured_at: int
    read_at: int
    readings: tuple[Reading, ...]
    dropped: int = 0
    media_time: int | None = None

    @property
    def time(self) -> int:
        """Nanoseconds on the clock by which what is seen moves on: a recording's own, else the monotonic one."""
        return self.captured_at if self.media_time is None else self.media_time
