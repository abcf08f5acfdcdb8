"""A result of `mien_export peers`: bench.json, mien's own bench and a contest with peers in one run."""

from __future__ import annotations

from typing import NotRequired, TypedDict

from mien.bench.document import ColdStart, Measured, Run
from mien.machine import Facts, State
from mien.models import bundle

Spread = dict[str, float]
"""Milliseconds: "p25", "p50", "p75", "p90", "p95", "p99" and "max"."""


class Row(TypedDict):
    """One contender, or a peer that was not measured: it has `skipped`, the reason.

    Attributes:
        engine, precision, faces: of mien's own.
        task, input, file, bytes, sha256: of a peer.
        network: the network alone; None for a whole path.
        path: from luma; None for a network alone.
        strict_accuracy: percent on FER+'s strict test images; None where that was not measured.
    """

    name: str
    skipped: NotRequired[str]
    engine: NotRequired[str]
    precision: NotRequired[str]
    faces: NotRequired[int]
    task: NotRequired[str]
    input: NotRequired[list[int]]
    file: NotRequired[str]
    bytes: NotRequired[int]
    sha256: NotRequired[str]
    network: NotRequired[Spread | None]
    path: NotRequired[Spread | None]
    strict_accuracy: NotRequired[float | None]


class Ratio(TypedDict):
    """A promise.

    Attributes:
        value: measured; None where it was not, and `reason` says why.
        target: the most that is allowed.
        met: whether value is no more than target; None without a value.
        of: what over what.
    """

    value: float | None
    target: float
    met: bool | None
    of: str
    reason: NotRequired[str]


class Bench(TypedDict):
    """The whole file.

    Attributes:
        hardware, state_after: the machine before and after.
        remarks: reasons for doubt; empty on a quiet machine.
        models: name to kind to SHA-256.
        runs, cold_start: of `mien bench`.
        peers: one thread, in turns.
        ratios: promises by name.
        picture: name of the picture beside the file; None where there is none.
    """

    command: str
    date: str
    hardware: Facts
    remarks: list[str]
    state_after: State
    settings: Measured
    models: dict[str, dict[str, str]]
    runs: list[Run]
    cold_start: list[ColdStart]
    peers: list[Row]
    ratios: dict[str, Ratio]
    picture: NotRequired[str | None]


def earlier(found: Bench) -> str:
    """Words for the timed models that are not those bundled today, such as "with an earlier face-base"; else empty."""
    names = [
        name
        for name, files in found["models"].items()
        if (bundle.MODELS / f"{name}.json").is_file()
        and files.get("tflite") != bundle.load(name).sidecar.files["tflite"].sha256
    ]
    return f"with an earlier {' and '.join(names)}" if names else ""
