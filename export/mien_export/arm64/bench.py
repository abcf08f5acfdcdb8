"""What is counted: every bundled model, the whole way of a frame, and other people's models."""

from __future__ import annotations

import dataclasses
import datetime
from collections.abc import Callable, Sequence
from pathlib import Path

from mien.bench.scene import scene
from mien.config import RunConfig
from mien.errors import MienError
from mien.models import bundle
from mien.models.bundle import Bundle
from mien_export.arm64 import counting, root
from mien_export.arm64.core import CORES
from mien_export.arm64.counting import Counts
from mien_export.arm64.jobs import Way
from mien_export.arm64.result import NetworkRow, Result, WayRow
from mien_export.arm64.work import macs
from mien_export.peers import catalogue, yunet
from mien_export.tflite import flatbuffer

FACES = (0, 1, 4)
"""Numbers of faces in a frame."""

_SCAN_EVERY = 10
_MINIS = tuple(peer for peer in catalogue.CLASSIFIERS if peer.name in (catalogue.MINI_FLOAT, catalogue.MINI_INT8))

Subjects = dict[str, tuple[Path, NetworkRow]]
"""Row's name to a file and what is known of it beforehand."""


def bundled(peers: Path, inferences: int, command: str, told: Callable[[str], None]) -> Result:
    """Count all that is bundled, the ways of a frame, and the peers that are there.

    Args:
        peers: their folder; what is missing there is named in the result.
        inferences: of each row, and twice as many.
        command: for the record.
        told: is told what is going on.

    Raises:
        MienError: a program is missing, a model cannot be used, or two counts disagree.
    """
    models = bundle.installed()
    if not models:
        raise MienError(f"{bundle.MODELS} holds no model; make them with: make train export")
    subjects = {model.name: _own(model) for model in models}
    found, skipped = _peers(peers, models)
    return _measured({**subjects, **found}, ways(models), skipped, inferences, command, told)


def chosen(paths: Sequence[Path], peers: Path, inferences: int, command: str, told: Callable[[str], None]) -> Result:
    """Count networks of the caller's choice, and mini_XCEPTION to compare with; see `bundled`.

    Args:
        paths: sidecars, or TFLite files with or without one.
        peers, inferences, command, told: see `bundled`.
    """
    subjects: Subjects = {}
    for path in paths:
        own = path.suffix == ".json" or path.with_suffix(".json").is_file()
        file, row = _own(bundle.load(path)) if own else _row(path.stem, path, "", peer=False)
        if row.name in subjects:
            row = dataclasses.replace(row, name=str(path))
        subjects[row.name] = (file, row)
    found, skipped = _classifiers(peers)
    return _measured({**subjects, **found}, (), skipped, inferences, command, told)


def ways(models: Sequence[Bundle]) -> tuple[Way, ...]:
    """The ways of a frame that are counted.

    The default models with every number of faces, and with one from a camera of limited range; with them, one face and
    several, attention with each other bundled detector as the one that looks; and every other pair of a detector and a
    classifier with one face. A portrait counterpart is no detector of its own.
    """
    usual = RunConfig()
    detectors = [model.name for model in models if model.task == "face" and model.height <= model.width]
    classifiers = [model.name for model in models if model.task == "emotion"]
    found = [Way(usual.detector, usual.classifier, count) for count in FACES]
    found.append(Way(usual.detector, usual.classifier, 1, limited=True))
    for look in detectors:
        if look != usual.detector:  # it would cost as much as a scan
            found += [Way(usual.detector, usual.classifier, n, _SCAN_EVERY, look) for n in FACES if n]
    pairs = [Way(detector, classifier, 1) for detector in detectors for classifier in classifiers]
    return tuple(dict.fromkeys([*found, *pairs]))


def _measured(
    subjects: Subjects,
    chosen_ways: Sequence[Way],
    skipped: dict[str, str],
    inferences: int,
    command: str,
    told: Callable[[str], None],
) -> Result:
    frame = scene()
    networks = {name: path for name, (path, _) in subjects.items()}
    counts: dict[str, Counts] = {
        core.name: counting.count(core, networks, chosen_ways, frame.luma, inferences, told) for core in CORES
    }
    operators, versions = (getattr(counts[CORES[0].name], part) for part in ("operators", "versions"))
    rows = [
        dataclasses.replace(
            row,
            operators=operators[name],
            instructions={core: sum(found.instructions[name].values()) for core, found in counts.items()},
        )
        for name, (_, row) in subjects.items()
    ]
    way_rows = [WayRow(way, {core: c.instructions[way.name] for core, c in counts.items()}) for way in chosen_ways]
    return Result(
        command,
        datetime.date.today().isoformat(),
        root.version(),
        versions,
        frame.description,
        inferences,
        tuple(counts),
        {core: found.apart for core, found in counts.items()},
        tuple(rows),
        tuple(way_rows),
        skipped,
    )


def _own(model: Bundle) -> tuple[Path, NetworkRow]:
    return _row(model.name, model.artefact("tflite"), model.task, peer=False)


def _peers(folder: Path, models: Sequence[Bundle]) -> tuple[Subjects, dict[str, str]]:
    """YuNet_n at the sizes of our detectors, and mini_XCEPTION; and what is not there, with the reason."""
    found, skipped = _classifiers(folder)
    sizes = {(m.height, m.width) for m in models if m.task == "face" and m.height <= m.width}
    for height, width in sorted(sizes, reverse=True):
        name = f"{catalogue.YUNET_INT8}, {height}×{width}"
        try:
            found[name] = _row(name, yunet.converted(folder, height, width), "face", peer=True)
        except MienError as error:
            skipped[name] = str(error)
    return found, skipped


def _classifiers(folder: Path) -> tuple[Subjects, dict[str, str]]:
    found: Subjects = {}
    skipped = {}
    for peer in _MINIS:
        path = folder / peer.file
        if path.is_file():
            found[peer.name] = _row(peer.name, path, "emotion", peer=True)
        else:
            skipped[peer.name] = f"{path}: missing"
    return found, skipped


def _row(name: str, path: Path, task: str, *, peer: bool) -> tuple[Path, NetworkRow]:
    try:
        content = path.read_bytes()
    except OSError as error:
        raise MienError(f"{path}: cannot be read ({error.strerror}); give a .json sidecar or a .tflite file") from None
    try:
        file = flatbuffer.read(content)
    except MienError as error:
        raise MienError(f"{path}: {error}") from None
    shape = file.tensors[file.inputs[0]].shape
    return path, NetworkRow(name, path.name, bundle.sha256(path), len(content), task, peer, shape, macs(content))
