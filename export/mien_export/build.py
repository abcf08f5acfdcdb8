"""From a training run to the files of its models, proven and judged before they are put in place."""

from __future__ import annotations

import os
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from mien.errors import MienError
from mien.models import bundle
from mien_export import alone, deciding, placing, sidecar, standing
from mien_export.draft import Draft, draft
from mien_export.proof import counterpart, parity
from mien_export.proof.check import Check, CheckError
from mien_export.proof.verify import verify
from mien_export.quantization.observers import METHODS
from mien_export.sidecar import Calibration
from mien_export.source import Source
from mien_train.training import checkpoint as checkpoints
from mien_train.training.checkpoint import Checkpoint
from mien_train.training.progress import progress

_LONGEST_NAME = 200
"""Bytes of a model's name: files are named by it, with what the export adds."""


@dataclass(frozen=True, slots=True)
class Built:
    """A model in its place.

    Attributes:
        sidecar: its path.
        checks: what was proven of it.
    """

    sidecar: Path
    checks: tuple[Check, ...]


def read(run: Path) -> Checkpoint:
    """The checkpoint of a run's folder, or of a .pt file.

    Raises:
        MienError: there is none.
    """
    return checkpoints.load(run / "checkpoint.pt" if run.is_dir() else run)


def input_size(checkpoint: Checkpoint, asked: tuple[int, int] | None = None) -> tuple[int, int]:
    """Input (height, width) in pixels of the model to export.

    Raises:
        MienError: a size that the network cannot have.
    """
    if checkpoint.task == "emotion":
        if asked not in (None, (48, 48)):
            raise MienError(f"an emotion classifier takes 48×48, not {asked[0]}×{asked[1]}; leave --size out")
        return 48, 48
    height, width = asked or (checkpoint.recipe.get("height", 0), checkpoint.recipe.get("width", 0))
    if height < 32 or width < 32 or height % 32 or width % 32:
        raise MienError(f"input size is {height}×{width}; a detector needs multiples of 32, such as 256×320")
    if height > width:
        raise MienError(
            f"input size is {height}×{width}, higher than wide; give --size {width}x{height}, its portrait counterpart "
            "is built beside it"
        )
    return height, width


def build(
    checkpoint: Checkpoint,
    out: Path,
    name: str,
    calibration: Calibration,
    source: Source,
    size: tuple[int, int],
    force: bool = False,
    head: str | None = None,
) -> tuple[Built, ...]:
    """Export a checkpoint; a detector also as its portrait counterpart, of the same network and score threshold.

    Args:
        checkpoint: trained to its end.
        out: folder of the bundles; made if absent.
        name: of the model.
        calibration: how to measure the activations' ranges.
        source: of images and metrics.
        size: input (height, width) in pixels, no higher than wide.
        force: put the models in place although `standing.RULE` speaks against it.
        head: name of one of a classifier's heads, to be exported without the others; None for all.

    Returns:
        The models. All their files are put in place together, and none unless every check passed.

    Raises:
        MienError: the checkpoint, the data or the folder cannot be used.
        CheckError: the models were made, and a check failed.
    """
    sidecar.settings(checkpoint)  # before the long work
    part = alone.of(checkpoint, head) if head is not None else None
    if calibration.method not in METHODS:
        raise MienError(f"unknown calibration method {calibration.method!r}; choose one of {', '.join(METHODS)}")
    sizes = _planned(checkpoint, out, name, size)
    try:
        out.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise MienError(f"{out}: cannot be written ({error.strerror}); choose another --out") from None
    with placing.workshop() as folder:
        network = source.finetune(checkpoint, calibration.qat) if calibration.qat else checkpoint.build()
        if part is not None:
            network, checkpoint = part.cut(network), part.checkpoint
        drafts = [
            draft(network, checkpoint, folder, each, calibration, source.calibration(checkpoint, sides))
            for each, sides in sizes.items()
        ]
        documents = [dict(made.document) for made in drafts]
        if checkpoint.task == "face":
            documents = deciding.decided(documents, [made.path for made in drafts], source)
        for document, made, sides in zip(documents, drafts, sizes.values(), strict=True):
            _measure(document, made, source, source.held_out(checkpoint, sides))
        checks = [_proven(made, out, force) for made in drafts]
        vouched = sorted((file for made in drafts for file in made.files), key=lambda file: file.suffix == ".json")
        placing.put(vouched, out)
    return tuple(Built(out / made.path.name, found) for made, found in zip(drafts, checks, strict=True))


def _planned(checkpoint: Checkpoint, out: Path, name: str, size: tuple[int, int]) -> dict[str, tuple[int, int]]:
    """The models to be made, with their sizes."""
    plain = name.isprintable() and not set(name) & set("/\\") and name not in ("", ".", "..")
    if not plain or len(os.fsencode(name)) > _LONGEST_NAME:
        raise MienError(f"model name is {name!r}; give a file name without folders, {_LONGEST_NAME} bytes at most")
    if checkpoint.task != "face":
        return {name: size}
    if name.endswith(counterpart.SUFFIX):
        raise MienError(f"model name is {name!r}; leave {counterpart.SUFFIX!r} out, the counterpart gets it by itself")
    sizes = counterpart.names(name, size)
    stale = out / f"{name}{counterpart.SUFFIX}.json"
    if len(sizes) == 1 and stale.exists():
        raise MienError(f"{stale}: stands beside, and a square detector has no counterpart; remove it")
    return sizes


def _measure(document: dict[str, object], made: Draft, source: Source, images: NDArray[np.uint8]) -> None:
    compared = parity.parity(made.model, made.tflite, images)
    choices = source.choices(made.files[0]) if "choices" in document else None
    artefacts = progress(made.files[:2], f"evaluate {made.path.stem}", unit="artefacts")
    metrics = [entry for artefact in artefacts for entry in source.evaluate(artefact)]
    sidecar.write(sidecar.measured(document, metrics, compared, choices), made.path)


def _proven(made: Draft, out: Path, force: bool) -> tuple[Check, ...]:
    """The checks of a model that may take its place.

    Raises:
        CheckError: it may not.
    """
    checks = verify(made.path)
    if failed := next((check for check in checks if check.passed is False), None):
        raise CheckError(f"{made.path.stem} was not exported: {failed.name}: {failed.detail}")
    judged = standing.judged(bundle.load(made.path).sidecar, out / made.path.name)
    if not force and (failed := next((check for check in judged if check.passed is False), None)):
        raise CheckError(
            f"{made.path.stem} was not put into {out}: not {failed.name}: {failed.detail}; train a better one, or give "
            "--force"
        )
    return (*checks, *judged)
