"""`conditions`: how a detector holds up as faces get small, large, rolled, dark, blurred, hidden, or turn to profile.

Each validation face is put into a frame of the network's shape under one condition at a time, and searched for.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray

from mien.errors import MienError
from mien.faces.decode import Detections, confident
from mien.faces.face import iou
from mien.faces.letterbox import GREY, Letterbox
from mien_train.data.faces import Photo, Photos
from mien_train.face import scraps, threshold
from mien_train.face.compose import Picture
from mien_train.face.covers import hide
from mien_train.face.detectors import Detector, RuntimeDetector, TorchDetector, opened, peers
from mien_train.face.neighbours import lay
from mien_train.face.scraps import Scraps
from mien_train.training.progress import progress

_HEIGHTS = (0.05, 0.08, 0.12, 0.2, 0.35, 0.6, 1.0)
_USUAL = 0.3
"""Height of the face, as a share of the frame's, under every condition that is not about size."""
_SETS = ("portraits", "lfw-like")
"""Whose photographs are used, where there are any."""
_SMALLEST = 60.0
_TURNED, _PROFILE = 0.3, 0.8
"""A face counts as turned away, or as in profile (by about 30 and 60 degrees), where the nose lies this share of the
eyes' distance or more off their middle."""
_DEFOCUS = 2.0
"""Standard deviation, pixels of the network's input."""
_SHAKE = 9
"""Length of a sideways motion, pixels of the network's input."""
_BESIDE = 0.75
"""Distance of two touching faces' middles, in mean widths: a quarter of the one lies before the other."""


@dataclass(frozen=True, slots=True)
class Condition:
    """How a face is staged.

    Attributes:
        name: of the row.
        height: of the face, share of the frame's.
        roll: degrees.
        light: what light and lens do to the frame, uint8 (H, W).
        cover: what hides part of the face, as in `covers.hide`; empty for nothing.
        beside: the next photograph's face touches it, and both must be found.
    """

    name: str
    height: float = _USUAL
    roll: float = 0.0
    light: Callable[[NDArray[np.uint8]], NDArray[np.uint8]] | None = None
    cover: str = ""
    beside: bool = False


def _clipped(values: NDArray[np.floating[Any]]) -> NDArray[np.uint8]:
    return np.asarray(np.clip(values, 0, 255), np.uint8)


def _dark(luma: NDArray[np.uint8]) -> NDArray[np.uint8]:
    noise = np.random.default_rng(0).normal(0, 4, luma.shape)
    return _clipped(luma * 0.15 + noise)


def _backlit(luma: NDArray[np.uint8]) -> NDArray[np.uint8]:
    rows, columns = np.indices(luma.shape)
    height, width = luma.shape
    apart = np.hypot((rows - height / 2) / height, (columns - width / 2) / width)
    return _clipped(luma * 0.3 + 255 * np.clip(apart * 2.2 - 0.45, 0, 1))


def _overexposed(luma: NDArray[np.uint8]) -> NDArray[np.uint8]:
    return _clipped(luma * 1.6 + 60.0)


def _defocused(luma: NDArray[np.uint8]) -> NDArray[np.uint8]:
    return np.asarray(cv2.GaussianBlur(luma, (0, 0), _DEFOCUS), np.uint8)


def _shaken(luma: NDArray[np.uint8]) -> NDArray[np.uint8]:
    return np.asarray(cv2.blur(luma, (_SHAKE, 1)), np.uint8)


CONDITIONS = (
    *(Condition(f"height {h:.0%}", height=h) for h in _HEIGHTS),
    *(Condition(f"roll {r:+.0f}°", roll=r) for r in (-40, -20, 20, 40)),
    Condition("dark", light=_dark),
    Condition("backlit", light=_backlit),
    Condition("overexposed", light=_overexposed),
    Condition(f"defocus, σ {_DEFOCUS:g} px", light=_defocused),
    Condition(f"motion, {_SHAKE} px", light=_shaken),
    Condition("hat", cover="hat"),
    Condition("hand over the mouth", cover="mouth"),
    Condition("two touching faces", beside=True),
)


def measure(model: Path, photos: Photos, most: int = 300) -> tuple[dict[str, object], NDArray[np.uint8]]:
    """Recall under every condition, for a detector and its peers, and a contact sheet to look at.

    Args:
        model: .pt, .onnx or .tflite file.
        photos: a split; large faces with landmarks are used, single ones but for profiles.
        most: faces to use, of those turned away all.

    Raises:
        MienError: the split has no such face.

    Returns:
        JSON types, and a BGR picture uint8 (H, W, 3): a row a condition, found faces in green, missed in red. Ours is
        judged at the model's own threshold, each peer at one chosen by the same rule on the face-free photographs:
        scores of different networks cannot be compared. Without such photographs, all are judged at ours.
    """
    mine = opened(model)
    rivals, _ = peers(mine.height, mine.width)
    detectors: Mapping[str, Detector] = {"mien": mine, **rivals}
    size = mine.height, mine.width
    theirs = {name: _own(detector, size, photos.photos, mine) for name, detector in rivals.items()}
    at = {"mien": mine.score_threshold, **theirs}
    plain = [p for p in photos.photos if _usable(p)]
    # Of the documented data's sets; other people's may be called anything.
    plain = [p for p in plain if p.name.split("/")[0] in _SETS] or plain
    faces = [_Staged(p, 0) for p in plain]
    step = max(1, len(faces) // most)
    faces = faces[::step][:most]
    turned = [_Staged(p, 0) for p in plain if _nose(p, 0) >= _TURNED]
    profiles = [_Staged(p, face) for p in photos.photos for face in _clear(p) if _nose(p, face) >= _PROFILE]
    if not faces:
        raise MienError(
            f"no validation photograph shows one face alone, {_SMALLEST:.0f} pixels high or more, with its landmarks; "
            "add such photographs"
        )
    stage = _Stage((mine.height, mine.width), scraps.cut(photos.photos, np.random.default_rng(0)))
    rows, sheet = [], []
    apart = [(Condition("turned away"), turned), (Condition("profile"), profiles[:most])]
    for condition, chosen in [(c, faces) for c in CONDITIONS] + apart:
        hits = dict.fromkeys(detectors, 0)
        pictures: list[NDArray[np.uint8]] = []
        for number, face in enumerate(progress(chosen, condition.name, unit="faces")):
            frame, boxes = stage.show(face, chosen[(number + 1) % len(chosen)], condition, number)
            for name, detector in detectors.items():
                seen = confident(detector(frame), at[name])
                found = _finds(seen, boxes)
                hits[name] += bool(found.all())
                if name == "mien" and len(pictures) < 8:
                    pictures.append(_drawn(frame, seen, boxes[~found]))
        share = {name: round(count / max(1, len(chosen)), 4) for name, count in hits.items()}
        tall = {"height": condition.height} if condition in CONDITIONS[: len(_HEIGHTS)] else {}
        rows.append({"condition": condition.name, **tall, "faces": len(chosen), "recall": share})
        pictures += [np.zeros((mine.height, mine.width, 3), np.uint8)] * (8 - len(pictures))
        sheet.append(np.concatenate(pictures, axis=1))
    shared = {
        "input": list(size),
        "score_threshold": mine.score_threshold,
        "peer_thresholds": theirs,
        "usual_height": _USUAL,
    }
    return {**shared, "conditions": rows}, np.concatenate(sheet)


def _own(
    detector: Detector, size: tuple[int, int], photos: Sequence[Photo], ours: TorchDetector | RuntimeDetector
) -> float:
    """A peer's threshold: chosen by the rule, and on the half of the face-free photographs, by which ours was."""
    free = [photo for photo in photos if photo.face_free]
    choosing, _ = threshold.halves([photo.name for photo in free])
    box = Letterbox(*size)
    best = [
        float(detector(box(photo.luma)[0]).scores.max(initial=0))
        for photo, here in zip(free, choosing, strict=True)
        if here
    ]
    return threshold.choose(best, ours.allowed_share) if best else ours.score_threshold


def _usable(photo: Photo) -> bool:
    if len(photo.boxes) != 1 or photo.ignore[0]:
        return False
    return bool(photo.boxes[0, 3] - photo.boxes[0, 1] >= _SMALLEST and np.isfinite(photo.landmarks[0]).all())


def _clear(photo: Photo) -> NDArray[np.int64]:
    """Faces of any photograph that are large enough and have landmarks."""
    height = photo.boxes[:, 3] - photo.boxes[:, 1]
    known = np.isfinite(photo.landmarks).all(axis=(1, 2))
    return np.flatnonzero(~photo.ignore & known & (height >= _SMALLEST))


def _nose(photo: Photo, face: int) -> float:
    """How far the nose lies off the eyes' middle, along the line through them, as a share of their distance."""
    right, left, nose = photo.landmarks[face, :3].astype(np.float64)
    across = left - right
    apart = float(np.linalg.norm(across))
    return abs(float((nose - (right + left) / 2) @ across)) / max(apart, 1.0) ** 2


@dataclass(frozen=True, slots=True, eq=False)
class _Staged:
    """One face of a photograph."""

    photo: Photo
    face: int

    @property
    def box(self) -> NDArray[np.float32]:
        """float32 (4,), pixels of the photograph."""
        return np.asarray(self.photo.boxes[self.face])


@dataclass(frozen=True, slots=True, eq=False)
class _Stage:
    """A frame of (height, width), and what covers are cut from."""

    size: tuple[int, int]
    scraps: Scraps

    def show(
        self, face: _Staged, other: _Staged, condition: Condition, seed: int
    ) -> tuple[NDArray[np.uint8], NDArray[np.float32]]:
        """The face in the middle of a frame, uint8 (H, W), and the boxes there that must be found, float32 (n, 4)."""
        frame, matrix = self._placed(face, condition)
        scale = condition.height * self.size[0] / float(face.box[3] - face.box[1])
        middle = np.array([self.size[1], self.size[0]]) / 2
        half = (face.box[2:] - face.box[:2]) * scale / 2
        boxes = np.concatenate([middle - half, middle + half])[None].astype(np.float32)
        landmarks = (face.photo.landmarks[face.face] @ matrix[:, :2].T + matrix[:, 2]).astype(np.float32)
        if condition.cover:
            hide(frame, boxes[0], landmarks, condition.cover, self.scraps, np.random.default_rng(seed))
        if condition.beside:
            side = other.box[2:] - other.box[:2]
            reach = side * (2 * half[1] / side[1]) / 2
            centre = middle + np.array([(half[0] + reach[0]) * _BESIDE * (1 if seed % 2 else -1), 0])
            laid = np.concatenate([centre - reach, centre + reach]).astype(np.float32)
            alone = Picture(frame, boxes, landmarks[None], np.array([False]), np.ones(1, np.float32))
            both = lay(alone, 0, other.photo, other.face, laid, True, bool(seed % 4 < 2), False)
            frame, boxes = both.luma, both.boxes
        return condition.light(frame) if condition.light else frame, boxes

    def _placed(self, face: _Staged, condition: Condition) -> tuple[NDArray[np.uint8], NDArray[np.float64]]:
        """The photograph with the face in the middle of the frame, and the matrix that took it there."""
        scale = condition.height * self.size[0] / float(face.box[3] - face.box[1])
        angle = math.radians(condition.roll)
        turn = scale * np.array([[math.cos(angle), -math.sin(angle)], [math.sin(angle), math.cos(angle)]])
        middle = np.array([self.size[1] / 2, self.size[0] / 2])
        luma: NDArray[Any] = face.photo.luma
        if scale < 0.67:
            shrunk = max(1, round(luma.shape[1] * scale)), max(1, round(luma.shape[0] * scale))
            luma = cv2.resize(luma, shrunk, interpolation=cv2.INTER_AREA)
        whole = face.photo.luma.shape
        ratio = np.array([whole[1] / luma.shape[1], whole[0] / luma.shape[0]])
        shift = (middle - turn @ ((face.box[:2] + face.box[2:]) / 2))[:, None]
        to = (self.size[1], self.size[0])
        matrix = np.concatenate([turn * ratio, shift], axis=1)
        frame = cv2.warpAffine(luma, matrix, to, borderMode=cv2.BORDER_CONSTANT, borderValue=GREY)
        return np.asarray(frame, np.uint8), np.concatenate([turn, shift], axis=1)


def _finds(seen: Detections, boxes: NDArray[np.float32]) -> NDArray[np.bool_]:
    """Which of the boxes (n, 4) a detection overlaps by half: bool (n,)."""
    if not len(seen.boxes):
        return np.zeros(len(boxes), np.bool_)
    return np.asarray(iou(boxes, seen.boxes).max(axis=1) >= 0.5)


def _bgr(frame: NDArray[np.uint8]) -> NDArray[np.uint8]:
    return np.asarray(cv2.cvtColor(frame, cv2.COLOR_GRAY2BGR), np.uint8)


def _drawn(frame: NDArray[np.uint8], seen: Detections, missed: NDArray[np.float32]) -> NDArray[np.uint8]:
    picture = _bgr(frame)
    for corners, points in zip(seen.boxes, seen.landmarks, strict=True):
        left, top, right, bottom = (round(float(v)) for v in corners)
        cv2.rectangle(picture, (left, top), (right, bottom), (0, 220, 0), 2)
        for x, y in points:
            cv2.circle(picture, (round(float(x)), round(float(y))), 2, (255, 160, 0), -1)
    for corners in missed:
        left, top, right, bottom = (round(float(v)) for v in corners)
        cv2.rectangle(picture, (left, top), (right, bottom), (0, 0, 255), 1)
    return picture
