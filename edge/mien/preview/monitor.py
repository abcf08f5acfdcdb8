"""Counts of a run, its rate and its recent latencies, for a page and for metrics. It sees no pixel."""

from __future__ import annotations

import threading
import time
from collections import deque
from collections.abc import Callable, Mapping

from mien.laps import summary
from mien.pipeline import STAGES, Pipeline
from mien.reading import FrameResult

_RECENT = 300
"""Frames over which latencies are told."""
_RATE_SECONDS = 5.0
_FACE_STAGES = frozenset({"align", "classify"})

Observer = Callable[[str, float], None]
"""Is told a stage and its duration in seconds, of every frame."""


class Monitor:
    """Is given each result, after the pipeline is done with it; asked from any thread.

    Args:
        pipeline: whose results.
        observe: see `Observer`; none if None.
        clock: seconds of a monotonic clock.

    Attributes:
        frames, dropped, faces: processed and lost since the run began, and faces in the newest frame.
        latest: the newest result; None before the first.
    """

    def __init__(
        self, pipeline: Pipeline, observe: Observer | None = None, clock: Callable[[], float] = time.monotonic
    ) -> None:
        self._pipeline, self._observe, self._clock = pipeline, observe, clock
        self._turn = threading.Lock()
        self._times: deque[float] = deque(maxlen=_RECENT)
        self._stages: dict[str, deque[int]] = {stage: deque(maxlen=_RECENT) for stage in (*STAGES, "whole", "latency")}
        self.frames = self.dropped = self.faces = 0
        self.latest: FrameResult | None = None

    def add(self, result: FrameResult) -> None:
        """Count a frame."""
        booked = self._pipeline.stages
        now: dict[str, int] = {"latency": result.read_at - result.captured_at}
        for stage, durations in booked.items():
            # Of a frame without a face, the newest of these is of an earlier one.
            if durations and (result.readings or stage not in _FACE_STAGES):
                now[stage] = durations[-1]
        with self._turn:
            self.frames += 1
            self.dropped, self.faces, self.latest = result.dropped, len(result.readings), result
            self._times.append(self._clock())
            for stage, duration in now.items():
                if stage in self._stages:
                    self._stages[stage].append(duration)
        if self._observe is not None:
            for stage, duration in now.items():
                self._observe(stage, duration / 1e9)

    def rate(self) -> float:
        """Frames a second, over the last five seconds; 0 if there were none."""
        now = self._clock()
        with self._turn:
            recent = [at for at in self._times if now - at <= _RATE_SECONDS]
        if len(recent) < 2:
            return 0.0
        return (len(recent) - 1) / max(now - recent[0], 1e-9)

    def latencies(self) -> Mapping[str, Mapping[str, float]]:
        """Stage to its percentiles in milliseconds over the last 300 frames; see `mien.laps.summary`.

        "latency" is from a frame's exposure until its readings were complete.
        """
        with self._turn:
            copies = {stage: list(durations) for stage, durations in self._stages.items()}
        return {stage: summary(durations) for stage, durations in copies.items() if durations}
