"""What mien promises about its latency, as ratios within one run."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Literal

from mien.bench.document import ColdStart
from mien_export.peers.catalogue import MINI_FLOAT, MINI_INT8, YUNET_FLOAT, YUNET_INT8, YUNET_OPENCV_SMALL
from mien_export.peers.contest import Outcome
from mien_export.records.bench import Ratio

ENGINE = "litert"
"""The engine that mien prefers, and makes its promises for."""


def ratios(outcome: Outcome, cold_starts: Sequence[ColdStart]) -> dict[str, Ratio]:
    """Every promise with its value, its target (the most that is allowed), and whether it is met.

    Args:
        outcome: medians, one thread.
        cold_starts: of `mien.bench.cold.measure`.

    Returns:
        Promises by name.
    """
    found = {
        "whole_path_vs_float_peers": _path(outcome, YUNET_FLOAT, MINI_FLOAT, 0.40),
        "whole_path_vs_int8_peers": _path(outcome, YUNET_INT8, MINI_INT8, 0.75),
        "whole_path_vs_opencv": _path(outcome, YUNET_OPENCV_SMALL, MINI_FLOAT, 0.27),
    }
    for (model, engine, kind), median in outcome.networks.items():
        copy = outcome.networks.get((model, engine, "float"))
        if kind == "int8" and copy is not None:
            target = 1.0 if engine == ENGINE else 1.4
            of = f"{model}, int8 over its float copy, {engine}, network alone"
            found[f"int8_vs_float_{engine}_{model}"] = _judged(median / copy, target, of)
    found["twenty_faces"] = _twenty(outcome)
    unmeasured: ColdStart = {"engine": ENGINE, "error": "the engine was not measured"}
    start = next((entry for entry in cold_starts if entry["engine"] == ENGINE), unmeasured)
    command = "`mien detect` on one 640×480 picture"
    of = f'{command}, process start to the reading, over `python -c "import numpy, cv2"`'
    found["cold_start_ratio"] = _from(start, "ratio", 2.5, of)
    found["peak_rss_mb"] = _from(start, "peak_rss_mb", 75.0, f"{command}, peak memory in 10⁶ bytes")
    return found


def _path(outcome: Outcome, detector: str, classifier: str, target: float) -> Ratio:
    of = f"mien, 640×480 luma to readings of one face, over {detector} plus {classifier}, preprocessing included"
    missing = [name for name in (detector, classifier) if name not in outcome.peers]
    if missing:
        return _unknown(target, of, f"{missing[0]} was not measured")
    theirs = outcome.peers[detector][0] + outcome.peers[classifier][0]
    return _judged(outcome.whole[ENGINE, 1] / theirs, target, of)


def _twenty(outcome: Outcome) -> Ratio:
    of = "20 faces over 1 face + 19 × 1.5 × the classifier's own time, tensors set and read"
    own = outcome.networks[outcome.classifier, ENGINE, "int8"]
    allowed = outcome.whole[ENGINE, 1] + 19 * 1.5 * own
    return _judged(outcome.whole[ENGINE, 20] / allowed, 1.0, of)


def _from(start: ColdStart, key: Literal["ratio", "peak_rss_mb"], target: float, of: str) -> Ratio:
    value = start.get(key)
    if value is None:
        return _unknown(target, of, start.get("error", "this system does not tell"))
    return _judged(value, target, of)


def _judged(value: float, target: float, of: str) -> Ratio:
    return {"value": value, "target": target, "met": value <= target, "of": of}


def _unknown(target: float, of: str, reason: str) -> Ratio:
    return {"value": None, "target": target, "met": None, "of": of, "reason": reason}
