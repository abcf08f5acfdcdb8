"""Executed instructions an inference, by stage, on each emulated core."""

from __future__ import annotations

import hashlib
import json
import subprocess
import tempfile
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from mien.errors import MienError
from mien_export.arm64 import root
from mien_export.arm64.core import Core
from mien_export.arm64.jobs import Done, Jobs, Network, Way
from mien_export.arm64.marks import BASE, ONCE, SLOTS, TWICE
from mien_export.arm64.targets import ROOT, TARGETS

AGREE = 0.03
"""Two counts of the same lie this far apart, at most."""

_RUNS = 2
_SOURCE = Path(__file__).with_name("count.c")

Stages = dict[str, int]
"""Stage to instructions an inference."""


@dataclass(frozen=True, slots=True)
class Counts:
    """What one core executes.

    Attributes:
        instructions: row's name to its stages.
        apart: largest relative distance of two counts of the same row.
        operators: network's name to its operators as they are executed, by name, and how many.
        versions: of Python and the packages there.
    """

    instructions: dict[str, Stages]
    apart: float
    operators: dict[str, dict[str, int]]
    versions: dict[str, str]


def count(
    core: Core,
    networks: Mapping[str, Path],
    ways: Sequence[Way],
    luma: NDArray[np.uint8],
    inferences: int,
    told: Callable[[str], None],
) -> Counts:
    """Count everything, in two emulated processes one after the other.

    Args:
        core: to emulate.
        networks: row's name to a TFLite file, with LiteRT on one thread.
        ways: of a frame through bundled models.
        luma: uint8 (480, 640), the frame.
        inferences: of each, and then twice as many; their difference is what counts.
        told: is told what is going on.

    Raises:
        MienError: something is missing, a model cannot be used, or the two counts disagree.
    """
    plugin = compiled()
    system = root.prepare(TARGETS[0])
    runs = []
    for number in range(_RUNS):
        told(f"counting on an emulated {core.name}, {number + 1} of {_RUNS}")
        runs.append(_counted(system, core, plugin, networks, ways, luma, inferences))
    (first, done), (second, _) = runs
    return Counts(
        {
            name: {stage: round((n + second[name][stage]) / 2) for stage, n in stages.items()}
            for name, stages in first.items()
        },
        apart(first, second, core.name),
        done.operators,
        done.versions,
    )


def _counted(
    system: root.Root,
    core: Core,
    plugin: Path,
    networks: Mapping[str, Path],
    ways: Sequence[Way],
    luma: NDArray[np.uint8],
    inferences: int,
) -> tuple[dict[str, Stages], Done]:
    places = {
        f"/models/{number}.tflite": (name, path.resolve()) for number, (name, path) in enumerate(networks.items())
    }
    jobs = Jobs(
        "/out/frame.npy", inferences, tuple(Network(name, place) for place, (name, _) in places.items()), tuple(ways)
    )
    with tempfile.TemporaryDirectory() as folder:
        out = Path(folder)
        np.save(out / "frame.npy", luma)
        (out / "jobs.json").write_text(json.dumps(asdict(jobs)), encoding="utf-8")
        binds = {place: path for place, (_, path) in places.items()}
        binds |= {"/path/edge": ROOT / "edge", "/path/export": ROOT / "export", "/count.so": plugin, "/out": out}
        arguments = ["-m", "mien_export.arm64.workload", "/out/jobs.json", "/out/done.json"]
        system.python(core, arguments, binds, "/count.so,out=/out/counts.txt")
        done = Done.of(json.loads((out / "done.json").read_text(encoding="utf-8")))
        lines = (out / "counts.txt").read_text(encoding="utf-8").splitlines()
    slots = {int(slot): int(count) for slot, count in (line.split() for line in lines)}
    ways_by_name = {way.name: way for way in ways}
    each = {
        name: ways_by_name[name].inferences(inferences) if name in ways_by_name else inferences
        for name, *_ in done.keys
    }
    return per_inference(done, slots, each), done


def per_inference(done: Done, slots: Mapping[int, int], inferences: Mapping[str, int]) -> dict[str, Stages]:
    """Row's name to its stages: by how much twice as many inferences exceed so many, divided by how many.

    Args:
        done: names the slots.
        slots: number to instructions; what is 0 may be absent.
        inferences: row's name to how many there were in the first phase.
    """
    totals = {key: slots.get(number, 0) for number, key in enumerate(done.keys)}
    found: dict[str, Stages] = {}
    for name, phase, stage in totals:
        if phase == TWICE:
            more = totals[name, TWICE, stage] - totals.get((name, ONCE, stage), 0)
            found.setdefault(name, {})[stage] = round(more / inferences[name])
    return found


def apart(first: Mapping[str, Stages], second: Mapping[str, Stages], where: str) -> float:
    """Largest relative distance between two counts of the same rows.

    Raises:
        MienError: it is more than `AGREE`.
    """
    totals = {name: (sum(first[name].values()), sum(second[name].values())) for name in first}
    distances = {name: abs(a - b) / min(a, b) for name, (a, b) in totals.items()}
    worst = max(distances, key=lambda name: distances[name])
    if distances[worst] > AGREE:
        raise MienError(
            f"{where}: two counts of {worst} are {distances[worst]:.1%} apart, more than {AGREE:.0%} "
            f"({totals[worst][0]:,} and {totals[worst][1]:,} instructions); count more inferences"
        )
    return distances[worst]


def compiled() -> Path:
    """The plugin, compiled once and kept in the cache.

    Raises:
        MienError: a program is missing, QEMU takes no plugin, or the compiler fails.
    """
    root.need({**root.TOOLS, "gcc": "gcc"})
    if not root.loads_plugins():
        raise MienError("this qemu-aarch64 is linked statically and loads no plugin; install Debian 12's qemu-user")
    command = ["gcc", "-O2", "-Wall", "-Werror", "-shared", "-fPIC", f"-DBASE={BASE}", f"-DSLOTS={SLOTS}"]
    digest = hashlib.sha256(_SOURCE.read_bytes() + " ".join(command).encode()).hexdigest()[:12]
    plugin = root.CACHE / f"count-{digest}.so"
    if not plugin.is_file():
        plugin.parent.mkdir(parents=True, exist_ok=True)
        part = plugin.with_suffix(".part")
        ran = subprocess.run([*command, str(_SOURCE), "-o", str(part)], capture_output=True, text=True)
        if ran.returncode:
            raise MienError(f"{_SOURCE.name}: gcc cannot compile it ({ran.stderr.strip().splitlines()[0]})")
        part.rename(plugin)
    return plugin
