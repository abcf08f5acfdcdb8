"""What a result of `mien bench` holds, as JSON types: `result` writes it, `report` and `compare` read it."""

from __future__ import annotations

from typing import NotRequired, TypedDict

from mien.machine import Facts, State

Spread = dict[str, float]
"""Name of a percentile, or "max", to milliseconds; see `mien.laps.summary`."""


class Frames(TypedDict):
    """What so many frames took.

    Attributes:
        frames: that were counted.
        stages: stage to its durations.
        readings: luma at hand to readings.
        whole: luma at hand to the end of the sinks.
        frames_per_second: of the median whole.
    """

    frames: int
    stages: dict[str, Spread]
    readings: Spread
    whole: Spread
    frames_per_second: float


class Run(Frames):
    """The same, of one engine, number of threads and number of faces."""

    engine: str
    threads: int
    faces: int


class ColdStart(TypedDict):
    """An engine's way from a fresh process to its first reading; `error` alone where that failed.

    Attributes:
        engine: name.
        error: why nothing was measured.
        repeats: fresh processes of each kind.
        first_reading_ms: process start to the picture's line on standard output, median.
        baseline: what every program of this kind pays.
        baseline_ms: the same for it.
        ratio: of the two.
        steps_ms: in the process: "import", "load" and "first_reading".
        peak_rss_mb: 10⁶ bytes; None where the system does not tell.
        faces: found in the picture.
    """

    engine: str
    error: NotRequired[str]
    repeats: NotRequired[int]
    first_reading_ms: NotRequired[float]
    baseline: NotRequired[str]
    baseline_ms: NotRequired[float]
    ratio: NotRequired[float]
    steps_ms: NotRequired[Spread]
    peak_rss_mb: NotRequired[float | None]
    faces: NotRequired[int]


class Measured(TypedDict):
    """How it was measured; times in seconds."""

    width: int
    height: int
    frame: str
    faces: str
    threads: list[int]
    seconds: float
    frames_a_turn: int


class Result(TypedDict):
    """Everything measured, and everything needed to judge it.

    Attributes:
        command: that made it.
        date: ISO 8601.
        machine, state_after: before and after.
        remarks: reasons for doubt; empty on a quiet machine.
        settings: how it was measured.
        models: name to kind to SHA-256.
        runs: one an engine, number of threads and number of faces.
        cold_start: one an engine.
    """

    command: str
    date: str
    machine: Facts
    state_after: State
    remarks: list[str]
    settings: Measured
    models: dict[str, dict[str, str]]
    runs: list[Run]
    cold_start: list[ColdStart]
