"""A camera that hangs upside down, on its side, or behind a mirror: each frame turned before anybody sees it."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterator

import cv2
import numpy as np
from numpy.typing import NDArray

from mien.cameras.base import Camera, State
from mien.frame import Frame

_TURNS = {90: cv2.ROTATE_90_CLOCKWISE, 180: cv2.ROTATE_180, 270: cv2.ROTATE_90_COUNTERCLOCKWISE}


class OrientedCamera(Camera):
    """Another camera's frames, turned and mirrored.

    Args:
        camera: closed with this one.
        rotation: degrees, clockwise: 0, 90, 180 or 270.
        mirror: left to right, after the turn.
    """

    def __init__(self, camera: Camera, rotation: int, mirror: bool) -> None:
        self._camera, self._rotation, self._mirror = camera, rotation, mirror
        self.live, self.related, self.period_ns = camera.live, camera.related, camera.period_ns
        how = [f"turned by {rotation}°"] * bool(rotation) + ["mirrored"] * mirror
        self.description = ", ".join([camera.description, *how])

    @property
    def damaged(self) -> int:  # type: ignore[override]
        """Of the camera behind; see `Camera`."""
        return self._camera.damaged

    @property
    def state(self) -> State:  # type: ignore[override]
        """Of the camera behind; see `Camera`."""
        return self._camera.state

    @property
    def restarts(self) -> int:  # type: ignore[override]
        """Of the camera behind; see `Camera`."""
        return self._camera.restarts

    def frames(self) -> Iterator[Frame]:
        """See `Camera.frames`."""
        for frame in self._camera.frames():
            luma = oriented(frame.luma, self._rotation, self._mirror)
            chroma, small = (
                None if plane is None else oriented(plane, self._rotation, self._mirror)
                for plane in (frame.chroma, frame.small)
            )
            self._camera.recycle(frame)
            yield dataclasses.replace(frame, luma=luma, chroma=chroma, small=small)

    def colour(self, wanted: bool) -> None:
        """See `Camera.colour`."""
        self._camera.colour(wanted)

    def close(self) -> None:
        """Close the camera behind."""
        self._camera.close()


def oriented(plane: NDArray[np.uint8], rotation: int, mirror: bool) -> NDArray[np.uint8]:
    """A frame's plane turned clockwise by 0, 90, 180 or 270 degrees, then mirrored.

    Args:
        plane: uint8 (H, W) or (H, W, C).

    Returns:
        uint8, of that shape, or with H and W exchanged.
    """
    if rotation:
        plane = np.asarray(cv2.rotate(plane, _TURNS[rotation]), dtype=np.uint8)
    return np.asarray(cv2.flip(plane, 1), dtype=np.uint8) if mirror else plane
