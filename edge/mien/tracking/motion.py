"""How a face moves between two sights: at a constant velocity, and how sure that is."""

from __future__ import annotations

import math
from typing import NamedTuple

from mien.faces.face import Box

# In sides of the face, so that near and far faces are judged alike, and in seconds.
_JITTER = 0.04
"""Standard deviation of a detected centre."""
_FIRST_SPEED = 4.0
"""Standard deviation of the speed of a face just seen for the first time, sides/s; walking past is some 8."""
_RESTLESSNESS = 2.0
"""How the velocity wanders: its variance grows by so many sides²/s² a second."""
_RESIZING = 0.5
"""Weight of a new sight in the width and height."""


class Motion(NamedTuple):
    """A face's place and velocity, a Kalman filter of constant velocity whose two axes share one covariance.

    Plain numbers: for the few faces of a frame, numpy's overhead per call would cost more than the arithmetic.

    Attributes:
        x, y: centre, pixels.
        vx, vy: pixels a second.
        width, height: pixels.
        place, drift, speed: the covariance of place and velocity, of either axis: of the place (sides²), of both
            (sides²/s) and of the velocity (sides²/s²).
    """

    x: float
    y: float
    vx: float
    vy: float
    width: float
    height: float
    place: float
    drift: float
    speed: float

    @property
    def side(self) -> float:
        """Mean of width and height, pixels; never 0."""
        return max((self.width + self.height) / 2, 1e-6)

    @property
    def spread(self) -> float:
        """Variance of a sight around the place, of either axis, in sides²."""
        return self.place + _JITTER * _JITTER

    @property
    def box(self) -> Box:
        """Where the face should be, frame pixels."""
        return Box(self.x - self.width / 2, self.y - self.height / 2, self.x + self.width / 2, self.y + self.height / 2)

    def after(self, seconds: float) -> Motion:
        """Where the face should be so much later, 0 or more."""
        grown = _RESTLESSNESS * seconds
        return Motion(
            self.x + self.vx * seconds,
            self.y + self.vy * seconds,
            self.vx,
            self.vy,
            self.width,
            self.height,
            self.place + seconds * (2 * self.drift + seconds * (self.speed + grown / 3)),
            self.drift + seconds * (self.speed + grown / 2),
            self.speed + grown,
        )

    def seen(self, box: Box) -> Motion:
        """What is known once the face was seen there, frame pixels."""
        spread = self.spread
        pull, turn = self.place / spread, self.drift / spread
        x, y = (box[0] + box[2]) / 2 - self.x, (box[1] + box[3]) / 2 - self.y
        return Motion(
            self.x + pull * x,
            self.y + pull * y,
            self.vx + turn * x,
            self.vy + turn * y,
            self.width + _RESIZING * (box[2] - box[0] - self.width),
            self.height + _RESIZING * (box[3] - box[1] - self.height),
            self.place - pull * self.place,
            self.drift - pull * self.drift,
            self.speed - turn * self.drift,
        )

    def improbability(self, box: Box) -> float:
        """How badly a sight fits, −2 ln of a likelihood up to a constant; small or negative is good.

        Student's t rather than a normal distribution: a sudden move is rare, but not as rare as all that.
        """
        side, spread = self.side, self.spread
        x, y = ((box[0] + box[2]) / 2 - self.x) / side, ((box[1] + box[3]) / 2 - self.y) / side
        grown = self.growth(box) / _GROWTH
        return 6 * math.log1p((x * x + y * y) / (4 * spread)) + 2 * math.log(spread) + 2 * math.log1p(grown * grown / 2)

    def growth(self, box: Box) -> float:
        """Natural logarithm of a sight's size over the face's, positive or 0 in both directions."""
        return abs(math.log(max((box[2] - box[0] + box[3] - box[1]) / 2, 1e-6) / self.side))


_GROWTH = 0.08
"""Standard deviation of `Motion.growth` from sight to sight."""


def first(box: Box) -> Motion:
    """What is known of a face first seen there, frame pixels."""
    x, y = (box[0] + box[2]) / 2, (box[1] + box[3]) / 2
    width, height = box[2] - box[0], box[3] - box[1]
    return Motion(x, y, 0.0, 0.0, width, height, _JITTER * _JITTER, 0.0, _FIRST_SPEED * _FIRST_SPEED)
