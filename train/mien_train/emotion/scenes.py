"""Face pictures set into scenes: frames as a camera would give them, whose face's emotion is known."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import cv2
import numpy as np
from numpy.random import Generator
from numpy.typing import NDArray

from mien.errors import MienError
from mien.faces.face import Face
from mien_train.data import faces, store

FRAMES = ((480, 640), (256, 320))
"""Heights and widths of frames: what cameras give, and the detector's own size, where faces reach it twice as large."""
SIDES = (160, 240)
"""Side in pixels to which a face picture is enlarged: a visitor an arm's length or two away."""
_FADE = 0.04
"""Share of a picture's side over which it fades into the scene. FER2013's pictures end at the chin: more of a fade
would take from the face (at 0.1 two faces in a hundred less are found), none would leave an edge that no camera sees.
"""
_WINDOW = (0.6, 1.0)
"""Share of a photograph that a scene shows."""


@dataclass(frozen=True, slots=True, eq=False)
class Scene:
    """A frame, uint8 (H, W), and where its face picture lies in it: left, top and side in pixels."""

    luma: NDArray[np.uint8]
    left: int
    top: int
    side: int

    def face(self, found: Sequence[Face]) -> Face | None:
        """The best of the detected faces whose middle lies in the picture; None where there is none."""
        inside = [
            face
            for face in found
            if self.left <= face.box.centre.x < self.left + self.side
            and self.top <= face.box.centre.y < self.top + self.side
        ]
        return max(inside, key=lambda face: face.score, default=None)


def backgrounds(folder: Path) -> tuple[NDArray[np.uint8], ...]:
    """Luma of the face-free photographs of a data folder's validation split, uint8 (H, W) each.

    Raises:
        MienError: there are none.
    """
    found = tuple(photo.luma for photo in faces.load(folder, "val").photos if photo.face_free and photo.luma.size)
    if not found:
        raise MienError(
            f"{folder}: has no photographs without faces ({', '.join(faces.FACE_FREE)}) in its validation split, into "
            f"which face pictures could be set; {store.WHERE}"
        )
    return found


def composed(
    images: NDArray[np.uint8],
    scenery: Sequence[NDArray[np.uint8]],
    rng: Generator,
    sides: tuple[int, int] = SIDES,
    frame: tuple[int, int] = FRAMES[0],
) -> Iterator[Scene]:
    """Each face picture somewhere in a scene.

    Args:
        images: uint8 (n, h, w).
        scenery: photographs, uint8 (H, W) each, one or more.
        rng: of scene, place and size.
        sides: smallest and largest side of the picture in the frame; the logarithm is evenly spread.
        frame: height and width of the frames, no less than the largest side.
    """
    for image in images:
        luma = _window(scenery[int(rng.integers(len(scenery)))], frame, rng)
        side = min(sides[1], round(float(np.exp(rng.uniform(*np.log(sides))))))
        left, top = int(rng.integers(frame[1] - side + 1)), int(rng.integers(frame[0] - side + 1))
        place = luma[top : top + side, left : left + side]
        way = cv2.INTER_CUBIC if side >= len(image) else cv2.INTER_AREA
        face = np.asarray(cv2.resize(image, (side, side), interpolation=way), np.float32)
        place[:] = np.rint(place + (face - place) * _mask(side))
        yield Scene(luma, left, top, side)


def _window(photo: NDArray[np.uint8], frame: tuple[int, int], rng: Generator) -> NDArray[np.uint8]:
    """A part of a photograph, of the frame's shape and size."""
    height, width = photo.shape
    scale = min(height / frame[0], width / frame[1]) * rng.uniform(*_WINDOW)
    high, wide = max(1, round(frame[0] * scale)), max(1, round(frame[1] * scale))
    top, left = int(rng.integers(height - high + 1)), int(rng.integers(width - wide + 1))
    way = cv2.INTER_AREA if scale > 1 else cv2.INTER_LINEAR
    part = cv2.resize(photo[top : top + high, left : left + wide], (frame[1], frame[0]), interpolation=way)
    return np.array(part, np.uint8)


def _mask(side: int) -> NDArray[np.float32]:
    """1 inside a picture, falling to 0 towards its edges: float32 (side, side)."""
    to_edge = np.minimum(np.arange(side), np.arange(side)[::-1]).astype(np.float32) + 0.5
    ramp = np.minimum(to_edge / np.float32(max(1.0, _FADE * side)), 1)
    return np.asarray(np.minimum(ramp[:, None], ramp[None]), np.float32)
