"""mien and its peers in turns: one thread, one frame, one process."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

import cv2
import numpy as np
import onnx

from mien.bench.measure import WholePath
from mien.bench.rounds import Call, Contender, Progress, take_turns
from mien.bench.scene import Scene, placed
from mien.emotions.classifier import EmotionClassifier
from mien.faces.detector import FaceDetector
from mien.laps import summary
from mien.models.bundle import Bundle
from mien.models.engine import open_engine
from mien_export.peers import catalogue, float_copy
from mien_export.quantization.observers import real
from mien_export.records.bench import Row
from mien_export.tflite.layout import to_channels_last

FACES = (1, 20)
"""Numbers of faces in mien's whole path."""


@dataclass(frozen=True, slots=True)
class Outcome:
    """Medians in milliseconds, and everything for the record.

    Attributes:
        classifier: name of mien's classifier.
        whole: (engine, faces) to mien's path from luma to readings.
        networks: (model, engine, "int8" or "float") to mien's networks alone.
        peers: name to (path, network).
        rows: one a contender; peers that are missing have "skipped", the reason.
    """

    classifier: str
    whole: dict[tuple[str, int], float]
    networks: dict[tuple[str, str, str], float]
    peers: dict[str, tuple[float, float]]
    rows: tuple[Row, ...]


def run(
    models: tuple[str | Path, str | Path],
    engines: tuple[str, ...],
    scene: Scene,
    where: Path,
    seconds: float,
    progress: Progress | None = None,
    also: Sequence[Bundle] = (),
) -> Outcome:
    """Time everything in turns.

    Args:
        models: detector and classifier, names of bundled models or paths of sidecars.
        engines: names of mien's engines, at least "litert".
        scene: the frame.
        where: folder of the peers.
        seconds: for everything together, after the warm-up.
        progress: is told how far the measurement is.
        also: further models of mien's, whose networks alone are timed.

    Raises:
        MienError: a model or an engine of mien's cannot be used.
    """
    wholes: dict[tuple[str, int], WholePath] = {}
    bundles: list[Bundle] = []
    for engine in engines:
        detector, classifier = FaceDetector(models[0], engine), EmotionClassifier(models[1], engine)
        bundles = [detector.bundle, classifier.bundle]
        for faces in FACES:
            wholes[engine, faces] = WholePath(scene, detector, classifier, faces)
    networks = {
        (model.name, engine, kind): Call(step)
        for model in {model.name: model for model in (*bundles, *also)}.values()
        for engine in engines
        for kind, step in _networks(model, engine).items()
    }
    box = placed(1)[0].box
    others, absent = catalogue.opened(where, scene.luma, box, (bundles[0].height, bundles[0].width))
    paths = {peer.name: Call(peer.path) for peer in others}
    alone = {peer.name: Call(peer.network) for peer in others}
    kept = cv2.getNumThreads()
    cv2.setNumThreads(1)
    try:
        contenders: list[Contender] = [*wholes.values(), *networks.values(), *paths.values(), *alone.values()]
        take_turns(contenders, seconds, progress)
    finally:
        cv2.setNumThreads(kept)
    rows: list[Row] = []
    for (engine, faces), path in wholes.items():
        figures = path.figures()["readings"]
        rows.append({"name": "mien, whole path", "engine": engine, "faces": faces, "path": figures, "network": None})
    for (name, engine, kind), call in networks.items():
        figures = summary(call.nanoseconds)
        rows.append({"name": f"mien {name}", "engine": engine, "precision": kind, "path": None, "network": figures})
    for peer in others:
        figures, network = summary(paths[peer.name].nanoseconds), summary(alone[peer.name].nanoseconds)
        rows.append({**catalogue.record(peer), "path": figures, "network": network})
    rows += [{"name": name, "skipped": reason} for name, reason in absent.items()]
    return Outcome(
        bundles[1].name,
        {key: path.figures()["readings"]["p50"] for key, path in wholes.items()},
        {key: summary(call.nanoseconds)["p50"] for key, call in networks.items()},
        {
            name: (summary(call.nanoseconds)["p50"], summary(alone[name].nanoseconds)["p50"])
            for name, call in paths.items()
        },
        tuple(rows),
    )


def _networks(model: Bundle, engine: str) -> dict[str, Callable[[], object]]:
    """The model alone in an engine, and its float copy where this engine runs float models."""
    luma = np.random.default_rng(0).integers(0, 256, (model.height, model.width), dtype=np.uint8)
    opened = open_engine(model, engine)
    steps: dict[str, Callable[[], object]] = {"int8": lambda: opened.run(luma)}
    values = real(luma[None])
    if engine == "onnx":
        session = catalogue.session(float_copy.float_onnx(onnx.load(model.artefact("onnx"))).SerializeToString())
        name = session.get_inputs()[0].name
        steps["float"] = lambda: session.run(None, {name: values})
    elif engine == "litert":
        interpreter, invoke = catalogue.interpreter(float_copy.float_tflite(onnx.load(model.artefact("onnx"))))
        index, last = interpreter.get_input_details()[0]["index"], np.ascontiguousarray(to_channels_last(values))

        def step() -> object:
            interpreter.set_tensor(index, last)
            return invoke()

        steps["float"] = step
    return steps
