"""One result of `mien bench`: everything measured, and everything needed to judge it."""

from __future__ import annotations

import datetime
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from mien import machine
from mien.bench import cold
from mien.bench.document import Result
from mien.bench.measure import Opener, measure
from mien.bench.remarks import Watch
from mien.bench.rounds import FRAMES_A_TURN, Progress
from mien.bench.scene import HEIGHT, WIDTH, scene


@dataclass(frozen=True, slots=True)
class Settings:
    """What to measure.

    Attributes:
        engines: names.
        threads: numbers of threads, one phase each.
        seconds: for all frames together, after the warm-ups.
        starts: fresh processes of each kind for the cold start; 0 leaves it out.
        expression: how faces are read; None for the classifier's own choice.
    """

    engines: tuple[str, ...]
    threads: tuple[int, ...]
    seconds: float
    starts: int
    expression: str | None = None


Step = Callable[[str], Progress | None]
"""Opens the progress of a named step."""


def _silent(name: str) -> None:
    return None


def run(open_models: Opener, settings: Settings, command: Sequence[str], step: Step = _silent) -> Result:
    """Measure everything.

    Args:
        open_models: loads the models.
        settings: what to measure.
        command: that is run, for the record.
        step: opens the progress of "cold start" and of "frames".

    Returns:
        Everything measured, and everything needed to judge it.

    Raises:
        MienError: a model or an engine cannot be used.
    """
    frame = scene()
    for engine in settings.engines:
        open_models(engine, 1)  # an unusable one is said now rather than after half of the work
    facts, watch = machine.facts(), Watch()
    starts = []
    if settings.starts:
        starts = cold.measure(settings.engines, frame, settings.starts, step("cold start"), settings.expression)
    runs, models = measure(open_models, settings.engines, settings.threads, frame, settings.seconds, step("frames"))
    remarks = watch.remarks()
    return {
        "command": " ".join(command),
        "date": datetime.date.today().isoformat(),
        "machine": facts,
        "state_after": watch.after,
        "remarks": remarks,
        "settings": {
            "width": WIDTH,
            "height": HEIGHT,
            "frame": frame.description,
            "faces": "the detector runs in full, then placed faces take the place of what it found",
            "threads": list(settings.threads),
            "seconds": settings.seconds,
            "frames_a_turn": FRAMES_A_TURN,
        },
        "models": models,
        "runs": runs,
        "cold_start": starts,
    }
