"""`smoothing`: what keeps the shown emotion of a face at rest steady and still shows a change soon, measured."""

from __future__ import annotations

import datetime
import itertools
import json
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from numpy.random import Generator
from numpy.typing import NDArray

from mien.emotions.classifier import EmotionClassifier
from mien.errors import MienError
from mien.faces.detector import FaceDetector
from mien.models import bundle
from mien.tracking.settings import SmoothingSettings
from mien_train.data import faces, fer, files
from mien_train.study import smoothing_clips, smoothing_full_path, smoothing_picture, smoothing_scenes, smoothing_ways
from mien_train.study.command_line import command
from mien_train.study.smoothing_clips import RATE, Shot
from mien_train.study.smoothing_figures import LATEST, MOST_CHANGES, MOST_LATE, Clips, Filtered, changes, cost
from mien_train.study.smoothing_result import Measured, Pair, named, row
from mien_train.study.smoothing_scenes import Person
from mien_train.study.smoothing_ways import verdicts
from mien_train.training.progress import progress

LEAST = 8
"""Faces without which two halves say nothing."""

_STILL, _SWAYING = 40.0, 20.0
"""Seconds that each face is filmed at rest, and swaying."""
_CHANGES = 3
"""Others into which each face changes."""
_WATCHED = 30
"""Faces whose landmarks are watched trembling; each clip takes one's tremor."""
_WHOLE, _WHOLE_SECONDS = 16, _STILL
"""Faces that are filmed through the whole path too, and for how long at rest."""

Tremors = Sequence[NDArray[np.float32]]


def study(data: Path, model: str, count: int, seed: int, out: Path) -> dict[str, object]:
    """Compare ways to smooth on clips of FER+'s strict validation faces; write `smoothing.json` and `smoothing.png`.

    Each family's parameters are chosen on one half of the faces, the figures are of the other.

    Args:
        data: data folder, with FER+ and the photographs.
        model: bundled classifier, or path of a sidecar.
        count: of faces, `LEAST` or more.
        seed: of faces, rooms, pairs, light, noise and motion.
        out: folder for both files.

    Returns:
        JSON types: what is written.

    Raises:
        MienError: data or model cannot be used, or `out` cannot be written.
    """
    if count < LEAST:
        raise MienError(f"{count} faces; give {LEAST} or more")
    rng = np.random.default_rng(seed)
    with EmotionClassifier(model) as classifier, FaceDetector() as detector:
        people, missed = _people(data, classifier, detector, count, rng)
        tremors = smoothing_scenes.trembling(people[:_WATCHED], detector, rng)
        if not tremors:
            raise MienError("the detector loses every face where there is noise; train it longer first")
        half = len(people) // 2
        chosen = _filmed(people[:half], _others(people[:half], rng), tremors, classifier, rng)
        others = _others(people[half:], rng)
        reported = _filmed(people[half:], others, tremors, classifier, rng)
        whole = _whole_path(people[half:], others, tremors, detector, classifier, rng)
    at_once = changes(verdicts(reported.still[: whole["faces"], ::2], reported.sure), 2 / RATE)
    grid = list(itertools.product(smoothing_ways.FILTERS, smoothing_ways.RULES))
    tried = _measured(grid, chosen)
    families: dict[tuple[str, str], Measured] = {}
    for one in sorted(tried, key=lambda one: cost(one.at)):
        families.setdefault((one.pair[0].family, one.pair[1].family), one)
    default = smoothing_ways.now(SmoothingSettings())
    earlier = (smoothing_ways.BEFORE, smoothing_ways.AT_ONCE)
    best = next(iter(families.values()))
    (here,) = _measured([default], chosen)
    pairs = sorted((one.pair for one in families.values()), key=grid.index)
    *rows, now, before = _measured([*pairs, default, earlier], reported)
    document: dict[str, object] = {
        "command": command(),
        "date": datetime.date.today().isoformat(),
        "model": classifier.bundle.name,
        "sha256": bundle.sha256(classifier.bundle.artefact("tflite")),
        "detector": detector.bundle.name,
        "detector_sha256": bundle.sha256(detector.bundle.artefact("tflite")),
        "seed": seed,
        "faces": {"chosen_on": half, "reported": len(people) - half, "not_found": missed},
        "labels": {name: sum(p.label == name for p in people) for name in sorted({p.label for p in people})},
        "seconds": {"still": _STILL, "swaying": _SWAYING},
        "face_pixels": smoothing_scenes.FACE,
        "noise": list(smoothing_scenes.NOISE),
        "tremor_pixels": round(float(np.sqrt(np.mean([np.square(tremor).mean() for tremor in tremors]))), 2),
        "abstain_below": classifier.abstain_below,
        "limits": {"changes_a_minute": MOST_CHANGES, "milliseconds": LATEST, "late": MOST_LATE},
        "tried": len(tried),
        "best": named(best.pair),
        "costs": {"best": round(cost(best.at), 3), "default": round(cost(here.at), 3)},
        "rows": [row(one, seed) for one in rows],
        "default": row(now, seed),
        "earlier": row(before, seed),
        "whole_path": {**whole, "unsmoothed_crops": round(float(at_once.mean()), 2)},
    }
    files.write_json(out / "smoothing.json", document)
    smoothing_picture.draw(out / "smoothing.png", document)
    return document


def redraw(out: Path) -> None:
    """Write `smoothing.png` again from `smoothing.json`.

    Args:
        out: folder of both.

    Raises:
        MienError: there is no such file, it is damaged, or the picture cannot be written.
    """
    path = out / "smoothing.json"
    try:
        smoothing_picture.draw(out / "smoothing.png", json.loads(path.read_text(encoding="utf-8")))
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise MienError(f"{path}: cannot be drawn ({type(error).__name__}: {error}); run `smoothing` anew") from None


def _people(
    data: Path, classifier: EmotionClassifier, detector: FaceDetector, count: int, rng: Generator
) -> tuple[list[Person], int]:
    split = fer.split(fer.load(data), "val", "strict")
    known = np.array([name in classifier.labels for name in split.names])
    rooms = [photo.luma for photo in faces.load(data, "val").photos if photo.name.startswith("rooms/")]
    if not rooms:
        raise MienError(f"{data}: has no photographs of rooms (faces/rooms.zip), in which faces are set")
    people, missed = smoothing_scenes.people(split.only(known[split.labels]), rooms, detector, count, rng)
    if len(people) < LEAST:
        raise MienError(f"the detector finds only {len(people)} of the faces; give another --data or --model")
    return people, missed


def _others(people: Sequence[Person], rng: Generator) -> list[list[Person]]:
    """For each person some of them with another label."""
    others = []
    for person in people:
        choice = [other for other in people if other.label != person.label]
        if not choice:
            raise MienError(f"all {len(people)} faces of a half show {person.label}; give more --faces")
        others.append([choice[index] for index in rng.permutation(len(choice))[:_CHANGES].tolist()])
    return others


def _filmed(
    people: Sequence[Person],
    others: Sequence[Sequence[Person]],
    tremors: Tremors,
    classifier: EmotionClassifier,
    rng: Generator,
) -> Clips:
    """Probabilities of every clip, at 30 frames a second; others: whom each person changes into."""
    sensor = smoothing_clips.patch_sensor(rng)
    rows: list[list[NDArray[np.float32]]] = [[], [], [], []]
    for person, follow in zip(progress(people, "clips", unit="faces"), others, strict=True):
        tremor = tremors[int(rng.integers(len(tremors)))]
        shots = (
            [Shot(person, tremor, seconds=_STILL)],
            [Shot(person, tremor, seconds=_SWAYING, sways=True)],
            [Shot(person, tremor, other) for other in follow],
            [Shot(person, tremor, other, smoothing_clips.FADE) for other in follow],
        )
        for kind, group in zip(rows, shots, strict=True):
            for shot in group:
                kind.append(classifier.probabilities(smoothing_clips.crops(shot, classifier.template, sensor, rng)))
    still, swaying, cut, faded = (np.stack(kind) for kind in rows)
    pairs = [(person, other) for person, follow in zip(people, others, strict=True) for other in follow]
    label, old, new = (
        np.array([classifier.labels.index(person.label) for person in group], np.int64)
        for group in (people, [a for a, _ in pairs], [b for _, b in pairs])
    )
    return Clips(still, swaying, label, cut, faded, old, new, classifier.abstain_below, 1 / RATE)


def _measured(pairs: Iterable[Pair], clips: Clips) -> list[Measured]:
    """Figures at both rates; pairs of one filter should stand together, so that its work is done once."""
    rates = {RATE // 2: clips.every(2), RATE: clips}
    found = []
    for _, same in itertools.groupby(pairs, key=lambda pair: id(pair[0])):
        group = list(same)
        filtered = {rate: Filtered(group[0][0].run, part) for rate, part in rates.items()}
        found += [
            Measured(pair, {rate: part.figures(pair[1].run) for rate, part in filtered.items()}) for pair in group
        ]
    return found


def _whole_path(
    people: Sequence[Person],
    others: Sequence[Sequence[Person]],
    tremors: Tremors,
    detector: FaceDetector,
    classifier: EmotionClassifier,
    rng: Generator,
) -> dict[str, Any]:
    """Some of the faces as whole frames through `FaceReader`."""
    some = list(zip(people[:_WHOLE], others, strict=False))
    still = [Shot(person, tremors[0], seconds=_WHOLE_SECONDS) for person, _ in some]
    changing = [Shot(person, tremors[0], follow[0]) for person, follow in some]
    rest = smoothing_full_path.seen(still, detector, classifier, rng)
    change = smoothing_full_path.seen(changing, detector, classifier, rng)
    shown = [round(seen.delay) for seen in change if seen.delay is not None]
    return {
        "faces": len(some),
        "rate": smoothing_full_path.RATE,
        "seconds": _WHOLE_SECONDS,
        "frames": sum(seen.frames for seen in rest + change),
        "lost": sum(seen.lost for seen in rest + change),
        "tracks": sum(seen.tracks for seen in rest + change),
        "clips": len(rest + change),
        "unsmoothed": round(float(np.mean([seen.said for seen in rest])), 2),
        "shown": round(float(np.mean([seen.shown for seen in rest])), 2),
        "changes_shown": len(shown),
        "slowest": max(shown, default=None),
    }
