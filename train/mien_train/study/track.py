"""The readings of a clip, face by face, and how they stand in JSON."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from mien.reading import UNCERTAIN


@dataclass(frozen=True, slots=True, eq=False)
class Track:
    """The readings of one face.

    Attributes:
        number: of the track.
        frames: int64 (n,), of the clip's processed frames from 0, ascending; a number that is left out is a frame
            without this face.
        emotions: spoken emotion of each reading, or "uncertain".
        probabilities: float64 (n, K), smoothed; rows sum to 1.
    """

    number: int
    frames: NDArray[np.int64]
    emotions: tuple[str, ...]
    probabilities: NDArray[np.float64]


@dataclass(frozen=True, slots=True, eq=False)
class Timeline:
    """What was read in a clip.

    Attributes:
        source: in words.
        period: seconds between two frames; None from a camera.
        labels: of the emotions, in the order of the tracks' probabilities.
        seconds: float64 (F,), when each processed frame was taken, from the first one on, ascending.
        tracks: by number.
    """

    source: str
    period: float | None
    labels: tuple[str, ...]
    seconds: NDArray[np.float64]
    tracks: tuple[Track, ...]

    def document(self) -> dict[str, object]:
        """JSON types: "source", "frames", "seconds_per_frame", "labels", and for each of "tracks" its number, "seconds"
        of each reading, "emotions", "probabilities" by label, and "shares" of its readings by spoken emotion."""
        spoken = (*self.labels, UNCERTAIN)
        return {
            "source": self.source,
            "frames": len(self.seconds),
            "seconds_per_frame": self.period,
            "labels": list(self.labels),
            "tracks": [
                {
                    "track": track.number,
                    "seconds": [round(at, 3) for at in self.seconds[track.frames].tolist()],
                    "emotions": list(track.emotions),
                    "probabilities": dict(zip(self.labels, track.probabilities.T.round(4).tolist(), strict=True)),
                    "shares": {n: round(track.emotions.count(n) / len(track.emotions), 4) for n in spoken},
                }
                for track in self.tracks
            ],
        }
