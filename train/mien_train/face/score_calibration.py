"""Scores that mean what they say: of the detections with a score of 0.8, eight of ten are right.

A network's raw scores do not say that: what it gives 0.7 is right nearly always. A straight line through their logits
mends most of it (Platt 1999, "Probabilistic outputs for support vector machines"): score = sigmoid(slope × logit +
shift).
"""

from __future__ import annotations

import dataclasses
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from mien.errors import MienError
from mien.faces.decode import Detections
from mien.faces.face import iou
from mien.faces.letterbox import Letterbox
from mien.models.contract import SHIFTS, SLOPES
from mien_train.data.faces import Photo
from mien_train.face import threshold
from mien_train.face.detection import Truth, match
from mien_train.face.detectors import Detector
from mien_train.face.task import truth_of

RECORD = "calibration"
"""Key in a model's `decode` under which `Fit.document` stands."""
OVERLAP = 0.4
"""Intersection over union from which a detection is right: of a labelled box, or of the box that a person drew."""
SMALLEST = 12.0
"""Faces lower than this many pixels of the network's input, and detections that match nothing, do not count."""
LEAST_SCORE = threshold.LEAST
"""Raw scores below it are not fitted: no threshold lies there, and their number would outweigh the others'."""

FEWEST = 100
"""Right detections, and wrong ones, that a fit needs."""
_BINS = 10
_STEPS = 50


@dataclass(frozen=True, slots=True, eq=False)
class Judged:
    """Detections of many photographs, and whether they are right; those that fell on something ignored are left out.

    Attributes:
        scores: float64 (n,), above 0 and below 1.
        right: bool (n,).
        fitting: bool (n,), from a photograph of the half that is fitted on; the other half reports.
    """

    scores: NDArray[np.float64]
    right: NDArray[np.bool_]
    fitting: NDArray[np.bool_]


@dataclass(frozen=True, slots=True)
class Bin:
    """Detections with scores from `low` on: how many, their mean score, and the share of them that are right."""

    low: float
    n: int
    score: float
    right: float


@dataclass(frozen=True, slots=True)
class Fit:
    """A calibration, and what it does on the half that it was not fitted on.

    Attributes:
        slope, shift: a score is the sigmoid of slope × logit + shift.
        fitted_on, reported_on: detections of each half.
        error_before, error_after: expected calibration error, 0 to 1 (Guo et al. 2017), ten bins.
        before, after: reliability by bins of the raw scores, and of the calibrated ones.
    """

    slope: float
    shift: float
    fitted_on: int
    reported_on: int
    error_before: float
    error_after: float
    before: tuple[Bin, ...]
    after: tuple[Bin, ...]

    def document(self) -> dict[str, object]:
        """JSON types, to stand in a model's `decode` under `RECORD`; the two numbers stand beside it."""
        told = {k: v for k, v in dataclasses.asdict(self).items() if k not in ("slope", "shift")}
        return {"by": "halves of the validation photographs, by a hash of their names", "iou": OVERLAP, **told}


def judge(detector: Detector, size: tuple[int, int], photos: Iterable[Photo]) -> Judged:
    """Run a detector over photographs and judge what it finds.

    Args:
        detector: with raw scores.
        size: its input (height, width), pixels.
        photos: with and without faces.
    """
    box = Letterbox(*size)
    names: list[str] = []
    scores: list[NDArray[np.float32]] = []
    right: list[NDArray[np.bool_]] = []
    for photo in photos:
        canvas, where = box(photo.luma)
        one = judged(detector(canvas), truth_of(photo, where.scale, SMALLEST), photo.drawn * np.float32(where.scale))
        scores.append(one[0])
        right.append(one[1])
        names += [photo.name] * len(one[0])
    fitting, _ = threshold.halves(names)
    return Judged(np.concatenate([*scores, []]).astype(np.float64), np.concatenate([*right, []]).astype(bool), fitting)


def judged(
    found: Detections, truth: Truth, drawn: NDArray[np.float32]
) -> tuple[NDArray[np.float32], NDArray[np.bool_]]:
    """Scores of a photograph's detections that count, and which are right.

    Args:
        found: in the truth's pixels.
        truth: labelled faces.
        drawn: float32 (n, 4), the box that a person drew for each of them, NaN where none did.

    Returns:
        float32 (m,) and bool (m,). Each face is found once: a second detection of it is wrong.
    """
    by_label = match(found.boxes, found.scores, truth, OVERLAP, SMALLEST)
    right, counted = by_label.right.copy(), by_label.counted.copy()
    boxes = found.boxes[np.argsort(-found.scores, kind="stable")]
    by_hand = np.isfinite(drawn).all(axis=1)
    left = set(np.flatnonzero(by_hand).tolist()) - set(by_label.face[by_label.right].tolist())
    for row in np.flatnonzero(~right & counted):
        overlaps = {face: float(iou(boxes[row][None], drawn[face][None])[0, 0]) for face in left}
        face = max(overlaps, key=overlaps.__getitem__, default=-1)
        if face < 0 or overlaps[face] < OVERLAP:
            continue
        left.discard(face)
        right[row], counted[row] = not truth.ignore[face], not truth.ignore[face]
    return by_label.scores[counted], right[counted]


def fit(found: Judged) -> Fit | None:
    """Fit on one half and report on the other; None where the first half has too few right or wrong detections.

    Raises:
        MienError: a score is not above 0 and below 1, or higher scores are less often right.
    """
    if ((found.scores <= 0) | (found.scores >= 1)).any():
        raise MienError("a detection's score is not above 0 and below 1; calibrate raw scores of a sigmoid")
    some = found.scores >= LEAST_SCORE
    logits = np.log(found.scores / (1 - found.scores))
    here, there = some & found.fitting, some & ~found.fitting
    if min(found.right[here].sum(), (~found.right[here]).sum()) < FEWEST:
        return None
    slope, shift = (round(value, 4) for value in _line(logits[here], found.right[here]))
    if not (SLOPES[0] <= slope <= SLOPES[1] and SHIFTS[0] <= shift <= SHIFTS[1]):
        raise MienError(f"scores cannot be calibrated: slope {slope:g}, shift {shift:g}; train the detector to its end")
    before, right = found.scores[there], found.right[there]
    after = 1 / (1 + np.exp(-slope * logits[there] - shift))
    return Fit(
        slope=slope,
        shift=shift,
        fitted_on=int(here.sum()),
        reported_on=int(there.sum()),
        error_before=round(error(before, right), 5),
        error_after=round(error(after, right), 5),
        before=reliability(before, right),
        after=reliability(after, right),
    )


def reliability(scores: NDArray[np.float64], right: NDArray[np.bool_]) -> tuple[Bin, ...]:
    """Scores float64 (n,) from 0 to 1 in ten equally wide bins, and how many are right; empty bins are left out."""
    at = np.minimum((scores * _BINS).astype(np.int64), _BINS - 1)
    return tuple(
        Bin(k / _BINS, int(inside.sum()), round(float(scores[inside].mean()), 4), round(float(right[inside].mean()), 4))
        for k in range(_BINS)
        if (inside := at == k).any()
    )


def error(scores: NDArray[np.float64], right: NDArray[np.bool_]) -> float:
    """Mean gap between score and share of right ones over these bins, weighted by their size; 0 without any."""
    at = np.minimum((scores * _BINS).astype(np.int64), _BINS - 1)
    gaps: Sequence[float] = [abs(float((scores[at == k] - right[at == k]).sum())) for k in range(_BINS)]
    return sum(gaps) / max(1, len(scores))


def _line(logits: NDArray[np.float64], right: NDArray[np.bool_]) -> tuple[float, float]:
    """Slope and shift of the most likely sigmoid, by Newton's method, with Platt's targets a little off 0 and 1."""
    hits = int(right.sum())
    wanted = np.where(right, (hits + 1) / (hits + 2), 1 / (len(right) - hits + 2))
    columns = np.stack([logits, np.ones_like(logits)], axis=1)
    line = np.array([1.0, 0.0])
    for _ in range(_STEPS):
        said = 1 / (1 + np.exp(-np.clip(columns @ line, -50, 50)))
        curve = columns.T @ (columns * (said * (1 - said))[:, None]) + 1e-9 * np.eye(2)
        line = line - np.linalg.solve(curve, columns.T @ (said - wanted))
    return float(line[0]), float(line[1])
