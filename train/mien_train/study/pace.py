"""How fast int8 classifiers are beside each other: ratios within one run, interleaved."""

from __future__ import annotations

import statistics
import time
from collections.abc import Mapping
from pathlib import Path

import numpy as np

from mien.models import bundle
from mien.models.engine import open_engine
from mien_train.training.progress import progress

_ROUNDS = 40
_INFERENCES = 25
"""In a row, in each round: short enough that a disturbance hits neighbours alike."""


def ratios(sidecars: Mapping[str, Path], reference: str) -> dict[str, float]:
    """Median time of one inference, one thread, TFLite, as a multiple of the reference's.

    Args:
        sidecars: name to the sidecar of a classifier of 48×48 luma.
        reference: one of the names.
    """
    engines = {name: open_engine(bundle.load(path), "litert") for name, path in sidecars.items()}
    image = np.random.default_rng(0).integers(0, 256, (48, 48), np.uint8)
    times: dict[str, list[float]] = {name: [] for name in engines}
    for number in progress(range(_ROUNDS + 2), "latency", unit="rounds"):
        for name, engine in engines.items():
            begun = time.perf_counter()
            for _ in range(_INFERENCES):
                engine.run(image)
            if number >= 2:  # warm by then
                times[name].append(time.perf_counter() - begun)
    medians = {name: statistics.median(found) for name, found in times.items()}
    return {name: round(found / medians[reference], 3) for name, found in medians.items()}
