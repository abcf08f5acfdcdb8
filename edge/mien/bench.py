"""How long each stage takes on this machine, engine beside engine."""

from __future__ import annotations

import time
from collections.abc import Iterator, Sequence
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray

from mien import machine
from mien.bundle import Bundle
from mien.camera import Camera
from mien.face import Face
from mien.frame import Frame
from mien.metrics import Laps, percentiles
from mien.pipeline import STAGES, Classifier, Detector, Pipeline

WIDTH, HEIGHT = 640, 480
FACES = (0, 1, 4)
_WARM_UP = 20
_ROUND = 10


class BundledDetector(Detector, Protocol):
    """A detector that says which model it runs."""

    bundle: Bundle


class BundledClassifier(Classifier, Protocol):
    """A classifier that says which model it runs."""

    bundle: Bundle


class Opener(Protocol):
    """Opens both models in an engine."""

    def __call__(self, engine: str, threads: int) -> tuple[BundledDetector, BundledClassifier]:
        """Load the detector and the classifier."""
        ...


def measure(open_models: Opener, engines: Sequence[str], seconds: float, threads: int) -> dict[str, Any]:
    """Time the whole path, 640×480 luma in memory to readings.

    The engines and numbers of faces take turns, ten frames at a time, so that a machine that slows down
    treats them alike. The picture is noise; the detector runs on it in full, and then as many equal faces
    as wanted take the place of what it found. Integer networks take as long for noise as for a face, but
    the suppression of overlaps is part of "decode" only as far as the noise calls for it.

    Args:
        open_models: loads the models.
        engines: names, each measured with every number of faces in `FACES`.
        seconds: for everything together, after the warm-up.
        threads: of the engine.

    Returns:
        JSON types: "machine", "state_after", "settings", "models", and "runs", each with its engine, faces,
        frames, "stages" and "whole" in milliseconds, and frames per second.

    Raises:
        MienError: a model or an engine cannot be used.
    """
    before = machine.facts()
    frame = _noise()
    models: dict[str, Any] = {}
    runs: dict[tuple[str, int], Pipeline] = {}
    for engine in engines:
        detector, classifier = open_models(engine, threads)
        for model in (detector.bundle, classifier.bundle):
            models[model.name] = {kind: entry["sha256"] for kind, entry in model.sidecar["files"].items()}
        for faces in FACES:
            runs[engine, faces] = Pipeline(_Still(frame), _Placed(detector, faces), classifier)
    for pipeline in runs.values():
        _drain(pipeline, _WARM_UP)
        pipeline.laps.stages.clear()
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        for pipeline in runs.values():
            _drain(pipeline, _ROUND)
    return {
        "machine": before,
        "state_after": machine.state(),
        "settings": {
            "width": WIDTH,
            "height": HEIGHT,
            "threads": threads,
            "seconds": seconds,
            "warm_up_frames": _WARM_UP,
            "faces": "placed after the detector ran on noise",
        },
        "models": models,
        "runs": [_summary(engine, faces, run.laps) for (engine, faces), run in runs.items()],
    }


def table(result: dict[str, Any]) -> str:
    """The runs of `measure` as text, median and 95th percentile in milliseconds."""
    lines = [f"{result['machine']['cpu']}, {result['settings']['threads']} thread(s); milliseconds, p50 / p95"]
    stages = [s for s in STAGES if any(s in run["stages"] for run in result["runs"])]
    lines.append(f"{'engine':<8}{'faces':>6}" + "".join(f"{stage:>16}" for stage in (*stages, "whole")))
    for run in result["runs"]:
        cells = [*(run["stages"].get(stage) for stage in stages), run["whole"]]
        text = (f"{cell['p50']:.3f} / {cell['p95']:.3f}" if cell else "–" for cell in cells)
        lines.append(f"{run['engine']:<8}{run['faces']:>6}" + "".join(f"{cell:>16}" for cell in text))
    return "\n".join(lines)


class _Still(Camera):
    """One frame again and again."""

    live = False
    period_ns = 33_000_000

    def __init__(self, luma: NDArray[np.uint8]) -> None:
        self._luma = luma
        self._sequence = 0
        self.description = "a still frame in memory"

    def frames(self) -> Iterator[Frame]:
        while True:
            yield Frame(self._luma, time.monotonic_ns(), self._sequence)
            self._sequence += 1

    def close(self) -> None:
        """Nothing is held: the next run goes on."""


class _Placed:
    """A detector whose finds are replaced by a fixed number of faces."""

    def __init__(self, detector: Detector, faces: int) -> None:
        self._detector = detector
        self._faces = tuple(_face(80.0 + 130 * (i % 4), 100.0 + 150 * (i // 4)) for i in range(faces))

    def detect(self, luma: NDArray[np.uint8], laps: Laps | None = None) -> tuple[Face, ...]:
        self._detector.detect(luma, laps)
        return self._faces


def _face(left: float, top: float) -> Face:
    eyes_nose_mouth = ((30.0, 45.0), (70.0, 45.0), (50.0, 70.0), (34.0, 92.0), (66.0, 92.0))
    landmarks = tuple((left + x, top + y) for x, y in eyes_nose_mouth)
    return Face((left, top, left + 100, top + 120), landmarks, 0.9)


def _noise() -> NDArray[np.uint8]:
    return np.random.default_rng(0).integers(0, 256, (HEIGHT, WIDTH), dtype=np.uint8)


def _drain(pipeline: Pipeline, frames: int) -> None:
    for _ in pipeline.run(frames):
        pass


def _summary(engine: str, faces: int, laps: Laps) -> dict[str, Any]:
    stages = {stage: percentiles(laps.stages[stage]) for stage in STAGES if laps.stages.get(stage)}
    whole = percentiles(laps.stages["whole"])
    return {
        "engine": engine,
        "faces": faces,
        "frames": len(laps.stages["whole"]),
        "stages": stages,
        "whole": whole,
        "frames_per_second": 1000 / whole["p50"],
    }
