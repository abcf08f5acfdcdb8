"""What an emulated core executes while count.c counts: `python -m mien_export.arm64.workload JOBS.json DONE.json`.

DONE gets what `Done` holds, as JSON.
"""

from __future__ import annotations

import gc
import json
import platform
import sys
from collections.abc import Callable
from dataclasses import asdict
from pathlib import Path

import numpy as np
from ai_edge_litert import interpreter as litert
from numpy.typing import NDArray

from mien import machine
from mien.bench.scene import MemoryCamera, PlacedDetector, placed
from mien.emotions.classifier import EmotionClassifier
from mien.errors import MienError
from mien.faces.attention import AttentiveDetector, window
from mien.faces.detector import FaceDetector
from mien.reader import FaceReader
from mien.roles import Detector
from mien_export.arm64.jobs import Done, Jobs, Network, Way
from mien_export.arm64.marks import ONCE, REST, TWICE, MarkedLaps, Marks
from mien_export.arm64.operators import DELEGATE, executed

_WARM_UP = 3


def run(jobs: Jobs) -> Done:
    """Do all jobs, each `jobs.inferences` times and twice as often.

    Raises:
        MienError: a model cannot be used, or XNNPACK did not take it.
    """
    marks, operators = Marks(), {}
    luma = np.load(jobs.frame)
    for network in jobs.networks:
        operators[network.name] = dict(_count_network(network, jobs.inferences, marks))
    for way in jobs.ways:
        _count_way(way, luma, way.inferences(jobs.inferences), marks)
    packages = {name: version for name, version in machine.versions().items() if version}
    return Done(marks.keys, operators, {"python": platform.python_version(), **packages})


def _count_network(network: Network, inferences: int, marks: Marks) -> dict[str, int]:
    """Count one network, input set and outputs fetched; its operators as they are executed."""
    interpreter = litert.Interpreter(model_path=network.file, num_threads=1)
    interpreter.allocate_tensors()
    operators = executed(interpreter)
    if not operators[DELEGATE]:
        raise MienError(
            f"{network.name}: XNNPACK took none of its operators, what would be counted are the slow kernels; "
            "is the processor shown in /sys and /proc/cpuinfo?"
        )
    rng = np.random.default_rng(0)
    given = []
    for detail in interpreter.get_input_details():
        whole = np.issubdtype(detail["dtype"], np.integer)
        values = rng.integers(0, 128, detail["shape"]) if whole else rng.uniform(-1, 1, detail["shape"])
        given.append((detail["index"], values.astype(detail["dtype"])))
    outputs = [detail["index"] for detail in interpreter.get_output_details()]

    def infer() -> None:
        for index, values in given:
            interpreter.set_tensor(index, values)
        interpreter.invoke()
        for index in outputs:
            interpreter.get_tensor(index)

    _repeat(infer, inferences, marks, network.name)
    return operators


def _count_way(way: Way, luma: NDArray[np.uint8], inferences: int, marks: Marks) -> None:
    """Count the whole way of frames with so many faces, by stages."""
    faces = placed(way.faces)
    scanner: Detector = PlacedDetector(FaceDetector(way.detector), faces)
    if way.scan_every > 1:
        left, top, *_ = window(faces, luma.shape)
        inside = tuple(face.moved(-left, -top) for face in faces)
        scanner = AttentiveDetector(scanner, PlacedDetector(FaceDetector(way.look), inside), way.scan_every)
    with FaceReader(scanner, EmotionClassifier(way.classifier)) as reader:
        camera, laps = MemoryCamera(luma, way.limited), MarkedLaps(marks, way.name)
        reader.laps = camera.laps = laps
        frames = camera.frames()
        seen = 0

        def read() -> None:
            nonlocal seen
            seen = len(reader.read_frame(next(frames)).readings)

        _repeat(read, inferences, marks, way.name, laps)
        if seen != way.faces:
            raise MienError(f"{way.name}: {seen} faces were read, not {way.faces}")


def _repeat(step: Callable[[], None], inferences: int, marks: Marks, name: str, laps: MarkedLaps | None = None) -> None:
    for _ in range(_WARM_UP):
        step()
    gc.collect()
    gc.freeze()  # what was loaded so far is no work of a frame's
    marks.forget()
    for phase, count in ((ONCE, inferences), (TWICE, 2 * inferences)):
        if laps is not None:
            laps.phase = phase
        for _ in range(count):
            step()
        marks.book(name, phase, REST)


if __name__ == "__main__":
    done = run(Jobs.of(json.loads(Path(sys.argv[1]).read_text(encoding="utf-8"))))
    Path(sys.argv[2]).write_text(json.dumps(asdict(done)), encoding="utf-8")
