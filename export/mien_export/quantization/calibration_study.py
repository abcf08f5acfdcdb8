"""`calibrations`: which way to measure activation ranges costs a model least, compared on the validation split."""

from __future__ import annotations

import datetime
import tempfile
from collections.abc import Sequence
from pathlib import Path
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from mien import machine
from mien_export import files
from mien_export.build import input_size, read
from mien_export.draft import draft
from mien_export.quantization.observers import METHODS
from mien_export.records.calibration import Calibrations, Row
from mien_export.sidecar import Calibration
from mien_train.data import export_pictures
from mien_train.evaluation import evaluate
from mien_train.training.checkpoint import Checkpoint
from mien_train.training.progress import progress

SIZES = (128, 512, 2048)


def compare(run: Path, data: Path, command: str, sizes: Sequence[int] = SIZES, seed: int = 0) -> Calibrations:
    """Export a run with every method and size, and evaluate each int8 TFLite on the validation split.

    Args:
        run: folder with checkpoint.pt, or a .pt file.
        data: data folder.
        command: that makes this result.
        sizes: numbers of calibration images; a row names those that there are, fewer where a class has too few.
        seed: of their draw.

    Returns:
        The float network's figure, and a row for every method and size.

    Raises:
        MienError: the run or the data cannot be used.
    """
    checkpoint = read(run)
    figure: Literal["accuracy", "ap50"] = "accuracy" if checkpoint.task == "emotion" else "ap50"
    float_file = run / "checkpoint.pt" if run.is_dir() else run
    rows: list[Row] = []
    candidates = [(method, size) for method in METHODS for size in sizes]
    for method, size in progress(candidates, "calibrations", unit="exports"):
        images = export_pictures.images(checkpoint, data, size, seed, input_size(checkpoint))
        row: Row = {"method": method, "images": len(images)}
        row[figure] = _evaluated(checkpoint, data, Calibration(size, method, seed), images, figure)
        rows.append(row)
    return {
        "command": command,
        "task": checkpoint.task,
        "recipe": checkpoint.recipe["name"],
        "figure": figure,
        "split": "val",
        "seed": seed,
        "float": float(evaluate(float_file, data, "val")[figure]),
        "rows": rows,
        "date": datetime.date.today().isoformat(),
        "hardware": machine.facts(),
    }


def write(run: Path, data: Path, out: Path | None, sizes: Sequence[int]) -> Path:
    """Compare and write docs/results/calibration-TASK.json.

    Raises:
        MienError: as `compare`, or the file cannot be written.
    """
    command = f"python -m mien_export calibrations {run} --sizes {','.join(map(str, sizes))}"
    if out is not None:
        files.writable(out)
    result = compare(run, data, command, sizes)
    path = out or Path("docs/results") / f"calibration-{result['task']}.json"
    files.write_json(path, result)
    return path


def _evaluated(
    checkpoint: Checkpoint, data: Path, wanted: Calibration, images: NDArray[np.uint8], figure: str
) -> float:
    with tempfile.TemporaryDirectory() as folder:
        made = draft(checkpoint.build(), checkpoint, Path(folder), "candidate", wanted, images)
        return float(evaluate(made.path.with_suffix(".tflite"), data, "val")[figure])
