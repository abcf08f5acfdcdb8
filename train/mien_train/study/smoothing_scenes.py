"""Faces of FER+ in a room, as a camera has them: enlarged, at a place that a detector finds them at."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import cv2
import numpy as np
from numpy.random import Generator
from numpy.typing import NDArray

from mien.faces.detector import FaceDetector
from mien_train.data.fer import Split
from mien_train.training.progress import Progress, progress

SIZE = (480, 640)
"""Height and width of a frame, pixels: the runtime's default."""
FACE = 120
"""Side of a face in it, pixels: somebody about a metre before a kiosk."""
SHIFT = 1
"""Pixels, in each direction, by which a face at rest is off its place from frame to frame."""
NOISE = (3.0, 8.0)
"""Standard deviation of a sensor's noise in luma steps: a lit room to a dim one."""

_EDGE = 6
"""Pixels over which a face passes into the room."""
_LOOKS = 20
"""Frames in which a face's landmarks are found to see how they tremble."""


@dataclass(frozen=True, slots=True, eq=False)
class Person:
    """A face in the middle of a room.

    Attributes:
        label: of the face.
        luma: float32 (480, 640), 0 to 255, without noise.
        landmarks: float32 (5, 2), where the detector sees them there, frame pixels.
    """

    label: str
    luma: NDArray[np.float32]
    landmarks: NDArray[np.float32]


def placed(face: NDArray[np.uint8], room: NDArray[np.uint8]) -> NDArray[np.float32]:
    """A face in the middle of a room.

    Args:
        face: uint8 (48, 48).
        room: uint8 (H, W), enlarged or shrunk until it fills the frame.

    Returns:
        float32 (480, 640), 0 to 255.
    """
    height, width = SIZE
    scale = max(height / room.shape[0], width / room.shape[1])
    size = (max(width, round(scale * room.shape[1])), max(height, round(scale * room.shape[0])))
    frame = cv2.resize(room, size, interpolation=cv2.INTER_LINEAR)[:height, :width].astype(np.float32)
    large = cv2.resize(face, (FACE, FACE), interpolation=cv2.INTER_CUBIC).astype(np.float32)
    inward = np.minimum(np.arange(FACE), np.arange(FACE)[::-1])
    share = np.clip((np.minimum(inward[:, None], inward) + 1) / _EDGE, 0, 1).astype(np.float32)
    top, left = (height - FACE) // 2, (width - FACE) // 2
    part = frame[top : top + FACE, left : left + FACE]
    part += share * (large - part)
    return frame


class Sensor:
    """A camera's sensor: exposure, noise, and eight bits.

    Args:
        rng: of the noise. A few large fields of it are drawn once, and each frame takes a part of one.
        shape: height and width of what it sees.
    """

    _FIELDS, _ROOM = 8, 64

    def __init__(self, rng: Generator, shape: tuple[int, int]) -> None:
        height, width = shape
        self._rng, self._shape = rng, shape
        self._fields = rng.standard_normal((self._FIELDS, height + self._ROOM, width + self._ROOM), np.float32)

    def __call__(self, luma: NDArray[np.float32], gain: float, noise: float) -> NDArray[np.uint8]:
        """A frame, uint8, of light float32, both of the sensor's shape."""
        field, top, left = self._rng.integers(0, (self._FIELDS, self._ROOM, self._ROOM))
        height, width = self._shape
        part = self._fields[field, top : top + height, left : left + width]
        return np.asarray(cv2.addWeighted(luma, gain, part, noise, 0, dtype=cv2.CV_8U), np.uint8)


def found(detector: FaceDetector, luma: NDArray[np.uint8]) -> NDArray[np.float32] | None:
    """Landmarks, float32 (5, 2), of the best face whose middle is near the frame's, in its pixels; None without one."""
    height, width = luma.shape
    for face in detector.detect(luma):
        x, y = face.box.centre
        if abs(x - width / 2) < FACE / 2 and abs(y - height / 2) < FACE / 2:
            return np.array(face.landmarks, np.float32)
    return None


def people(
    faces: Split, rooms: Sequence[NDArray[np.uint8]], detector: FaceDetector, count: int, rng: Generator
) -> tuple[list[Person], int]:
    """So many people, drawn from faces and rooms, and the number of drawn faces in which none was found."""
    chosen: list[Person] = []
    missed = 0
    shown: Progress[None] = progress(None, "faces in rooms", total=count, unit="faces")
    with shown as bar:
        for row in rng.permutation(len(faces.labels)).tolist():
            if len(chosen) == count:
                break
            luma = placed(faces.images[row], rooms[int(rng.integers(len(rooms)))])
            landmarks = found(detector, np.clip(luma, 0, 255).astype(np.uint8))
            if landmarks is None:
                missed += 1
                continue
            chosen.append(Person(faces.names[faces.labels[row]], luma, landmarks))
            bar.step()
    return chosen, missed


def trembling(people: Sequence[Person], detector: FaceDetector, rng: Generator) -> list[NDArray[np.float32]]:
    """How far each face's landmarks are off their mean from frame to frame: float32 (m, 5, 2) each, frame pixels.

    Each is seen in 20 frames with noise, and shifted, which is taken off again. Who is lost in most is left out.
    """
    sensor, tremors = Sensor(rng, SIZE), []
    for person in progress(people, "landmarks", unit="faces"):
        noise, seen = float(rng.uniform(*NOISE)), []
        for _ in range(_LOOKS):
            shift = rng.integers(-SHIFT, SHIFT + 1, 2)
            moved = np.roll(person.luma, shift[::-1], (0, 1))
            landmarks = found(detector, sensor(moved, 1.0, noise))
            if landmarks is not None:
                seen.append(landmarks - shift.astype(np.float32))
        if len(seen) > _LOOKS // 2:
            tremors.append(np.array(seen) - np.mean(seen, axis=0))
    return tremors
