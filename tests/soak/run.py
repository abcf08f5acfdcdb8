"""The run itself: frames, faults in turn, samples in between."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from contextlib import closing
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from mien.outputs.queued import SinkState
from soak.faults import FAULTS, Fault
from soak.measures import Counts, Sample, sample
from soak.rig import Rig

_SAMPLES = 500
_RECOVERY_SECONDS = 90.0


@dataclass(slots=True)
class Injected:
    """A fault that was injected.

    Attributes:
        name: of the fault.
        frame: after so many processed frames.
        seconds: until it was felt and over; None if that was not seen.
    """

    name: str
    frame: int
    seconds: float | None = None


@dataclass(frozen=True, slots=True)
class Outcome:
    """What was seen.

    Attributes:
        durations: int64 (N,), nanoseconds, one a processed frame.
        samples: under way.
        counts: at the end.
        injected: faults, in their order.
        sinks: how each was doing at the end.
        seconds: for all frames.
    """

    durations: NDArray[np.int64]
    samples: list[Sample]
    counts: Counts
    injected: list[Injected]
    sinks: tuple[SinkState, ...]
    seconds: float


@dataclass(slots=True)
class _UnderWay:
    entry: Injected
    course: Iterator[bool]
    began: float


def soak(folder: Path, frames: int, every: int, progress: Callable[[], None] = lambda: None) -> Outcome:
    """Process so many frames.

    Args:
        folder: empty, for the sinks' files.
        frames: to process.
        every: processed frames between two faults.
        progress: is called after each.
    """
    durations = np.ones(frames, dtype=np.int64)  # written once, so that its memory is there from the beginning
    samples: list[Sample] = []
    injected: list[Injected] = []
    under_way: list[_UnderWay] = []
    sampled = max(1, frames // _SAMPLES)
    done = passed = wrong = readings = dropped = captured = before = 0
    paused = False
    began = time.monotonic()
    with Rig(folder) as rig:
        with closing(rig.pipeline.run(frames)) as results:  # type: ignore[type-var] # it is a generator
            for result in results:
                durations[done] = rig.pipeline.stages["whole"][-1]
                if not done:
                    before = result.sequence - result.dropped  # while models were loaded: no frames of the run
                done, dropped, captured = done + 1, result.dropped, result.sequence + 1 - before
                readings += len(result.readings)
                missing = captured - done - dropped - passed
                if missing and (paused or rig.pipeline.paused):
                    passed += missing  # by the pause, from which this frame is the first
                elif missing:
                    wrong += 1
                paused = rig.pipeline.paused
                rig.drained()
                if done % every == 0 and done <= frames - 2 * every:  # the last has time to be mended
                    under_way.append(_inject(rig, FAULTS[len(injected) % len(FAULTS)], done))
                    injected.append(under_way[-1].entry)
                    paused = paused or rig.pipeline.paused
                elif under_way:
                    under_way = [one for one in under_way if not _over(one)]
                elif done % sampled == 0:
                    samples.append(sample(done))
                progress()
        seconds = time.monotonic() - began
        delivered, damaged = rig.script.delivered - before, rig.camera.damaged
        for one in under_way:
            one.course.close()  # type: ignore[attr-defined] # it is a generator
        rig.sinks.flush()
        # The folder is another one each time, and nobody's business.
        states = tuple(replace(state, name=state.name.replace(str(folder), "FOLDER")) for state in rig.sinks.states)
    counts: Counts = {
        **{"captured": captured, "processed": done, "dropped": dropped, "passed": passed, "wrong": wrong},
        **{"delivered": delivered, "damaged": damaged, "readings": readings},
    }  # type: ignore[typeddict-item]
    return Outcome(durations, samples, counts, injected, states, seconds)


def _inject(rig: Rig, fault: Fault, frame: int) -> _UnderWay:
    course = fault.course(rig)
    next(course)
    return _UnderWay(Injected(fault.name, frame), course, time.monotonic())


def _over(one: _UnderWay) -> bool:
    """Whether a fault was felt and is over, or that is no longer awaited."""
    taken = time.monotonic() - one.began
    if next(one.course):
        one.entry.seconds = round(taken, 3)
        return True
    return taken > _RECOVERY_SECONDS
