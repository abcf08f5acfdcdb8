"""One real frame of the configured source: what the camera sees, in figures. No pixel is kept or shown."""

from __future__ import annotations

import contextlib
import time
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from mien.cameras.base import Camera
from mien.cameras.opening import open_source
from mien.config import RunConfig
from mien.doctor.check import Check
from mien.errors import MienError
from mien.faces.detector import FaceDetector

_SETTLING_FRAMES, _SETTLING_SECONDS = 20, 2.0
"""A camera's exposure is right only after some frames."""

_BLACK, _WHITE = 2, 253
_DARK, _BRIGHT, _CLIPPED = 40.0, 215.0, 0.25


@dataclass(frozen=True, slots=True)
class Exposure:
    """How light a frame is.

    Attributes:
        mean: of its luma, 0 to 255.
        black, white: shares of pixels at either end, 0 to 1.
    """

    mean: float
    black: float
    white: float


def exposure(luma: NDArray[np.uint8]) -> Exposure:
    """Of a frame, uint8 (H, W), full-range luma."""
    return Exposure(float(luma.mean()), float((luma <= _BLACK).mean()), float((luma >= _WHITE).mean()))


def examine(config: RunConfig) -> tuple[Check, ...]:
    """Open the source, read a frame, and say its size, its exposure, and whether a face is in it.

    Args:
        config: of a run: source, camera, detector, engine and score_threshold count.
    """
    try:
        with open_source(config.source, config.camera) as camera:
            luma, small = _settled(camera)
            described = camera.description
    except MienError as error:
        return (Check("frame", False, True, f"{config.source}: {error}", "see the camera's lines above"),)
    height, width = luma.shape
    return (
        Check("frame", True, True, f"{width}x{height} from {described}"),
        _light(exposure(luma)),
        _faces(luma, small, config),
    )


def _settled(camera: Camera) -> tuple[NDArray[np.uint8], NDArray[np.uint8] | None]:
    """A frame's luma, and its smaller picture if it has one."""
    end = time.monotonic() + _SETTLING_SECONDS
    with contextlib.closing(camera.frames()) as frames:  # type: ignore[type-var] # generators, all of them
        for count, frame in enumerate(frames, start=1):
            if not camera.live or count == _SETTLING_FRAMES or time.monotonic() > end:
                return frame.luma.copy(), frame.small
            camera.recycle(frame)
    raise MienError("ended without a frame")


def _light(found: Exposure) -> Check:
    detail = f"mean luma {found.mean:.0f} of 255, {found.black:.0%} black, {found.white:.0%} white"
    if found.mean < _DARK or found.black > _CLIPPED:
        return Check("exposure", False, False, f"{detail}: too dark", "more light on the faces; take off the lens cap")
    if found.mean > _BRIGHT or found.white > _CLIPPED:
        return Check("exposure", False, False, f"{detail}: too bright", "turn the camera away from window and lamp")
    return Check("exposure", True, False, detail)


def _faces(luma: NDArray[np.uint8], small: NDArray[np.uint8] | None, config: RunConfig) -> Check:
    try:
        with FaceDetector(
            config.detector,
            config.engine,
            config.threads,
            score_threshold=config.score_threshold or None,
            tiles=config.tiles,
        ) as detector:
            faces = detector.detect(luma, small=small)
    except MienError as error:
        return Check("faces", False, True, str(error))
    if not faces:
        remedy = "stand before it; a picture that is turned needs `mien run --rotate`"
        return Check("faces", False, False, "none found", remedy)
    best = faces[0]
    return Check(
        "faces", True, False, f"{len(faces)}; the surest {best.box.width:.0f} pixels wide, score {best.score:.2f}"
    )
