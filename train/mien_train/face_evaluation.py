"""A detector and its peers on the same letterboxed pixels, in the same run."""

from __future__ import annotations

import math
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
from tqdm import tqdm

from mien.decode import Detections
from mien.letterbox import Letterbox
from mien_train.detection import Matches, Truth, average_precision, match
from mien_train.detectors import Detector, opened, peers
from mien_train.face import SCORE_THRESHOLD, SMALLEST, truth_of
from mien_train.faces import Photos

HEIGHTS = (12.0, 20.0, 40.0, 80.0, math.inf)
"""Bounds of the height classes in which recall is given, pixels of the network's input."""


def evaluate_detectors(model: Path, photos: Photos) -> dict[str, Any]:
    """Figures of a detector, and of every peer that is at hand, on the photographs of a split."""
    mine = opened(model)
    rivals, reason = peers(mine.height, mine.width)
    found = _figures({"": mine, **rivals}, photos, mine.height, mine.width)
    free = sum(p.face_free for p in photos.photos)
    shared = {"n": len(photos.photos), "face_free": free, "input": [mine.height, mine.width], "smallest": SMALLEST}
    return {**shared, **found.pop(""), "peers": found or reason}


def _figures(detectors: Mapping[str, Detector], photos: Photos, height: int, width: int) -> dict[str, dict[str, Any]]:
    box = Letterbox(height, width)
    found: dict[str, list[Detections]] = {name: [] for name in detectors}
    truths: list[Truth] = []
    for photo in tqdm(photos.photos, desc="photographs", leave=False, disable=None):
        canvas, fit = box(photo.luma)
        truths.append(truth_of(photo, fit.scale, SMALLEST))
        for name, detector in detectors.items():
            found[name].append(detector(canvas))
    free = np.array([p.face_free for p in photos.photos])
    return {name: summary(detections, truths, free) for name, detections in found.items()}


def summary(found: list[Detections], truths: list[Truth], free: np.ndarray[Any, np.dtype[np.bool_]]) -> dict[str, Any]:
    """Average precision, recall by height, false positives on face-free pictures, and landmark error.

    Recall and false positives hold at the default score threshold. Landmark error is the mean distance to the
    label's points as a share of the distance between its eyes.
    """
    at50 = [match(d.boxes, d.scores, t, 0.5, SMALLEST) for d, t in zip(found, truths, strict=True)]
    at75 = [match(d.boxes, d.scores, t, 0.75, SMALLEST) for d, t in zip(found, truths, strict=True)]
    faces = sum(int((~t.ignore).sum()) for t in truths)
    alarms = sum(bool((d.scores >= SCORE_THRESHOLD).any()) for d, f in zip(found, free, strict=True) if f)
    low, high = wilson(alarms, int(free.sum()))
    return {
        "faces": faces,
        "ap50": round(average_precision(at50, faces), 5),
        "ap75": round(average_precision(at75, faces), 5),
        "recall": _recall_by_height(at50, truths),
        "false_positives": {
            "pictures": alarms,
            "of": int(free.sum()),
            "share": round(alarms / max(1, int(free.sum())), 5),
            "interval95": [round(low, 5), round(high, 5)],
        },
        "landmark_error": round(_landmark_error(found, at50, truths), 5),
        "score_threshold": SCORE_THRESHOLD,
    }


def wilson(hits: int, n: int) -> tuple[float, float]:
    """The 95 % score interval of a share (Wilson 1927)."""
    if not n:
        return 0.0, 1.0
    z, share = 1.959964, hits / n
    middle = (share + z * z / (2 * n)) / (1 + z * z / n)
    half = z / (1 + z * z / n) * math.sqrt(share * (1 - share) / n + z * z / (4 * n * n))
    return max(0.0, middle - half), min(1.0, middle + half)


def _recall_by_height(matches: list[Matches], truths: list[Truth]) -> dict[str, dict[str, float]]:
    hit: dict[int, int] = dict.fromkeys(range(len(HEIGHTS) - 1), 0)
    total = dict(hit)
    for found, truth in zip(matches, truths, strict=True):
        heights = truth.boxes[:, 3] - truth.boxes[:, 1]
        seen = set(found.face[found.right & (found.scores >= SCORE_THRESHOLD)].tolist())
        for face in np.flatnonzero(~truth.ignore):
            kind = int(np.searchsorted(HEIGHTS, heights[face], side="right")) - 1
            total[kind] += 1
            hit[kind] += int(face) in seen
    return {
        f"{HEIGHTS[k]:.0f}-{HEIGHTS[k + 1]:.0f}": {"faces": total[k], "recall": round(hit[k] / total[k], 4)}
        for k in total
        if total[k]
    }


def _landmark_error(found: list[Detections], matches: list[Matches], truths: list[Truth]) -> float:
    errors = []
    for detections, matched, truth in zip(found, matches, truths, strict=True):
        points = detections.landmarks[np.argsort(-detections.scores, kind="stable")]
        for row in np.flatnonzero(matched.right & (matched.scores >= SCORE_THRESHOLD)):
            wanted = truth.landmarks[matched.face[row]]
            eyes = float(np.linalg.norm(wanted[0] - wanted[1]))
            # A profile's eyes nearly coincide: what is divided by nothing says nothing.
            if np.isfinite(eyes) and eyes > 4:
                errors.append(float(np.linalg.norm(points[row] - wanted, axis=1).mean()) / eyes)
    return float(np.mean(errors)) if errors else float("nan")
