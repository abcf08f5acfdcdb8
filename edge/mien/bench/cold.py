"""Cold start and memory, each in fresh processes: what a service pays when it starts."""

from __future__ import annotations

import json
import os
import statistics
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Callable, Sequence
from pathlib import Path

import cv2

import mien
from mien.bench.document import ColdStart
from mien.bench.rounds import Progress
from mien.bench.scene import Scene
from mien.errors import MienError

BASELINE = "import numpy, cv2"
"""What every program of this kind pays; cold starts are also given as a ratio to it."""

_TIMEOUT = 120.0

_STEPS = """
import json, sys, time
began = time.perf_counter()
import cv2, numpy
from mien.cameras.luma import read_image
from mien.reader import FaceReader
imported = time.perf_counter()
reader = FaceReader(engine=sys.argv[2], expression=sys.argv[3] or None)
loaded = time.perf_counter()
reader.read(read_image(sys.argv[1]))
read = time.perf_counter()
print(json.dumps({"import": imported - began, "load": loaded - imported, "first_reading": read - loaded}))
"""

# The kernel's own high-water mark of this very process; getrusage's would include the parent's before exec.
_MEMORY = """
import sys
from mien.cli import main
status = main(sys.argv[1:])
peak = [line.split()[1] for line in open("/proc/self/status") if line.startswith("VmHWM")]
print(*peak)
sys.exit(status)
"""


def measure(
    engines: Sequence[str],
    scene: Scene,
    repeats: int,
    progress: Progress | None = None,
    expression: str | None = None,
) -> list[ColdStart]:
    """Start each engine's `mien detect` on one 640×480 picture, again and again, beside the baseline.

    Args:
        engines: names.
        scene: the picture.
        repeats: fresh processes of each kind, in turns; the first round fills the disk's cache and is dropped.
        progress: is told how far the measurement is.
        expression: how faces are read; None for the classifier's own choice.

    Returns:
        One entry an engine.
    """
    with tempfile.TemporaryDirectory(prefix="mien-bench-") as folder:
        picture = Path(folder) / "frame.png"
        if not cv2.imwrite(str(picture), scene.luma):
            raise MienError(f"{picture}: cannot be written; free some space for temporary files")
        return [
            _engine(engine, picture, repeats, expression, _part(progress, index, len(engines)))
            for index, engine in enumerate(engines)
        ]


def _engine(engine: str, picture: Path, repeats: int, expression: str | None, progress: Progress | None) -> ColdStart:
    chosen = [] if expression is None else ["--expression", expression]
    detect = ["detect", str(picture), "--json", "--engine", engine, *chosen]
    readings, baselines, steps, faces = [], [], [], 0
    try:
        for repeat in range(repeats + 1):
            reading, line = _timed([sys.executable, "-m", "mien", *detect])
            baseline, _ = _timed([sys.executable, "-c", BASELINE])
            _, parts = _timed([sys.executable, "-c", _STEPS, str(picture), engine, expression or ""])
            if repeat:
                readings.append(reading)
                baselines.append(baseline)
                steps.append(json.loads(parts))
                faces = len(json.loads(line)["faces"])
            if progress is not None:
                progress((repeat + 1) / (repeats + 1))
        _, _, peak = _said([sys.executable, "-c", _MEMORY, *detect]).partition("\n")
    except MienError as error:
        return {"engine": engine, "error": str(error)}
    except subprocess.TimeoutExpired:
        return {"engine": engine, "error": f"a fresh process took longer than {_TIMEOUT:.0f} s"}
    reading, baseline = statistics.median(readings), statistics.median(baselines)
    return {
        "engine": engine,
        "repeats": repeats,
        "first_reading_ms": 1000 * reading,
        "baseline": BASELINE,
        "baseline_ms": 1000 * baseline,
        "ratio": reading / baseline,
        "steps_ms": {name: 1000 * statistics.median(step[name] for step in steps) for name in steps[0]},
        "peak_rss_mb": int(peak) * 1024 / 1e6 if peak.strip() else None,
        "faces": faces,
    }


def _timed(command: Sequence[str]) -> tuple[float, str]:
    """Seconds from the process's start to its first line, or to its end if it says nothing; and the line.

    Raises:
        subprocess.TimeoutExpired: the process took longer than `_TIMEOUT`, and was killed.
        MienError: it failed.
    """
    late = threading.Event()
    began = time.perf_counter()
    with subprocess.Popen(
        command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, env=_environment()
    ) as process:

        def kill() -> None:
            late.set()
            process.kill()

        # Neither the wait for a line nor that for the end, at the close of the `with`, has a limit of its own.
        timer = threading.Timer(_TIMEOUT, kill)
        timer.start()
        try:
            assert process.stdout is not None
            line = process.stdout.readline()
            if not line:
                process.wait()
            seconds = time.perf_counter() - began
            _, errors = process.communicate()
        finally:
            timer.cancel()
    if late.is_set():
        raise subprocess.TimeoutExpired(command, _TIMEOUT)
    _check(command, process.returncode, errors)
    return seconds, line


def _said(command: Sequence[str]) -> str:
    done = subprocess.run(command, capture_output=True, text=True, env=_environment(), timeout=_TIMEOUT)
    _check(command, done.returncode, done.stderr)
    return done.stdout


def _check(command: Sequence[str], status: int, errors: str) -> None:
    if status:
        last = (errors.strip().splitlines() or ["it said nothing"])[-1]
        raise MienError(f"`{Path(command[0]).name} {command[1]} …` ended with status {status}: {last}")


def _environment() -> dict[str, str]:
    """This process's environment, in which a fresh Python finds the same mien."""
    folder = str(Path(mien.__file__).parents[1])
    path = os.environ.get("PYTHONPATH")
    return {**os.environ, "PYTHONPATH": f"{folder}{os.pathsep}{path}" if path else folder}


def _part(progress: Progress | None, index: int, count: int) -> Callable[[float], None] | None:
    return None if progress is None else lambda share: progress((index + share) / count)
