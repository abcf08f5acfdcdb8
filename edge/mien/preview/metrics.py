"""A run's counts for Prometheus. The one module that needs prometheus-client."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from typing import TYPE_CHECKING

from mien import machine
from mien.cameras.base import Camera
from mien.errors import MienError
from mien.health import State
from mien.outputs.queued import SinkState
from mien.pipeline import STAGES, Pipeline
from mien.preview.monitor import Monitor

if TYPE_CHECKING:
    from prometheus_client.core import Metric

_BUCKETS = (0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5)
"""Seconds: from a resize on a desktop to a scan of tiles on the smallest Pi."""

CONTENT_TYPE = "text/plain; version=0.0.4; charset=utf-8"


class Metrics:
    """What `/metrics` answers, from a registry of its own.

    Args:
        pipeline: of the run.
        camera: likewise.
        sinks: how each sink is doing.

    Raises:
        MienError: prometheus-client is not installed.
    """

    def __init__(self, pipeline: Pipeline, camera: Camera, sinks: Callable[[], Sequence[SinkState]]) -> None:
        try:
            import prometheus_client
        except ImportError as error:
            raise MienError(
                f"the live page's metrics need prometheus-client, which is not installed ({error}); install it: "
                "pip install starlette uvicorn prometheus-client"
            ) from None
        self._pipeline, self._camera, self._sinks = pipeline, camera, sinks
        self._monitor: Monitor | None = None
        self._registry = prometheus_client.CollectorRegistry()
        durations = prometheus_client.Histogram(
            "mien_stage_seconds",
            "Duration of each stage of a frame; latency is from exposure until the readings were complete",
            ["stage"],
            registry=self._registry,
            buckets=_BUCKETS,
        )
        self._durations = {stage: durations.labels(stage) for stage in (*STAGES, "whole", "latency")}
        prometheus_client.ProcessCollector(registry=self._registry)

    def observe(self, stage: str, seconds: float) -> None:
        """Count a duration; see `mien.preview.monitor.Observer`."""
        if stage in self._durations:
            self._durations[stage].observe(seconds)

    def begin(self, monitor: Monitor) -> None:
        """Tell this monitor's counts from now on."""
        self._monitor = monitor
        self._registry.register(self)

    def text(self) -> bytes:
        """All of it, in Prometheus' text format."""
        import prometheus_client

        return prometheus_client.generate_latest(self._registry)

    def collect(self) -> Iterable[Metric]:
        """Counts and gauges at this moment; the registry asks."""
        from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily

        monitor = self._monitor
        if monitor is None:
            return
        health, state, pace = self._pipeline.pulse.now(), machine.state(), self._pipeline.pace
        passed, limit = (0, None) if pace is None else (pace.passed, pace.limit)
        for name, what, count in (
            (
                "mien_frames_captured",
                "Frames processed, dropped or passed",
                monitor.frames + monitor.dropped + passed,
            ),
            ("mien_frames_processed", "Frames whose faces were read", monitor.frames),
            ("mien_frames_dropped", "Frames lost because the models were busy", monitor.dropped),
            ("mien_frames_passed", "Frames let go by unread, while nobody was in view or it was hot", passed),
            ("mien_frames_damaged", "Frames that could not be decoded", self._camera.damaged),
            ("mien_camera_restarts", "Attempts to get the camera to run again", self._camera.restarts),
        ):
            yield CounterMetricFamily(name, what, value=count)
        bits = machine.throttled_bits(state["throttled"])
        for name, what, value in (
            ("mien_healthy", "1 if a new frame was processed lately", float(health.healthy)),
            ("mien_frame_age_seconds", "Since the last new frame was processed", health.age),
            ("mien_frame_rate_hertz", "Frames a second over the last five seconds", monitor.rate()),
            ("mien_rate_limit_hertz", "Frames a second that are read at most, if fewer than come", limit),
            ("mien_faces", "Faces in the newest frame", float(monitor.faces)),
            ("mien_temperature_celsius", "Of the processor", state["temperature"]),
            (
                "mien_throttled",
                "1 if a Pi's firmware slows the processor down at present",
                bits and float(bits & 0xF > 0),
            ),
            ("mien_throttled_bits", "What a Pi's firmware tells, as a number", bits),
        ):
            if value is not None:
                yield GaugeMetricFamily(name, what, value=value)
        states = GaugeMetricFamily("mien_state", "1 for what mien is doing", labels=["state"])
        for each in State:
            states.add_metric([each.value], float(each is health.state))
        yield states
        failures = CounterMetricFamily("mien_sink_failures", "Writes of a sink that failed", labels=["sink"])
        lost = CounterMetricFamily("mien_sink_dropped", "Results that a sink lost", labels=["sink"])
        for sink in self._sinks():
            failures.add_metric([sink.name], sink.failures)
            lost.add_metric([sink.name], sink.dropped)
        yield failures
        yield lost
