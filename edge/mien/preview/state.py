"""What the page is told of a run, as JSON: what it does, what it reads, how fast, how well."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TypedDict

from mien.machine import State as MachineState
from mien.machine import throttled_bits
from mien.outputs.names import shown
from mien.pipeline import Pipeline
from mien.preview.monitor import Monitor
from mien.reading import Reading


class ReadingShown(TypedDict):
    """One face; `probabilities` in the order of the classifier's labels, so that no line of the page jumps."""

    track: int
    emotion: str
    top: str
    reason: str | None
    probabilities: list[tuple[str, float]]


class HealthShown(TypedDict):
    """What `/healthz` answers; `age_s` is None before the first frame."""

    healthy: bool
    state: str
    age_s: float | None
    limit_s: float
    reasons: list[str]


class StateShown(HealthShown):
    """One event of the page."""

    source: str
    width: int
    height: int
    frames: int
    dropped: int
    rate: float
    readings: list[ReadingShown]
    latencies: dict[str, dict[str, float]]
    temperature: float | None
    throttled: bool


def health(pipeline: Pipeline) -> HealthShown:
    """How a run is."""
    now = pipeline.pulse.now()
    return {
        "healthy": now.healthy,
        "state": now.state.value,
        "age_s": None if now.age is None else round(now.age, 3),
        "limit_s": pipeline.pulse.limit,
        "reasons": list(now.reasons),
    }


def state(
    pipeline: Pipeline,
    monitor: Monitor,
    source: str,
    latencies: Mapping[str, Mapping[str, float]],
    machine: MachineState,
) -> StateShown:
    """All that the page shows besides the picture.

    Args:
        pipeline: of the run.
        monitor: that counts it.
        source: one line.
        latencies: of the monitor; told apart because they may be some seconds old.
        machine: likewise.
    """
    latest = monitor.latest
    told = health(pipeline)
    # Old readings are no present ones: whoever is paused or stalled shows none.
    readings = latest.readings if latest is not None and told["healthy"] else ()
    return {
        **told,
        "source": shown(source),
        "width": 0 if latest is None else latest.width,
        "height": 0 if latest is None else latest.height,
        "frames": monitor.frames,
        "dropped": monitor.dropped,
        "rate": round(monitor.rate(), 2),
        "readings": [_reading(reading) for reading in readings],
        "latencies": {
            stage: {name: round(spread[name], 2) for name in ("p50", "p95")} for stage, spread in latencies.items()
        },
        "temperature": machine["temperature"],
        "throttled": bool((throttled_bits(machine["throttled"]) or 0) & 0xF),
    }


def _reading(reading: Reading) -> ReadingShown:
    return {
        "track": reading.track,
        "emotion": reading.emotion,
        "top": reading.top,
        "reason": reading.reason,
        "probabilities": [(label, round(value, 3)) for label, value in reading.probabilities.items()],
    }
