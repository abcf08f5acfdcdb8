"""How a camera is to be set up, whatever its kind."""

from __future__ import annotations

from dataclasses import dataclass

from mien.cameras.crop import fractions
from mien.errors import MienError

FLICKERS = (0, 50, 60)
"""Hertz of the mains; 0 for none."""

METERINGS = ("centre", "spot", "matrix")
"""Parts of the frame whose brightness may count."""

ROTATIONS = (0, 90, 180, 270)
"""Degrees, clockwise, by which frames can be turned."""

_SIDES = (16, 8192)
_RATES = (0.0, 240.0)
_LONGEST = 86_400.0
_LONGEST_EXPOSURE = 1_000_000
_LARGEST_GAIN = 64.0


@dataclass(frozen=True, slots=True)
class CameraSettings:
    """What is wanted of a camera; what it grants is taken. The names are the keys of the TOML file's table `camera`.

    Attributes:
        number: which of several cameras of the source's kind, from 0; `v4l2:N` names its own.
        width, height: of the frames, in pixels, before they are turned.
        rate: frames a second; 0 for the camera's own.
        rotation: degrees, clockwise, by which each frame is turned: 0, 90, 180 or 270.
        mirror: whether each frame is mirrored left to right, after it is turned.
        recover_seconds: for how long a live camera that stalled, failed or was pulled out is restarted and opened again
            before the run ends; 0 ends it at once.
        exposure: microseconds of each frame's exposure; 0 leaves it to the camera. This and what follows are of cameras
            on the ribbon cable.
        gain: of the sensor, 1 or more; 0 leaves it to the camera.
        metering: the part of the frame whose brightness counts: "centre", "spot" or "matrix", which is all of it.
        flicker: hertz of the mains, 50 or 60, whose lamps would make stripes; 0 for daylight.
        crop: the part of the sensor's picture that the frame shows, "LEFT,TOP,WIDTH,HEIGHT" as fractions of the whole,
            such as "0.25,0.25,0.5,0.5" for the middle at twice the size; empty for all of it.
        lores: whether the detector gets a second, smaller stream, scaled by the camera's own hardware, in place of the
            frame that this processor shrinks: for frames much larger than 640×480. The detector's figures were measured
            without, and tiles look at the frame itself.
        loop: whether a video or the demo begins anew at its end.
        realtime: whether a video or the demo is played at its own speed, as if it were a camera: what is late or comes
            while the models are busy is dropped and counted. Otherwise as fast as it is read, and nothing is dropped.

    Raises:
        MienError: a value out of range.
    """

    number: int = 0
    width: int = 640
    height: int = 480
    rate: float = 0.0
    rotation: int = 0
    mirror: bool = False
    recover_seconds: float = 60.0
    exposure: int = 0
    gain: float = 0.0
    metering: str = "centre"
    flicker: int = 0
    crop: str = ""
    lores: bool = False
    loop: bool = False
    realtime: bool = False

    def __post_init__(self) -> None:
        if self.number < 0:
            raise MienError(f"camera number is {self.number}; give 0 or more")
        for side in (self.width, self.height):
            if not _SIDES[0] <= side <= _SIDES[1]:
                raise MienError(f"camera size is {self.width}×{self.height}; give {_SIDES[0]} to {_SIDES[1]} a side")
        if not _RATES[0] <= self.rate <= _RATES[1]:
            raise MienError(f"camera rate is {self.rate:g}; give up to {_RATES[1]:g} frames a second, or 0 for its own")
        if self.rotation not in ROTATIONS:
            raise MienError(f"camera rotation is {self.rotation}; give {', '.join(map(str, ROTATIONS))}")
        if not 0 <= self.recover_seconds <= _LONGEST:
            raise MienError(f"camera recover_seconds is {self.recover_seconds:g}; give 0 to {_LONGEST:g}")
        if not 0 <= self.exposure <= _LONGEST_EXPOSURE:
            raise MienError(
                f"camera exposure is {self.exposure}; give up to {_LONGEST_EXPOSURE} microseconds, or 0 for its own"
            )
        if self.gain and not 1 <= self.gain <= _LARGEST_GAIN:
            raise MienError(f"camera gain is {self.gain:g}; give 1 to {_LARGEST_GAIN:g}, or 0 for its own")
        if self.metering not in METERINGS:
            raise MienError(f"camera metering is {self.metering!r}; give {', '.join(METERINGS)}")
        if self.crop:
            fractions(self.crop)
        if self.flicker not in FLICKERS:
            raise MienError(f"camera flicker is {self.flicker}; give 50 or 60 hertz, or 0 for daylight")
