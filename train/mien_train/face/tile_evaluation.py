"""`tiles`: what overlapping tiles gain on small faces, beside a detector that sees the frame at full size."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from itertools import pairwise
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from mien.errors import MienError
from mien.faces.decode import Detections, confident
from mien.faces.letterbox import Letterbox
from mien.faces.tiles import LOOKS, again, candidates, scan, windows
from mien_train.data import store
from mien_train.data.faces import Photo, Photos
from mien_train.face import threshold
from mien_train.face.detection import Truth, match
from mien_train.face.detectors import Detector, RuntimeDetector, TorchDetector, opened, peers
from mien_train.face.figures import told
from mien_train.face.task import truth_of
from mien_train.training.progress import progress

FRAME = (480, 640)
"""Height and width into which every photograph is fitted: what a camera would give."""
HEIGHTS = (16.0, 24.0, 40.0, 80.0, math.inf)
"""Bounds of the height classes, frame pixels."""
SET = "groups"
"""The photographs whose faces are looked for; alarms are counted on the face-free ones."""

_MOST = 400
_PEER = "yunet_n"


def measure(model: Path, photos: Photos) -> dict[str, object]:
    """Recall of small faces with and without tiles, and of a peer on the full frame; and the false alarms of each.

    A face counts as found by a detection that overlaps its box by half (intersection over union) and whose score is at
    least the detector's threshold. Ours are the model's own, one for tiles; the peer's is chosen on the full frames by
    the rule that gave ours for the whole frame (`mien_train.face.threshold`), as scores of different networks cannot be
    compared. Where ours were chosen on one half of the face-free photographs, so is the peer's, and the other half
    counts the alarms of both.

    Args:
        model: .pt, .onnx or .tflite file.
        photos: a split.

    Raises:
        MienError: the split has no such photograph.

    Returns:
        JSON types. Of every detector `runs` counts runs of its network a frame, at `input`, and `second_looks` the mean
        number of further ones on photographs with faces; `unlabelled` the
        detections at least 16 pixels high that are no labelled face of the photographs; `false_positives` those
        on face-free photographs. `ratio` is the recall with tiles as a share of the peer's, None where there is none.
    """
    mine = opened(model)
    rivals, reason = peers(*FRAME)
    tile_threshold = mine.tile_threshold or mine.score_threshold
    looks = _Looks(mine, min(mine.score_threshold, tile_threshold))
    size = mine.height, mine.width
    with_faces = [p for p in photos.photos if p.name.split("/")[0] == SET]
    if not with_faces:
        raise MienError(f"no validation photograph is of set {SET}; tiles are measured on photographs of groups")
    choosing = reporting = [p for p in photos.photos if p.face_free]
    if mine.by_halves:
        halves = threshold.halves([p.name for p in choosing])
        choosing, reporting = ([p for p, here in zip(choosing, half, strict=True) if here] for half in halves)
    runners = {
        "whole": _Runner(lambda frame: confident(looks(frame), mine.score_threshold), 1, size, mine.score_threshold),
        "tiles": _Runner(
            lambda frame: scan(frame, size, looks, _MOST, mine.score_threshold, mine.tile_threshold),
            1 + len(windows(FRAME, size)),
            size,
            tile_threshold,
        ),
    }
    if _PEER in rivals:
        peer = rivals[_PEER]
        theirs = threshold.choose(_best(peer, choosing), mine.allowed_share)
        runners[_PEER] = _Runner(lambda frame: confident(peer(frame), theirs), 1, FRAME, theirs)
    tallies = {name: _Tally() for name in runners}
    box = Letterbox(*FRAME)
    seconds = 0
    for photo in progress(with_faces + reporting, "tiles", unit="photographs"):
        frame, where = box(photo.luma)
        truth = truth_of(photo, where.scale, HEIGHTS[0])
        for name, runner in runners.items():
            begun = looks.count
            if photo.face_free:
                tallies[name].alarms.append(len(runner.run(frame).scores))
            else:
                tallies[name].count(runner.run(frame), truth)
                seconds += max(0, looks.count - begun - runner.runs)
    rows = {
        name: {
            "runs": runner.runs,
            "input": list(runner.input),
            "score_threshold": runner.score_threshold,
            **tallies[name].document(),
        }
        for name, runner in runners.items()
    }
    rows["tiles"]["second_looks"] = round(seconds / max(1, len(with_faces)), 2)
    theirs_found = tallies[_PEER].recall if _PEER in tallies else 0.0
    return {
        "model": model.name,
        "sha256": store.file_sha256(model),
        "data_sha256": photos.sha256,
        "frame": list(FRAME),
        "set": SET,
        "photographs": len(with_faces),
        "face_free": len(reporting),
        "smallest": HEIGHTS[0],
        "iou": 0.5,
        "detectors": rows,
        "ratio": round(tallies["tiles"].recall / theirs_found, 4) if theirs_found else None,
        "peers": "" if _PEER in rivals else reason or f"not compared: no {_PEER}",
    }


def best_scores(detector: TorchDetector | RuntimeDetector, free: Sequence[Photo]) -> list[float]:
    """What `threshold.choose` needs for a threshold of tiles: the best score in both looks of each photograph.

    It is 1 where the whole frame alarms by itself, at its own threshold: no threshold of tiles prevents that.
    """
    looks, box, size = _Looks(detector, threshold.LEAST), Letterbox(*FRAME), (detector.height, detector.width)

    def best(frame: NDArray[np.uint8]) -> float:
        found, sure = candidates(frame, size, looks, _MOST, detector.score_threshold, threshold.LEAST)
        if sure.any():
            return 1.0
        highest = 0.0
        for face, score in zip(found.boxes, found.scores.tolist(), strict=True):
            if score <= highest:
                break  # what follows is no better in the tile, so not in both
            highest = max(highest, min(score, again(frame, face, size, looks)))
        # More than `LOOKS` get no second look, but the least certain ones: of so many one alarms by itself.
        return max(highest, float(found.scores[LOOKS])) if len(found.scores) > LOOKS else highest

    return [best(box(photo.luma)[0]) for photo in progress(free, "threshold of tiles", unit="photographs")]


@dataclass(frozen=True, slots=True)
class _Runner:
    """A way to look at a frame; `runs` of a network whose input is `input` are one look."""

    run: Callable[[NDArray[np.uint8]], Detections]
    runs: int
    input: tuple[int, int]
    score_threshold: float


def _best(detector: Detector, free: list[Photo]) -> list[float]:
    """Highest score on the full frame of each face-free photograph."""
    box = Letterbox(*FRAME)
    bar = progress(free, f"threshold of {_PEER}", unit="photographs")
    return [float(detector(box(photo.luma)[0]).scores.max(initial=0)) for photo in bar]


class _Looks:
    """A fixed-input detector behind a letterbox: any frame, or part of one, in its own pixels."""

    def __init__(self, detector: TorchDetector | RuntimeDetector, score_threshold: float) -> None:
        self._detector: Detector = detector
        self._score_threshold = score_threshold
        self.count = 0
        self._letterbox = Letterbox(detector.height, detector.width)

    def __call__(self, luma: NDArray[np.uint8]) -> Detections:
        self.count += 1
        canvas, where = self._letterbox(luma)
        found = confident(self._detector(canvas), self._score_threshold)
        grow = np.float32(1 / where.scale)
        return Detections(found.boxes * grow, found.landmarks * grow, found.scores)


@dataclass(slots=True)
class _Tally:
    """Faces and finds by height class, detections that are no labelled face, and alarms of each face-free picture."""

    faces: NDArray[np.int64] = field(default_factory=lambda: np.zeros(len(HEIGHTS) - 1, np.int64))
    found: NDArray[np.int64] = field(default_factory=lambda: np.zeros(len(HEIGHTS) - 1, np.int64))
    beside: int = 0
    alarms: list[int] = field(default_factory=list)

    def count(self, seen: Detections, truth: Truth) -> None:
        matched = match(seen.boxes, seen.scores, truth, 0.5, HEIGHTS[0])
        kinds = np.searchsorted(HEIGHTS, truth.boxes[:, 3] - truth.boxes[:, 1], side="right") - 1
        np.add.at(self.faces, kinds[~truth.ignore], 1)
        np.add.at(self.found, kinds[matched.face[matched.right]], 1)
        self.beside += int((matched.counted & ~matched.right).sum())

    @property
    def recall(self) -> float:
        """Share of the faces that were found, four decimals."""
        return round(int(self.found.sum()) / max(1, int(self.faces.sum())), 4)

    def document(self) -> dict[str, object]:
        """JSON types."""
        bounds = [f"{low:.0f}-{high:.0f}" if math.isfinite(high) else f">{low:.0f}" for low, high in pairwise(HEIGHTS)]
        # Each photograph's best score is not at hand here: it alarms where anything was seen.
        quiet = threshold.alarms([float(count > 0) for count in self.alarms], 0.5)
        return {
            "faces": int(self.faces.sum()),
            "recall": self.recall,
            "by_height": {
                name: {"faces": total, "recall": round(hit / total, 4)}
                for name, total, hit in zip(bounds, self.faces.tolist(), self.found.tolist(), strict=True)
                if total
            },
            "unlabelled": self.beside,
            "false_positives": {
                "detections": sum(self.alarms),
                **told(quiet),
                "per_picture": round(sum(self.alarms) / max(1, len(self.alarms)), 5),
            },
        }
