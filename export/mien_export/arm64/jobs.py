"""What is to be counted, and what comes back: passed between this machine and the emulated one as JSON."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Self

from mien_export.arm64.marks import Key


@dataclass(frozen=True, slots=True)
class Network:
    """A TFLite file, run alone.

    Attributes:
        name: of the row.
        file: where it is.
    """

    name: str
    file: str


@dataclass(frozen=True, slots=True)
class Way:
    """The way of a frame through bundled models: luma, detect, crop, classify, track.

    Attributes:
        detector, classifier: names of bundled models.
        faces: in every frame.
        scan_every: the whole frame is scanned at every k-th frame.
        look: bundled detector for the frames in between.
        limited: the camera gives limited range, which is expanded.
    """

    detector: str
    classifier: str
    faces: int
    scan_every: int = 1
    look: str = ""
    limited: bool = False

    @property
    def name(self) -> str:
        """Of the row; no other way has it."""
        attention = f", --scan-every {self.scan_every}, look {self.look}" if self.scan_every > 1 else ""
        models = f"{self.detector} and {self.classifier}"
        camera = ", camera of limited range" if self.limited else ""
        return f"{models}, {self.faces} face{'' if self.faces == 1 else 's'}{attention}{camera}"

    def inferences(self, least: int) -> int:
        """The next number from `least` on that holds whole rounds of scans and looks."""
        return -(-least // self.scan_every) * self.scan_every


@dataclass(frozen=True, slots=True)
class Jobs:
    """Everything for one emulated core.

    Attributes:
        frame: file of a uint8 (480, 640) array, the luma of every frame.
        inferences: of each network, and frames of each way, at least.
        networks, ways: the rows.
    """

    frame: str
    inferences: int
    networks: tuple[Network, ...]
    ways: tuple[Way, ...]

    @classmethod
    def of(cls, document: Mapping[str, Any]) -> Self:
        """Read what `dataclasses.asdict` made of it."""
        return cls(
            document["frame"],
            document["inferences"],
            tuple(Network(**network) for network in document["networks"]),
            tuple(Way(**way) for way in document["ways"]),
        )


@dataclass(frozen=True, slots=True)
class Done:
    """What the emulated side says.

    Attributes:
        keys: of count.c's slots, by number.
        operators: network's name to its operators as they are executed, by name, and how many.
        versions: of Python and of each package.
    """

    keys: list[Key]
    operators: dict[str, dict[str, int]]
    versions: dict[str, str]

    @classmethod
    def of(cls, document: Mapping[str, Any]) -> Self:
        """Read what `dataclasses.asdict` made of it."""
        keys = [(name, phase, stage) for name, phase, stage in document["keys"]]
        return cls(keys, dict(document["operators"]), dict(document["versions"]))
