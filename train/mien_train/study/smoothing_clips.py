"""Clips of faces in rooms, as crops: a face at rest, one that sways, and one whose expression changes."""

from __future__ import annotations

import math
from dataclasses import dataclass

import cv2
import numpy as np
from numpy.random import Generator
from numpy.typing import NDArray

from mien.emotions import align
from mien_train.study.smoothing_scenes import FACE, NOISE, SHIFT, SIZE, Person, Sensor

RATE = 30
"""Frames a second; every second frame makes a clip of 15."""
BEFORE, AFTER = 2.0, 3.0
"""Seconds of the clip of a change before it begins, and from then on."""
FADE = 0.2
"""Seconds that a change of expression takes where it is no cut."""

_FLICKER, _FLICKER_HZ, _UNEVEN = 0.03, (0.5, 7.0), 0.01
"""Of the exposure: a lamp's beat against the frame rate, as a share of the light, and how often; and what is random."""
_SWAY, _TURN, _NEARER, _SWAY_HZ = 0.05, 2.0, 0.03, (0.1, 0.5)
"""Of a person who sways: face sides to each side, degrees, share of size, and how often a second."""
_PATCH = 208
"""Side of what is drawn of a frame, pixels: the face and what surrounds it."""


@dataclass(frozen=True, slots=True, eq=False)
class Shot:
    """What a clip shows.

    Attributes:
        first: who is there.
        second: who is there from `BEFORE` on, in the same place; None if nobody else is.
        fade: seconds in which the one becomes the other.
        seconds: of the clip, if there is no second.
        sways: whether the face moves.
        tremor: float32 (m, 5, 2), of which one each frame is how far off the landmarks are found, frame pixels.
    """

    first: Person
    tremor: NDArray[np.float32]
    second: Person | None = None
    fade: float = 0.0
    seconds: float = BEFORE + AFTER
    sways: bool = False

    def share(self, at: float) -> float:
        """How much of the second is to be seen, 0 to 1, so many seconds after the clip's beginning."""
        if self.second is None or at < BEFORE:
            return 0.0
        return 1.0 if self.fade == 0 else min(1.0, (at - BEFORE) / self.fade)


class Light:
    """A clip's exposure, noise and motion.

    Args:
        rng: draws them.
        sways: whether the face moves.
    """

    def __init__(self, rng: Generator, sways: bool) -> None:
        self._rng, self._sways = rng, sways
        self.noise = float(rng.uniform(*NOISE))
        self._beat, self._phase = float(rng.uniform(*_FLICKER_HZ)), float(rng.uniform(0, 2 * math.pi))
        self._often, self._begun = rng.uniform(*_SWAY_HZ, 4), rng.uniform(0, 2 * math.pi, 4)

    def gain(self, at: float) -> float:
        """Of the exposure, so many seconds after the beginning."""
        beat = _FLICKER * math.sin(2 * math.pi * self._beat * at + self._phase)
        return 1 + beat + _UNEVEN * float(self._rng.standard_normal())

    def motion(self, at: float, middle: NDArray[np.float64]) -> NDArray[np.float32]:
        """Matrix, float32 (2, 3), that moves what is to be seen, around a point: the sway, and a pixel at random."""
        x, y, turn, nearer = np.sin(2 * math.pi * self._often * at + self._begun) if self._sways else np.zeros(4)
        angle, scale = math.radians(_TURN) * turn, 1 + _NEARER * nearer
        matrix = scale * np.array([[math.cos(angle), -math.sin(angle)], [math.sin(angle), math.cos(angle)]])
        moved = middle + _SWAY * FACE * np.array([x, y]) + self._rng.integers(-SHIFT, SHIFT + 1, 2)
        return np.concatenate([matrix, (moved - matrix @ middle)[:, None]], axis=1).astype(np.float32)


def crops(shot: Shot, template: NDArray[np.float32], sensor: Sensor, rng: Generator) -> NDArray[np.uint8]:
    """A clip's aligned faces, uint8 (T, 48, 48): what the runtime cuts out where the detector sees the landmarks.

    Args:
        shot: what it shows.
        template: of the classifier.
        sensor: of `_PATCH`; see `patch_sensor`.
        rng: of light, motion and tremor.
    """
    light = Light(rng, shot.sways)
    corner = np.array([(SIZE[1] - _PATCH) // 2, (SIZE[0] - _PATCH) // 2])
    middle = np.full(2, _PATCH / 2)
    found = np.empty((round(shot.seconds * RATE), align.SIZE, align.SIZE), np.uint8)
    for number, out in enumerate(found):
        at = number / RATE
        luma, landmarks = blended(shot, shot.share(at))
        part = luma[corner[1] : corner[1] + _PATCH, corner[0] : corner[0] + _PATCH]
        motion = light.motion(at, middle)
        seen = sensor(_moved(part, motion), light.gain(at), light.noise)
        points = (landmarks - corner) @ motion[:, :2].T + motion[:, 2] + shot.tremor[rng.integers(len(shot.tremor))]
        out[:] = align.crop(seen, points[None].astype(np.float32), template)[0]
    return found


def patch_sensor(rng: Generator) -> Sensor:
    """The sensor that `crops` needs."""
    return Sensor(rng, (_PATCH, _PATCH))


def frame(shot: Shot, light: Light, sensor: Sensor, at: float) -> NDArray[np.uint8]:
    """A whole frame of a clip, uint8 (480, 640), so many seconds after its beginning; the sensor is of that shape."""
    luma, _ = blended(shot, shot.share(at))
    motion = light.motion(at, np.array(SIZE[::-1]) / 2)
    return sensor(_moved(luma, motion), light.gain(at), light.noise)


def blended(shot: Shot, share: float) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
    """Luma, float32 (480, 640), and landmarks, float32 (5, 2), with so much of the second person."""
    if shot.second is None or share == 0:
        return shot.first.luma, shot.first.landmarks
    if share == 1:
        return shot.second.luma, shot.second.landmarks
    luma = cv2.addWeighted(shot.first.luma, 1 - share, shot.second.luma, share, 0)
    points = shot.first.landmarks + np.float32(share) * (shot.second.landmarks - shot.first.landmarks)
    return np.asarray(luma, np.float32), points


def _moved(luma: NDArray[np.float32], motion: NDArray[np.float32]) -> NDArray[np.float32]:
    size = luma.shape[::-1]
    moved = cv2.warpAffine(luma, motion, size, flags=cv2.INTER_LINEAR, borderMode=cv2.BORDER_REPLICATE)
    return np.asarray(moved, np.float32)
