"""What hides part of a face: masks, hands, cups and other things, hats, hoods and scarves, the backs of other heads.

Shapes are drawn in a face's own measure, turned with it, and filled with pieces of other photographs. The labels stay;
a face of which hardly anything is left is neither face nor background.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass

import cv2
import numpy as np
from numpy.random import Generator
from numpy.typing import NDArray

from mien_train.face.compose import Picture
from mien_train.face.scraps import SIDE, Scraps

LEAST = 12.0
"""Faces lower than this many pixels in the training picture get no cover."""

_COVERED = 0.5
"""Share of the faces in a covered picture that have a cover."""
_MOST_HIDDEN = 0.65
"""Share of a face's box; of what is hidden further nobody could say that it is a face."""
_SHARES = {"mask": 0.28, "hand": 0.13, "mouth": 0.13, "thing": 0.16, "hat": 0.14, "hood": 0.08, "back": 0.08}
"""How often each cover comes."""
_PLAIN = 0.4
"""Share of masks, hats and hoods of one tone; the others show a photograph's pixels."""
_TILT = 20.0
"""Degrees by which a mask or a hat sits askew at the most."""
_EDGE = 0.02
"""Softness of a cover's edge, in heights of the face."""

Mask = NDArray[np.uint8]


@dataclass(frozen=True, slots=True)
class _Frame:
    """A face's own measure: (0, 0) is its box's top left corner and (1, 1) its bottom right one, before its turn.

    Attributes:
        x, y: middle of the box, pixels.
        width, height: of the box, pixels.
        roll: of the face, radians.
    """

    x: float
    y: float
    width: float
    height: float
    roll: float

    def points(self, shares: NDArray[np.float64]) -> NDArray[np.float64]:
        """Pixels (n, 2) of places (n, 2) in this measure."""
        flat = (shares - 0.5) * [self.width, self.height]
        cosine, sine = math.cos(self.roll), math.sin(self.roll)
        turned = np.stack([flat[:, 0] * cosine - flat[:, 1] * sine, flat[:, 0] * sine + flat[:, 1] * cosine], axis=1)
        return np.asarray(turned + np.array([self.x, self.y]))

    def ellipse(
        self, mask: Mask, u: float, v: float, half_u: float, half_v: float, tilt: float = 0.0, value: int = 255
    ) -> None:
        """Fill an ellipse; middle and half axes in this measure, tilt in degrees."""
        (x, y), *_ = self.points(np.array([[u, v]])) * 16
        axes = max(16, round(16 * half_u * self.width)), max(16, round(16 * half_v * self.height))
        angle = math.degrees(self.roll) + tilt
        cv2.ellipse(mask, (round(x), round(y)), axes, angle, 0, 360, value, -1, cv2.LINE_AA, 4)

    def polygon(self, mask: Mask, shares: list[tuple[float, float]]) -> None:
        """Fill a polygon."""
        corners = np.rint(16 * self.points(np.array(shares))).astype(np.int32)
        cv2.fillPoly(mask, [corners], 255, cv2.LINE_AA, 4)

    def stroke(self, mask: Mask, begin: tuple[float, float], end: tuple[float, float], thickness: float) -> None:
        """A line with round ends, of this thickness in heights of the face."""
        (x0, y0), (x1, y1) = (np.rint(16 * self.points(np.array([begin, end])))).astype(int).tolist()
        cv2.line(mask, (x0, y0), (x1, y1), 255, max(1, round(thickness * self.height)), cv2.LINE_AA, 4)


def cover(picture: Picture, scraps: Scraps, rng: Generator) -> Picture:
    """Hide part of about half of the faces."""
    luma, ignore = picture.luma.copy(), picture.ignore.copy()
    names, weights = list(_SHARES), np.array(list(_SHARES.values()))
    for face in np.flatnonzero(~picture.ignore):
        box = picture.boxes[face]
        if box[3] - box[1] < LEAST or rng.random() >= _COVERED:
            continue
        kind = str(rng.choice(names, p=weights / weights.sum()))
        ignore[face] = hide(luma, box, picture.landmarks[face], kind, scraps, rng) > _MOST_HIDDEN
    return Picture(luma, picture.boxes, picture.landmarks, ignore, picture.certainty)


def hide(
    luma: NDArray[np.uint8],
    box: NDArray[np.float32],
    landmarks: NDArray[np.float32],
    kind: str,
    scraps: Scraps,
    rng: Generator,
) -> float:
    """Lay one cover before one face.

    Args:
        luma: uint8 (H, W), changed in place.
        box: float32 (4,), pixels, at least partly inside.
        landmarks: float32 (5, 2), NaN where unknown; the eyes tell how far the face leans.
        kind: "mask", "hand" (anywhere), "mouth" (a hand over it), "thing", "hat", "hood" or "back" (of a head).
        scraps: to fill it with.
        rng: of its shape and place.

    Returns:
        The share of the box that it covers, 0 to 1.
    """
    frame = _frame(box, landmarks)
    left, top, right, bottom = _window(frame, luma.shape)
    inside = _Frame(frame.x - left, frame.y - top, frame.width, frame.height, frame.roll)
    mask = np.zeros((bottom - top, right - left), np.uint8)
    _DRAWN[kind](inside, mask, rng)
    soft = cv2.GaussianBlur(mask, (0, 0), max(0.4, _EDGE * frame.height))
    alpha = np.asarray(soft, np.float32) / 255
    part = luma[top:bottom, left:right]
    filled = _filling(kind, mask.shape, scraps, rng)
    part[:] = np.clip(np.rint(part + alpha * (filled - part)), 0, 255)
    x, y = max(0, int(box[0]) - left), max(0, int(box[1]) - top)
    covered = mask[y : max(y + 1, int(box[3]) - top), x : max(x + 1, int(box[2]) - left)]
    return float((covered > 127).mean())


def _frame(box: NDArray[np.float32], landmarks: NDArray[np.float32]) -> _Frame:
    left, top, right, bottom = (float(v) for v in box)
    width, height = right - left, bottom - top
    across = landmarks[1] - landmarks[0]
    known = bool(np.isfinite(across).all()) and float(np.hypot(*across)) > 0.15 * width
    x, y = (left + right) / 2, (top + bottom) / 2
    return _Frame(x, y, width, height, math.atan2(float(across[1]), float(across[0])) if known else 0.0)


def _window(frame: _Frame, size: tuple[int, ...]) -> tuple[int, int, int, int]:
    """Left, top, right and bottom of what a cover may reach, inside the picture."""
    reach = 1.2 * max(frame.width, frame.height)
    return (
        max(0, math.floor(frame.x - reach)),
        max(0, math.floor(frame.y - reach)),
        min(size[1], math.ceil(frame.x + reach)),
        min(size[0], math.ceil(frame.y + reach)),
    )


def _mask(frame: _Frame, mask: Mask, rng: Generator) -> None:
    """From the nose to below the chin; the eyes stay free."""
    frame.ellipse(mask, 0.5, 0.78, rng.uniform(0.35, 0.5), rng.uniform(0.2, 0.3), rng.uniform(-_TILT, _TILT))


def _mouth(frame: _Frame, mask: Mask, rng: Generator) -> None:
    """A hand over the mouth."""
    _hand(frame, mask, rng, (0.5, 0.75))


def _hand(frame: _Frame, mask: Mask, rng: Generator, at: tuple[float, float] | None = None) -> None:
    """A palm with fingers, and a wrist on the other side; at a place, or anywhere on the face."""
    place = rng.uniform(0, 1, 2) if at is None else np.array(at)
    angle, thick = rng.uniform(0, 2 * math.pi), rng.uniform(0.09, 0.14)
    along, across = np.array([math.cos(angle), math.sin(angle)]), np.array([-math.sin(angle), math.cos(angle)])
    fingers, length = int(rng.integers(2, 5)), rng.uniform(0.3, 0.5)
    for finger in range(fingers):
        root = place + across * thick * 1.08 * (finger - (fingers - 1) / 2)
        tip = root + (along + across * rng.uniform(-0.15, 0.15)) * length * rng.uniform(0.8, 1.0)
        frame.stroke(mask, (root[0], root[1]), (tip[0], tip[1]), thick)
    palm = place - along * 0.6 * thick * fingers
    frame.stroke(mask, (place[0], place[1]), (palm[0], palm[1]), 0.9 * thick * fingers)
    wrist = palm - along * 1.5
    frame.stroke(mask, (palm[0], palm[1]), (wrist[0], wrist[1]), rng.uniform(0.2, 0.32))


def _thing(frame: _Frame, mask: Mask, rng: Generator) -> None:
    """A cup, a telephone, a microphone: round or with corners."""
    u, v = rng.uniform(0.1, 0.9), rng.uniform(0.35, 1.0)
    half_u, half_v, tilt = rng.uniform(0.12, 0.35), rng.uniform(0.12, 0.35), rng.uniform(-60, 60)
    if rng.random() < 0.4:
        frame.ellipse(mask, u, v, half_u, half_v, tilt)
        return
    turn = math.radians(tilt)
    along = np.array([math.cos(turn), math.sin(turn)]) * half_u
    across = np.array([-math.sin(turn), math.cos(turn)]) * half_v
    middle = np.array([u, v])
    corners = [middle + along + across, middle + along - across, middle - along - across, middle - along + across]
    frame.polygon(mask, [(float(c[0]), float(c[1])) for c in corners])


def _hat(frame: _Frame, mask: Mask, rng: Generator) -> None:
    """A crown from above the eyes, often with a brim or a peak; the eyes stay free, or nearly."""
    line, rise, wide = rng.uniform(0.1, 0.28), rng.uniform(0.35, 0.6), rng.uniform(0.5, 0.62)
    tilt = rng.uniform(-_TILT, _TILT) / 2
    frame.ellipse(mask, 0.5, line - 0.35 * rise, wide, rise, tilt)
    below = 2 * (line + 0.02)
    keep = np.zeros_like(mask)
    frame.polygon(keep, [(-1, -1.5), (2, -1.5), (2, below / 2), (-1, below / 2)])
    np.minimum(mask, keep, out=mask)
    if rng.random() < 0.6:
        frame.ellipse(mask, rng.uniform(0.35, 0.65), line, rng.uniform(0.55, 0.85), rng.uniform(0.03, 0.08), tilt)


def _hood(frame: _Frame, mask: Mask, rng: Generator) -> None:
    """A hood, a helmet, a scarf around the head: a ring that leaves the face's middle free."""
    frame.ellipse(mask, 0.5, 0.45, rng.uniform(0.65, 0.85), rng.uniform(0.65, 0.8))
    frame.ellipse(mask, 0.5, rng.uniform(0.45, 0.58), rng.uniform(0.34, 0.44), rng.uniform(0.36, 0.46), value=0)


def _back(frame: _Frame, mask: Mask, rng: Generator) -> None:
    """Another person's head from behind, before the lower or the outer part of the face."""
    side, size = rng.uniform(-0.9, 0.9), rng.uniform(0.8, 1.3)
    v = rng.uniform(0.85, 1.15)
    frame.ellipse(mask, 0.5 + side, v, 0.5 * size, 0.55 * size)
    frame.ellipse(mask, 0.5 + side, v + 0.9 * size, 1.0 * size, 0.5 * size)


_DRAWN: Mapping[str, Callable[[_Frame, Mask, Generator], None]] = {
    "mask": _mask,
    "hand": _hand,
    "mouth": _mouth,
    "thing": _thing,
    "hat": _hat,
    "hood": _hood,
    "back": _back,
}


def _filling(kind: str, size: tuple[int, ...], scraps: Scraps, rng: Generator) -> NDArray[np.float32]:
    """Pixels of a cover: float32 (H, W), 0..255."""
    pieces = {"hand": scraps.skin, "mouth": scraps.skin, "thing": scraps.things, "back": scraps.hair}.get(kind)
    if pieces is None:
        pieces = scraps.hair if rng.random() < 0.5 else scraps.things
        if rng.random() < _PLAIN:
            pieces = pieces[:0]
    if not len(pieces):
        return np.full(size, rng.integers(256), np.float32)
    piece = pieces[rng.integers(len(pieces))]
    if rng.random() < 0.5:
        piece = piece[:, ::-1]
    way = cv2.INTER_AREA if max(size) < SIDE else cv2.INTER_LINEAR
    return np.asarray(cv2.resize(piece, (size[1], size[0]), interpolation=way), np.float32)
