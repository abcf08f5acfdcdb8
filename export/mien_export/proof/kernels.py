"""LiteRT's builtin kernels against its fast ones: they round differently, and must still say the same."""

from __future__ import annotations

from collections.abc import Iterable
from itertools import islice

import numpy as np
from numpy.typing import NDArray

from mien.cameras.demo import DemoCamera
from mien.errors import MienError
from mien.faces.decode import Decoder, Detections
from mien.faces.face import iou
from mien.faces.letterbox import Letterbox
from mien.models.bundle import Bundle
from mien_export.proof import parity
from mien_export.proof.runners import TfLite

LEAST_SAME = 0.97
"""Of classes, or of detections, that both sets of kernels must share."""

_IMAGES = 300
_EVERY = 2
"""Frames of the demo clip: with 75 of them, one face on either side of the threshold is 1 % and no failure."""
_OVERLAP = 0.8
_TIE = 2  # LSB: between classes this close, rounding decides


def classes(tflite: bytes, height: int, width: int) -> tuple[float, int]:
    """Share of structured pictures that both put into one class, ties within two steps allowed; and their number.

    Of several outputs, into one class by each.
    """
    fast, builtin = TfLite(tflite), TfLite(tflite, "builtin")
    same = 0
    for image in parity.structured(_IMAGES, height, width, 0):
        pairs = zip(fast.run(image), builtin.run(image), strict=True)
        same += all(one[0, other.argmax()] >= int(one.max()) - _TIE for one, other in pairs)
    return same / _IMAGES, _IMAGES


def detections(model: Bundle, tflite: bytes) -> tuple[float, int]:
    """Share of detections on the demo clip that both sets of kernels find; and how many the fast ones find.

    A share is 2 · matched / (all of one + all of the other), a match overlaps by 0.8 or more.

    Raises:
        MienError: the clip's photograph is not installed.
    """
    settings = model.decode
    decode = Decoder(
        model.outputs,
        settings.strides,
        settings.score_threshold,
        settings.iou_threshold,
        slope=settings.score_slope,
        shift=settings.score_shift,
    )
    fast, builtin = TfLite(tflite), TfLite(tflite, "builtin")
    matched = total = found = 0
    for canvas in _clip(model.height, model.width):
        one, other = decode(fast.run(canvas)), decode(builtin.run(canvas))
        matched += _matched(one, other)
        total += len(one.scores) + len(other.scores)
        found += len(one.scores)
    return (2 * matched / total if total else 0.0), found


def _clip(height: int, width: int) -> Iterable[NDArray[np.uint8]]:
    box = Letterbox(height, width)
    for frame in islice(DemoCamera().frames(), 0, None, _EVERY):
        yield box(frame.luma)[0]


def _matched(one: Detections, other: Detections) -> int:
    if not len(one.scores) or not len(other.scores):
        return 0
    return int((iou(one.boxes, other.boxes).max(axis=1) >= _OVERLAP).sum())


def judged(model: Bundle, tflite: bytes) -> tuple[bool | None, str]:
    """Whether the builtin kernels agree with the fast ones, and the figures; None where this machine cannot tell."""
    if model.task == "emotion":
        share, images = classes(tflite, model.height, model.width)
        return share >= LEAST_SAME, f"same class on {share:.2%} of {images} pictures"
    try:
        share, found = detections(model, tflite)
    except MienError as error:
        return None, str(error)
    if not found:
        return None, "no face found in the demo clip, nothing to compare"
    return share >= LEAST_SAME, f"{share:.2%} of {found} detections in the demo clip shared"
