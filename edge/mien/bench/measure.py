"""The whole path and its stages, for every engine, number of threads and number of faces."""

from __future__ import annotations

import itertools
import os
from collections.abc import Callable, Sequence
from contextlib import ExitStack
from typing import Protocol

import cv2

from mien.bench.document import Frames, Run
from mien.bench.rounds import Progress, take_turns
from mien.bench.scene import MemoryCamera, PlacedDetector, Scene, placed
from mien.emotions.classifier import EmotionClassifier
from mien.faces.detector import FaceDetector
from mien.laps import summary
from mien.models.bundle import Bundle
from mien.outputs.sinks import open_sinks
from mien.pipeline import STAGES, Pipeline
from mien.reader import FaceReader
from mien.roles import Classifier, Detector, Sink

FACES = (0, 1, 4, 10, 20)
"""Numbers of faces that are measured."""

ALL_STAGES = ("capture", "luma", *(stage for stage in STAGES if stage != "capture"))
"""Stages of a run, in order."""


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


def bundled(engine: str, threads: int, expression: str | None = None) -> tuple[BundledDetector, BundledClassifier]:
    """The bundled models that mien uses by default, faces read in that way; the `Opener` of `mien bench`."""
    classifier = EmotionClassifier(engine=engine, threads=threads, expression=expression)
    return FaceDetector(engine=engine, threads=threads), classifier


class WholePath:
    """A pipeline with so many faces in every frame, as a contender.

    Args:
        scene: the frame.
        detector, classifier: the models.
        faces: to be placed in the frame.
        sinks: where readings go.
    """

    def __init__(
        self, scene: Scene, detector: Detector, classifier: Classifier, faces: int, sinks: Sequence[Sink] = ()
    ) -> None:
        self._camera = MemoryCamera(scene.luma)
        reader = FaceReader(PlacedDetector(detector, placed(faces)), classifier)
        self._pipeline = Pipeline(self._camera, reader, sinks=sinks)
        self._results = self._pipeline.run()

    def turn(self, frames: int) -> None:
        """See `mien.bench.rounds.Contender.turn`."""
        for _ in itertools.islice(self._results, frames):
            pass

    def clear(self) -> None:
        """See `mien.bench.rounds.Contender.clear`."""
        self._pipeline.clear()
        self._camera.laps.clear()

    def figures(self) -> Frames:
        """What the frames so far took."""
        booked = {**self._pipeline.stages, **self._camera.laps.stages}
        whole = booked["whole"]
        readings = [total - sink for total, sink in zip(whole, booked["sink"], strict=True)]
        figures = summary(whole)
        return {
            "frames": len(whole),
            "stages": {stage: summary(booked[stage]) for stage in ALL_STAGES if booked.get(stage)},
            "readings": summary(readings),
            "whole": figures,
            "frames_per_second": 1000 / figures["p50"],
        }


def measure(
    open_models: Opener,
    engines: Sequence[str],
    threads: Sequence[int],
    scene: Scene,
    seconds: float,
    progress: Progress | None = None,
) -> tuple[list[Run], dict[str, dict[str, str]]]:
    """Time every engine with every number of faces.

    Engines and numbers of faces take turns. Numbers of threads are measured one after the other: an engine's
    waiting threads would take the cores of whoever has their turn. Readings are spelled as JSON Lines into the null
    device.

    Args:
        open_models: loads the models.
        engines: names.
        threads: of the engine and of OpenCV, one phase each.
        scene: the frame.
        seconds: for everything together, after the warm-ups.
        progress: is told how far the measurement is.

    Returns:
        One entry an engine, number of threads and number of faces; and the models' names with the SHA-256 of each
        file.

    Raises:
        MienError: a model or an engine cannot be used.
    """
    runs: list[Run] = []
    models: dict[str, dict[str, str]] = {}
    with ExitStack() as stack:
        stack.callback(cv2.setNumThreads, cv2.getNumThreads())
        sinks = stack.enter_context(open_sinks([f"jsonl:{os.devnull}"]))
        for phase, count in enumerate(threads):
            paths: dict[tuple[str, int], WholePath] = {}
            for engine in engines:
                detector, classifier = open_models(engine, count)
                for model in (detector.bundle, classifier.bundle):
                    models[model.name] = {kind: file.sha256 for kind, file in model.sidecar.files.items()}
                for faces in FACES:
                    paths[engine, faces] = WholePath(scene, detector, classifier, faces, (sinks,))
            cv2.setNumThreads(count)
            take_turns(list(paths.values()), seconds / len(threads), _part(progress, phase, len(threads)))
            runs += [
                {"engine": engine, "threads": count, "faces": faces, **path.figures()}
                for (engine, faces), path in paths.items()
            ]
    return runs, models


def _part(progress: Progress | None, index: int, count: int) -> Callable[[float], None] | None:
    return None if progress is None else lambda share: progress((index + share) / count)
