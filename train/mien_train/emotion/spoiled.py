"""Scenes in which something keeps a face from being read: what a score of the crop's quality is fitted and judged on.

What is done here goes further than what networks are trained on (`mien_train.emotion.corruptions`): it is where their
confidence says least that the score has to speak.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import cv2
import numpy as np
from numpy.random import Generator
from numpy.typing import NDArray

from mien.emotions import align
from mien.faces.face import Face
from mien.roles import Detector
from mien_train.emotion import scenes
from mien_train.training.progress import progress

Image = NDArray[np.uint8]
"""uint8 (48, 48), a face picture before it is set into its scene."""

_BLUR = (0.12, 0.5)
"""Share of the side to which a picture is shrunk before it is enlarged again."""
_SMEAR = (5, 13)
"""Pixels over which a moving face is smeared, odd."""
_NOISE = (12.0, 45.0)
"""Standard deviation of Gaussian noise, luma steps."""
_QUALITY = (3, 20)
"""Of JPEG."""
_HAZE = (0.1, 0.4)
"""Share of the contrast that is left, about a grey that is drawn."""
_DARK, _DARK_NOISE = (0.03, 0.25), (1.0, 4.0)
"""Share of the light that is left, and standard deviation of the noise that comes with it, luma steps."""
_SMALL = (24, 60)
"""Sides in pixels of pictures that are too small; the detector finds few that are smaller."""
_COVER = (0.4, 0.75)
"""Share of the height below which something hides the face."""
_SIDE = (0.35, 0.55)
"""Share of the width that a half-hidden face has lost."""
_TEXTURE = 6.0
"""Standard deviation of a cover's own luma."""
_ROLL = (25.0, 60.0)
"""Degrees of a head on one side."""
_TURN = (20.0, 45.0)
"""Degrees of a head that is turned to one side."""

CLEAN = "clean"


@dataclass(frozen=True, slots=True, eq=False)
class Seen:
    """Faces that were found.

    Attributes:
        faces: as the detector saw them, frame pixels.
        crops: uint8 (m, 48, 48), aligned.
        rows: int64 (m,), which of the pictures they are.
        kinds: int64 (m,), what was done to them, index into `KINDS`.
    """

    faces: tuple[Face, ...]
    crops: NDArray[np.uint8]
    rows: NDArray[np.int64]
    kinds: NDArray[np.int64]


def look(
    detector: Detector,
    template: NDArray[np.float32],
    images: NDArray[np.uint8],
    scenery: Sequence[NDArray[np.uint8]],
    seed: int,
) -> Seen:
    """Each picture in two scenes, as it is and spoiled in one of `KINDS`; faces that are not found are left out.

    Args:
        detector: finds the faces.
        template: float32 (5, 2), where the classifier wants the landmarks, crop pixels.
        images: face pictures, uint8 (n, 48, 48).
        scenery: photographs without faces, uint8 (H, W) each.
        seed: of kinds, strengths, scenes and places.
    """
    rng = np.random.default_rng(seed)
    faces, crops, places = [], [np.empty((0, align.SIZE, align.SIZE), np.uint8)], []
    kinds = rng.integers(1, len(KINDS), len(images))
    for row, image in enumerate(progress(images, "faces clean and spoiled", unit="faces")):
        for kind in (0, int(kinds[row])):
            scene = spoiled(image, KINDS[kind], scenery, rng)
            face = scene.face(detector.detect(scene.luma))
            if face is not None:
                faces.append(face)
                crops.append(align.crop(scene.luma, align.landmarks_of([face]), template))
                places.append((row, kind))
    where = np.array(places, np.int64).reshape(-1, 2)
    return Seen(tuple(faces), np.concatenate(crops), where[:, 0], where[:, 1])


def spoiled(image: Image, kind: str, scenery: Sequence[NDArray[np.uint8]], rng: Generator) -> scenes.Scene:
    """A face picture in a scene, with one of `KINDS` done to it."""
    image = _PICTURES.get(kind, _same)(image, rng)
    usual, low = scenes.FRAMES  # in the smaller frames the detector still sees what is small
    sides, frame = (_SMALL, low) if kind == "small" else (scenes.SIDES, usual)
    scene = next(scenes.composed(image[None], scenery, rng, sides, frame))
    if kind != "dark":
        return scene
    noise = rng.standard_normal(scene.luma.shape, np.float32) * np.float32(rng.uniform(*_DARK_NOISE))
    dark = _clipped(scene.luma * np.float32(rng.uniform(*_DARK)) + noise)
    return scenes.Scene(dark, scene.left, scene.top, scene.side)


def _same(image: Image, rng: Generator) -> Image:
    return image


def _blurred(image: Image, rng: Generator) -> Image:
    side = max(1, round(len(image) * float(rng.uniform(*_BLUR))))
    small = cv2.resize(image, (side, side), interpolation=cv2.INTER_AREA)
    return np.asarray(cv2.resize(small, image.shape[::-1], interpolation=cv2.INTER_LINEAR), np.uint8)


def _smeared(image: Image, rng: Generator) -> Image:
    length = 2 * int(rng.integers(_SMEAR[0] // 2, _SMEAR[1] // 2 + 1)) + 1
    line = np.zeros((length, length), np.float32)
    line[length // 2] = 1 / length
    turn = cv2.getRotationMatrix2D((length // 2, length // 2), float(rng.uniform(0, 180)), 1)
    kernel = cv2.warpAffine(line, turn, (length, length))
    return np.asarray(cv2.filter2D(image, -1, kernel / kernel.sum(), borderType=cv2.BORDER_REPLICATE), np.uint8)


def _noisy(image: Image, rng: Generator) -> Image:
    return _clipped(image + rng.normal(0, float(rng.uniform(*_NOISE)), image.shape))


def _compressed(image: Image, rng: Generator) -> Image:
    quality = int(rng.integers(_QUALITY[0], _QUALITY[1] + 1))
    coded = cv2.imencode(".jpg", image, [cv2.IMWRITE_JPEG_QUALITY, quality])[1]
    return np.asarray(cv2.imdecode(coded, cv2.IMREAD_GRAYSCALE), np.uint8)


def _hazy(image: Image, rng: Generator) -> Image:
    share = float(rng.uniform(*_HAZE))
    return _clipped(image * share + rng.uniform(60, 200) * (1 - share))


def _masked(image: Image, rng: Generator) -> Image:
    """Something before the lower part of the face."""
    covered = image.copy()
    hidden = covered[round(len(image) * float(rng.uniform(*_COVER))) :]
    hidden[:] = _cover(hidden.shape, rng)
    return covered


def _half(image: Image, rng: Generator) -> Image:
    """Something before the left or the right of the face."""
    covered = image.copy()
    width = round(image.shape[1] * float(rng.uniform(*_SIDE)))
    hidden = covered[:, :width] if rng.random() < 0.5 else covered[:, -width:]
    hidden[:] = _cover(hidden.shape, rng)
    return covered


def _cover(shape: tuple[int, ...], rng: Generator) -> Image:
    return _clipped(rng.uniform(10, 245) + rng.normal(0, _TEXTURE * rng.random(), shape))


def _rolled(image: Image, rng: Generator) -> Image:
    """The head on one side."""
    angle = float(rng.uniform(*_ROLL)) * (1 if rng.random() < 0.5 else -1)
    middle = (image.shape[1] / 2 - 0.5, image.shape[0] / 2 - 0.5)
    matrix = cv2.getRotationMatrix2D(middle, angle, 1)
    return np.asarray(cv2.warpAffine(image, matrix, image.shape[::-1], borderMode=cv2.BORDER_REPLICATE), np.uint8)


def _turned(image: Image, rng: Generator) -> Image:
    """The head turned to one side, as if the picture lay around a cylinder."""
    height, width = image.shape
    turn = math.radians(float(rng.uniform(*_TURN))) * (1 if rng.random() < 0.5 else -1)
    angle = np.arcsin((np.arange(width) + 0.5) / (width / 2) - 1) + turn
    from_column = (np.sin(np.clip(angle, -math.pi / 2, math.pi / 2)) + 1) * width / 2 - 0.5
    columns = np.tile(from_column.astype(np.float32), (height, 1))
    rows = np.tile(np.arange(height, dtype=np.float32)[:, None], (1, width))
    return np.asarray(cv2.remap(image, columns, rows, cv2.INTER_LINEAR, borderMode=cv2.BORDER_REPLICATE), np.uint8)


def _clipped(values: NDArray[np.floating[Any]]) -> Image:
    return np.asarray(np.clip(np.rint(values), 0, 255), np.uint8)


_PICTURES: Mapping[str, Callable[[Image, Generator], Image]] = {
    "blur": _blurred,
    "smear": _smeared,
    "noise": _noisy,
    "jpeg": _compressed,
    "haze": _hazy,
    "mask": _masked,
    "half": _half,
    "rolled": _rolled,
    "turned": _turned,
}
"""What is done to the picture before it is set into its scene."""

KINDS = (CLEAN, *_PICTURES, "dark", "small")
"""What was done to a face: nothing, or one thing."""
