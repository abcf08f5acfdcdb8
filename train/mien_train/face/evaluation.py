"""A detector and its peers on the same letterboxed pixels, in the same run."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from itertools import pairwise
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from mien.faces.decode import Detections, confident
from mien.faces.letterbox import Letterbox, fit
from mien_train.data.faces import Photo, Photos
from mien_train.face import drawn, threshold
from mien_train.face.detection import Matches, Truth, average_precision, match
from mien_train.face.detectors import Detector, opened, peers
from mien_train.face.figures import NOT_BY_HAND, ByHand, Figures, Group, Landmarks, Recall
from mien_train.face.task import SMALLEST, truth_of
from mien_train.face.touching import touching
from mien_train.training.progress import progress

HEIGHTS = (12.0, 20.0, 40.0, 80.0, math.inf)
"""Bounds of the height classes in which recall is given, pixels of the network's input."""

LEAST_EYES = 4.0
"""Faces whose eyes are no further apart, in pixels of the network's input, have no landmark error: a profile's nearly
coincide, and what is divided by nothing says nothing."""

TEACHER = "yunet_n"
"""The peer whose opinion the labels' landmarks are."""

_FITTED = 600
"""Training photographs on which a mapping to drawn boxes is fitted."""


def evaluate_detectors(model: Path, photos: Photos, training: Photos) -> dict[str, object]:
    """Figures of a detector, and of every peer that is at hand, on the photographs of a split.

    Args:
        model: .pt, .onnx or .tflite file.
        photos: of the split.
        training: the training split, on which the mapping to drawn boxes is fitted.

    Returns:
        JSON types. Where the model's threshold was chosen on one half of the face-free photographs, false alarms, its
        own and the peers', are those on the other half, and `reporting_half` is true; each peer's threshold is then
        chosen by the rule that gave ours, as scores of different networks cannot be compared. `groups` holds figures
        of the hard sets and of the others apart, where the split has both; `touching` counts pairs of faces that touch,
        and those of which both are found.
    """
    mine = opened(model)
    rivals, reason = peers(mine.height, mine.width)
    detectors = {"": mine, **rivals}
    size = mine.height, mine.width
    counted, small = _truths(photos, size, SMALLEST), _truths(photos, size, HEIGHTS[0])
    free = np.array([p.face_free for p in photos.photos], np.bool_)
    choosing = free & threshold.halves([p.name for p in photos.photos])[0]
    quiet = free & threshold.halves([p.name for p in photos.photos])[1] if mine.by_halves else free
    groups = _groups(photos.photos)
    found: dict[str, dict[str, object]] = {}
    for name, seen in _run(detectors, photos.photos, size).items():
        at = mine.score_threshold
        if name and mine.by_halves:
            best = [float(seen[i].scores.max(initial=0)) for i in np.flatnonzero(choosing)]
            at = threshold.choose(best, mine.allowed_share)
        found[name] = {
            **summary(seen, counted, small, quiet, at).document(),
            "groups": {group: _group(seen, counted, small, chosen, at).document() for group, chosen in groups.items()},
            "touching": touching(seen, counted, at).document(),
        }
    by_hand = _by_hand(detectors, photos, training, size)
    for name, row in found.items():
        row |= by_hand[name].document() if by_hand else NOT_BY_HAND
    return {
        "n": len(photos.photos),
        "face_free": int(free.sum()),
        "reporting_half": mine.by_halves,
        "input": list(size),
        "smallest": SMALLEST,
        **found.pop(""),
        "label_noise": _label_noise(photos, (2 * size[0], 2 * size[1]), mine.score_threshold),
        "peers": found or reason,
    }


def _label_noise(photos: Photos, size: tuple[int, int], score_threshold: float) -> dict[str, object] | None:
    """How far the labels' own teacher is from their landmarks when it sees the photographs at twice our size.

    The labels are no more certain than that. None where the teacher is not at hand, or no face has landmarks.
    """
    teacher = peers(*size)[0].get(TEACHER)
    if teacher is None:
        return None
    found, truths = _run({"": teacher}, photos.photos, size)[""], _truths(photos, size, 2 * SMALLEST)
    matches = [match(d.boxes, d.scores, t, 0.5, 2 * SMALLEST) for d, t in zip(found, truths, strict=True)]
    errors = _landmark_errors(found, matches, truths, score_threshold, 2 * LEAST_EYES)
    return {"teacher": TEACHER, "input": list(size), **_landmarks(errors).document()} if errors else None


def _run(
    detectors: Mapping[str, Detector], photos: Sequence[Photo], size: tuple[int, int]
) -> dict[str, list[Detections]]:
    """Every detector on the same canvases, photograph by photograph."""
    box = Letterbox(*size)
    found: dict[str, list[Detections]] = {name: [] for name in detectors}
    for photo in progress(photos, "detectors", unit="photographs"):
        canvas, _ = box(photo.luma)
        for name, detector in detectors.items():
            found[name].append(detector(canvas))
    return found


def _groups(photos: Sequence[Photo]) -> dict[str, NDArray[np.bool_]]:
    """Photographs with faces of the hard sets and of the others, bool (n,) each; none where all are of one kind."""
    hard = np.array([p.hard for p in photos], np.bool_)
    others = ~hard & np.array([not p.face_free for p in photos], np.bool_)
    return {"hard": hard, "other": others} if hard.any() and others.any() else {}


def _group(
    found: list[Detections],
    counted: list[Truth],
    small: list[Truth],
    chosen: NDArray[np.bool_],
    score_threshold: float,
) -> Group:
    """Figures of the chosen photographs; the rest as in `summary`."""
    at = np.flatnonzero(chosen)
    seen, truths, smaller = [found[i] for i in at], [counted[i] for i in at], [small[i] for i in at]
    matches = [match(d.boxes, d.scores, t, 0.5, SMALLEST) for d, t in zip(seen, truths, strict=True)]
    faces = sum(int((~t.ignore).sum()) for t in truths)
    return Group(faces, average_precision(matches, faces), _recall_by_height(seen, smaller, score_threshold))


def _truths(photos: Photos, size: tuple[int, int], smallest: float) -> list[Truth]:
    return [truth_of(p, fit(p.luma.shape[:2], size).scale, smallest) for p in photos.photos]


def _by_hand(
    detectors: Mapping[str, Detector], photos: Photos, training: Photos, size: tuple[int, int]
) -> dict[str, ByHand]:
    """Average precision on the faces that a person drew, and on those that only the labels' teacher saw.

    Only photographs that a person labelled count. Drawn faces are scored against the drawn box, after the mapping
    of `mien_train.face.drawn`; the other faces are then ignored, and the other way round. Empty if there are none.
    """
    fitted = [p for p in training.photos if np.isfinite(p.drawn).any()][:_FITTED]
    labelled = [p for p in photos.photos if np.isfinite(p.drawn).any()]
    if not fitted or not labelled:
        return {}
    scales = [fit(p.luma.shape[:2], size).scale for p in labelled]
    mappings = {
        name: drawn.fit(found, [p.drawn * np.float32(fit(p.luma.shape[:2], size).scale) for p in fitted])
        for name, found in _run(detectors, fitted, size).items()
    }
    groups = _groups(labelled)
    rows: dict[str, ByHand] = {}
    for name, found in _run(detectors, labelled, size).items():
        person, teacher = [], []
        drawn_faces: list[int] = []
        teacher_faces = 0
        for photo, scale, seen in zip(labelled, scales, found, strict=True):
            by_hand: NDArray[np.bool_] = np.asarray(np.isfinite(photo.drawn).all(axis=1))
            truth = truth_of(photo, scale, SMALLEST)
            boxes = np.where(by_hand[:, None], photo.drawn * np.float32(scale), truth.boxes)
            hand_truth = Truth(boxes, truth.ignore | ~by_hand, truth.landmarks)
            rest_truth = Truth(truth.boxes, truth.ignore | by_hand, truth.landmarks)
            person.append(match(mappings[name](seen.boxes), seen.scores, hand_truth, 0.5, SMALLEST))
            teacher.append(match(seen.boxes, seen.scores, rest_truth, 0.5, SMALLEST))
            drawn_faces.append(int((~hand_truth.ignore).sum()))
            teacher_faces += int((~rest_truth.ignore).sum())
        rows[name] = ByHand(
            drawn_faces=sum(drawn_faces),
            drawn_ap50=average_precision(person, sum(drawn_faces)),
            drawn_groups={
                group: _precision_of(person, drawn_faces, np.flatnonzero(chosen)) for group, chosen in groups.items()
            },
            mapping=mappings[name],
            teacher_faces=teacher_faces,
            teacher_ap50=average_precision(teacher, teacher_faces),
        )
    return rows


def _precision_of(matches: list[Matches], faces: list[int], chosen: NDArray[np.int64]) -> tuple[int, float]:
    """Faces and average precision of some photographs, by their numbers."""
    count = sum(faces[i] for i in chosen)
    return count, average_precision([matches[i] for i in chosen], count)


def summary(
    found: list[Detections],
    truths: list[Truth],
    small: list[Truth],
    free: NDArray[np.bool_],
    score_threshold: float,
) -> Figures:
    """Average precision, recall by height, false positives on face-free pictures, and landmark error.

    Args:
        found: detections of each picture.
        truths: the faces that count.
        small: the same with smaller faces, for recall by height.
        free: whether each picture is free of faces, and counts for false positives.
        score_threshold: at which recall, false positives and landmark errors hold.
    """
    at50 = [match(d.boxes, d.scores, t, 0.5, SMALLEST) for d, t in zip(found, truths, strict=True)]
    at75 = [match(d.boxes, d.scores, t, 0.75, SMALLEST) for d, t in zip(found, truths, strict=True)]
    faces = sum(int((~t.ignore).sum()) for t in truths)
    best = [float(d.scores.max(initial=0)) for d, f in zip(found, free, strict=True) if f]
    return Figures(
        faces=faces,
        ap50=average_precision(at50, faces),
        ap75=average_precision(at75, faces),
        recall=_recall_by_height(found, small, score_threshold),
        alarms=threshold.alarms(best, score_threshold),
        landmarks=_landmarks(_landmark_errors(found, at50, truths, score_threshold)),
        score_threshold=score_threshold,
    )


def _recall_by_height(found: list[Detections], truths: list[Truth], score_threshold: float) -> dict[str, Recall]:
    hit: dict[int, int] = dict.fromkeys(range(len(HEIGHTS) - 1), 0)
    total = dict(hit)
    for detections, truth in zip(found, truths, strict=True):
        good = confident(detections, score_threshold)
        matched = match(good.boxes, good.scores, truth, 0.5)
        heights = truth.boxes[:, 3] - truth.boxes[:, 1]
        seen = set(matched.face[matched.right].tolist())
        for face in np.flatnonzero(~truth.ignore):
            kind = int(np.searchsorted(HEIGHTS, heights[face], side="right")) - 1
            total[kind] += 1
            hit[kind] += int(face) in seen
    bounds = [f"{low:.0f}-{high:.0f}" if math.isfinite(high) else f">{low:.0f}" for low, high in pairwise(HEIGHTS)]
    return {bounds[k]: Recall(total[k], hit[k] / total[k], HEIGHTS[k]) for k in total if total[k]}


def _landmarks(errors: list[float]) -> Landmarks:
    return Landmarks(float(np.mean(errors)), float(np.median(errors))) if errors else Landmarks(None, None)


def _landmark_errors(
    found: list[Detections],
    matches: list[Matches],
    truths: list[Truth],
    score_threshold: float,
    least_eyes: float = LEAST_EYES,
) -> list[float]:
    """Mean distance of each found face's landmarks from the labels, as a share of the eyes' distance."""
    errors = []
    for detections, matched, truth in zip(found, matches, truths, strict=True):
        points = detections.landmarks[np.argsort(-detections.scores, kind="stable")]
        for row in np.flatnonzero(matched.right & (matched.scores >= score_threshold)):
            wanted = truth.landmarks[matched.face[row]]
            eyes = float(np.linalg.norm(wanted[0] - wanted[1]))
            if np.isfinite(eyes) and eyes > least_eyes:
                errors.append(float(np.linalg.norm(points[row] - wanted, axis=1).mean()) / eyes)
    return [error for error in errors if math.isfinite(error)]
