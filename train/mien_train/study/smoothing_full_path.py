"""The same clips as whole frames through `FaceReader`: detector, crop, classifier, tracker and smoother as they run."""

from __future__ import annotations

import itertools
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.random import Generator
from numpy.typing import NDArray

from mien.emotions.classifier import EmotionClassifier
from mien.faces.detector import FaceDetector
from mien.reader import FaceReader
from mien.roles import Verdict
from mien_train.study.smoothing_clips import BEFORE, Light, Shot, frame
from mien_train.study.smoothing_scenes import FACE, SIZE, Sensor
from mien_train.training.progress import progress

RATE = 15
"""Frames a second."""


class Recorded:
    """A classifier that remembers its verdict on the last crops, before any smoothing."""

    def __init__(self, classifier: EmotionClassifier) -> None:
        self._classifier = classifier
        self.labels, self.template, self.expression = classifier.labels, classifier.template, classifier.expression
        self.said: list[str] = []

    def probabilities(self, crops: NDArray[np.uint8]) -> NDArray[np.float32]:
        """uint8 (n, 48, 48) → float32 (n, K)."""
        rows = self._classifier.probabilities(crops)
        self.said = [self._classifier.verdict(row).emotion for row in rows]
        return rows

    def verdict(self, probabilities: NDArray[np.float32]) -> Verdict:
        """What one row (K,) amounts to."""
        return self._classifier.verdict(probabilities)

    def close(self) -> None:
        """Leaves the classifier open."""


@dataclass(frozen=True, slots=True)
class Seen:
    """One clip.

    Attributes:
        frames: in it.
        lost: frames in which the face was not found.
        tracks: that it had: 1 if it was followed throughout.
        said, shown: changes a minute of the classifier's own verdict, and of what the reader showed.
        delay: milliseconds from a change's beginning until the second face's label was shown; None if it was not, or
            if there was no second face.
    """

    frames: int
    lost: int
    tracks: int
    said: float
    shown: float
    delay: float | None


def seen(shots: Sequence[Shot], detector: FaceDetector, classifier: EmotionClassifier, rng: Generator) -> list[Seen]:
    """Clips, seen by a reader with its default settings at 15 frames a second."""
    recorded, sensor = Recorded(classifier), Sensor(rng, SIZE)
    reader = FaceReader(_Lent(detector), recorded)
    found = []
    for shot in progress(shots, "whole frames", unit="clips"):
        reader.reset()
        found.append(_seen(shot, reader, recorded, sensor, rng))
    return found


class _Lent:
    """A detector that a reader may use and does not close."""

    def __init__(self, detector: FaceDetector) -> None:
        self.detect = detector.detect

    def close(self) -> None:
        """Leaves it open."""


def _seen(shot: Shot, reader: FaceReader, recorded: Recorded, sensor: Sensor, rng: Generator) -> Seen:
    light, frames = Light(rng, shot.sways), round(shot.seconds * RATE)
    said, shown, tracks, delay = [], [], set(), None
    for number in range(frames):
        at = number / RATE
        result = reader.read(frame(shot, light, sensor, at), round(at * 1e9))
        for reading, verdict in zip(result.readings, recorded.said, strict=False):
            x, y = reading.face.box.centre
            if max(abs(x - SIZE[1] / 2), abs(y - SIZE[0] / 2)) < FACE / 2:
                said.append(verdict)
                shown.append(reading.emotion)
                tracks.add(reading.track)
                if delay is None and shot.second and at >= BEFORE and reading.emotion == shot.second.label:
                    delay = 1000 * (at - BEFORE)
                break
    minutes = shot.seconds / 60
    return Seen(frames, frames - len(shown), len(tracks), _changes(said) / minutes, _changes(shown) / minutes, delay)


def _changes(shown: Sequence[str]) -> int:
    return sum(before != after for before, after in itertools.pairwise(shown))
