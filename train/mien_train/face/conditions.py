"""`conditions`: how a detector holds up as faces get small, large, rolled, dark, backlit, or turn to profile.

Each validation face is put into a frame of the network's shape under one condition at a time, and searched for.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray

from mien.faces.decode import Detections
from mien.faces.face import iou
from mien.faces.letterbox import GREY
from mien_train.data.faces import Photo, Photos
from mien_train.face.detectors import Detector, confident, opened, peers
from mien_train.training.progress import progress

_HEIGHTS = (0.05, 0.08, 0.12, 0.2, 0.35, 0.6, 1.0)
_USUAL = 0.3
"""Height of the face, as a share of the frame's, under every condition that is not about size."""
_SETS = ("portraits", "lfw-like")
_SMALLEST = 60.0
_PROFILE = 0.3
"""A face counts as turned away where the nose lies this share of the eyes' distance or more off their middle."""


@dataclass(frozen=True, slots=True)
class Condition:
    """Height of the face (share of the frame's), roll (degrees), and what the light does to uint8 (H, W)."""

    name: str
    height: float = _USUAL
    roll: float = 0.0
    light: Callable[[NDArray[np.uint8]], NDArray[np.uint8]] | None = None


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


CONDITIONS = (
    *(Condition(f"height {h:.0%}", height=h) for h in _HEIGHTS),
    *(Condition(f"roll {r:+.0f}°", roll=r) for r in (-40, -20, 20, 40)),
    Condition("dark", light=_dark),
    Condition("backlit", light=_backlit),
    Condition("overexposed", light=_overexposed),
)


def measure(model: Path, photos: Photos, most: int = 300) -> tuple[dict[str, object], NDArray[np.uint8]]:
    """Recall under every condition, for a detector and its peers, and a contact sheet to look at.

    Args:
        model: .pt, .onnx or .tflite file.
        photos: a split; only single large faces with landmarks are used.
        most: faces to use.

    Returns:
        JSON types, and a BGR picture uint8 (H, W, 3): a row a condition, found faces in green, missed in red.
    """
    mine = opened(model)
    rivals, _ = peers(mine.height, mine.width)
    detectors: Mapping[str, Detector] = {"mien": mine, **rivals}
    faces = [p for p in photos.photos if _usable(p)]
    step = max(1, len(faces) // most)
    faces = faces[::step][:most]
    turned = [p for p in photos.photos if _usable(p) and _turned(p)]
    rows, sheet = [], []
    for condition, chosen in [(c, faces) for c in CONDITIONS] + [(Condition("turned away"), turned)]:
        hits = dict.fromkeys(detectors, 0)
        pictures: list[NDArray[np.uint8]] = []
        for photo in progress(chosen, condition.name, unit="faces"):
            frame, box = _staged(photo, condition, (mine.height, mine.width))
            for name, detector in detectors.items():
                seen = confident(detector(frame), mine.score_threshold)
                found = _finds(seen, box)
                hits[name] += found
                if name == "mien" and len(pictures) < 8:
                    pictures.append(_drawn(frame, seen, box, found))
        share = {name: round(count / max(1, len(chosen)), 4) for name, count in hits.items()}
        size = {"height": condition.height} if condition in CONDITIONS[: len(_HEIGHTS)] else {}
        rows.append({"condition": condition.name, **size, "faces": len(chosen), "recall": share})
        pictures += [np.zeros_like(_bgr(frame))] * (8 - len(pictures))
        sheet.append(np.concatenate(pictures, axis=1))
    shared = {"input": [mine.height, mine.width], "score_threshold": mine.score_threshold, "usual_height": _USUAL}
    return {**shared, "conditions": rows}, np.concatenate(sheet)


def _usable(photo: Photo) -> bool:
    if photo.name.split("/")[0] not in _SETS or len(photo.boxes) != 1 or photo.ignore[0]:
        return False
    return bool(photo.boxes[0, 3] - photo.boxes[0, 1] >= _SMALLEST and np.isfinite(photo.landmarks[0]).all())


def _turned(photo: Photo) -> bool:
    eyes = photo.landmarks[0, :2]
    apart = float(np.linalg.norm(eyes[0] - eyes[1]))
    return abs(float(photo.landmarks[0, 2, 0] - eyes[:, 0].mean())) >= _PROFILE * max(apart, 1.0)


def _staged(photo: Photo, condition: Condition, size: tuple[int, int]) -> tuple[NDArray[np.uint8], NDArray[np.float32]]:
    """The photograph's face in the middle of a frame (H, W), and its box there."""
    box = photo.boxes[0]
    scale = condition.height * size[0] / float(box[3] - box[1])
    angle = math.radians(condition.roll)
    turn = scale * np.array([[math.cos(angle), -math.sin(angle)], [math.sin(angle), math.cos(angle)]])
    middle = np.array([size[1] / 2, size[0] / 2])
    luma: NDArray[Any] = photo.luma
    if scale < 0.67:
        shrunk = max(1, round(luma.shape[1] * scale)), max(1, round(luma.shape[0] * scale))
        luma = cv2.resize(luma, shrunk, interpolation=cv2.INTER_AREA)
    ratio = np.array([photo.luma.shape[1] / luma.shape[1], photo.luma.shape[0] / luma.shape[0]])
    matrix = np.concatenate([turn * ratio, (middle - turn @ ((box[:2] + box[2:]) / 2))[:, None]], axis=1)
    frame = cv2.warpAffine(luma, matrix, (size[1], size[0]), borderMode=cv2.BORDER_CONSTANT, borderValue=GREY)
    staged = np.asarray(frame, np.uint8)
    half = (box[2:] - box[:2]) * scale / 2
    return condition.light(staged) if condition.light else staged, np.concatenate([middle - half, middle + half])


def _finds(seen: Detections, box: NDArray[np.float32]) -> bool:
    return bool(len(seen.boxes) and iou(seen.boxes, box[None].astype(np.float32)).max() >= 0.5)


def _bgr(frame: NDArray[np.uint8]) -> NDArray[np.uint8]:
    return np.asarray(cv2.cvtColor(frame, cv2.COLOR_GRAY2BGR), np.uint8)


def _drawn(frame: NDArray[np.uint8], seen: Detections, box: NDArray[np.float32], found: bool) -> NDArray[np.uint8]:
    picture = _bgr(frame)
    for corners, points in zip(seen.boxes, seen.landmarks, strict=True):
        left, top, right, bottom = (round(float(v)) for v in corners)
        cv2.rectangle(picture, (left, top), (right, bottom), (0, 220, 0), 2)
        for x, y in points:
            cv2.circle(picture, (round(float(x)), round(float(y))), 2, (255, 160, 0), -1)
    if not found:
        left, top, right, bottom = (round(float(v)) for v in box)
        cv2.rectangle(picture, (left, top), (right, bottom), (0, 0, 255), 1)
    return picture
