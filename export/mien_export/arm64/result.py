"""What `make bench-arm64` finds, as docs/results/bench-arm64.json holds it."""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

from mien.errors import MienError
from mien_export import files
from mien_export.arm64.counting import Stages
from mien_export.arm64.jobs import Way


@dataclass(frozen=True, slots=True)
class NetworkRow:
    """A network alone, its input set and its outputs fetched.

    Attributes:
        name: of the model, or of the peer.
        file: its name.
        sha256, bytes: of the file.
        task: "face", "emotion", or empty if unknown.
        peer: it is somebody else's.
        shape: of its first input, such as (1, 48, 48, 1).
        macs: multiply-accumulates by kind.
        operators: as LiteRT executes them, by name; "DELEGATE" is a part that XNNPACK executes as one.
        instructions: an inference, by core.
    """

    name: str
    file: str
    sha256: str
    bytes: int
    task: str
    peer: bool
    shape: tuple[int, ...]
    macs: dict[str, int]
    operators: dict[str, int] = field(default_factory=dict)
    instructions: dict[str, int] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class WayRow:
    """The way of a frame.

    Attributes:
        way: which.
        stages: instructions a frame, by core and stage.
    """

    way: Way
    stages: dict[str, Stages] = field(default_factory=dict)

    def whole(self, core: str) -> int:
        """Instructions a frame on a core."""
        return sum(self.stages[core].values())


@dataclass(frozen=True, slots=True)
class Result:
    """Everything that was counted.

    Attributes:
        command, date: that made it.
        emulator: QEMU's version.
        versions: of Python and the packages on the emulated side.
        frame: what the frame shows.
        inferences: of each row, and twice as many; their difference is what counts.
        cores: names of those that were emulated.
        apart: largest relative distance of two counts of a row, by core.
        networks, ways: the rows.
        skipped: name of a peer to the reason why it was not counted.
    """

    command: str
    date: str
    emulator: str
    versions: dict[str, str]
    frame: str
    inferences: int
    cores: tuple[str, ...]
    apart: dict[str, float]
    networks: tuple[NetworkRow, ...]
    ways: tuple[WayRow, ...]
    skipped: dict[str, str]

    def network(self, name: str) -> NetworkRow | None:
        """The row of that name, if there is one."""
        return next((row for row in self.networks if row.name == name), None)


def write(result: Result, path: Path) -> None:
    """Write a result as JSON.

    Raises:
        MienError: the file cannot be written.
    """
    files.write_json(path, asdict(result))


def read(path: Path) -> Result:
    """Read a written result.

    Raises:
        MienError: it cannot be read, or is none.
    """
    try:
        return _result(json.loads(files.read_text(path)))
    except (KeyError, TypeError, ValueError) as error:
        raise MienError(f"{path}: no result of counting ({error!r}); make it with: make bench-arm64") from None


def _result(document: dict[str, Any]) -> Result:
    networks = (NetworkRow(**{**row, "shape": tuple(row["shape"])}) for row in document["networks"])
    ways = (WayRow(Way(**row["way"]), row["stages"]) for row in document["ways"])
    lists = {"cores": tuple(document["cores"]), "networks": tuple(networks), "ways": tuple(ways)}
    return Result(**{**document, **lists})
