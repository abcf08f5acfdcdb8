"""A result of `python -m mien_export.arm64`: bench-arm64.json, of which pages elsewhere show the networks."""

from __future__ import annotations

from typing import NotRequired, TypedDict


class CountedNetwork(TypedDict):
    """One network.

    Attributes:
        name: of a bundled model, or of a peer as in the catalogue.
        file, sha256: its file's name, and what it holds.
        macs: kind of convolution to multiply-accumulates of one inference.
        instructions: core to the instructions of one inference.
    """

    name: str
    file: str
    sha256: NotRequired[str]
    macs: dict[str, int]
    instructions: dict[str, int]


class Counted(TypedDict):
    """Of the whole file, the networks."""

    networks: list[CountedNetwork]


class Way(TypedDict):
    """How a frame is read; see `mien_export.arm64.jobs.Way`."""

    detector: str
    classifier: str
    faces: int
    scan_every: int
    look: str
    limited: bool


class CountedWay(TypedDict):
    """The way of a frame.

    Attributes:
        way: which.
        stages: core to stage to instructions.
    """

    way: Way
    stages: dict[str, dict[str, int]]


class CountedWays(Counted):
    """Of the whole file, the networks and the ways of a frame."""

    ways: list[CountedWay]
