"""A run's weights, averaged with those that it began from.

What is trained further becomes better where its new pictures are, and a little worse where its first ones were; between
the two there are weights that have the best of both (Wortsman et al. 2022, "Robust fine-tuning of zero-shot models").
"""

from __future__ import annotations

import dataclasses
from pathlib import Path

from mien.errors import MienError
from mien_train.data import files
from mien_train.networks import exported, registry
from mien_train.training import checkpoint


def store(run: Path, other: Path, share: float, out: Path) -> Path:
    """Write a run folder whose network has averaged weights; its figures are to be measured anew.

    Args:
        run: finished, a detector's: a folder with checkpoint.pt, or a .pt file. Its history comes along.
        other: what it began from, or another run of such a network: likewise, or an exported .onnx file.
        share: of the run's weights, 0 to 1; the other's have the rest.
        out: folder of the new run.

    Returns:
        The new checkpoint.

    Raises:
        MienError: one of the two cannot be used, they are of different networks, or `out` cannot be written.
    """
    if not 0 <= share <= 1:
        raise MienError(f"--share is {share:g}; give 0 to 1")
    path = _file(run)
    stored = checkpoint.finished(path)
    if stored.task != "face":
        raise MienError(f"{path}: is a checkpoint for {stored.task!r}; only detectors are averaged")
    if other.suffix == ".onnx":
        theirs = exported.weights(other)
    else:
        theirs = exported.deployed(checkpoint.finished(_file(other)).build())
    mine = exported.deployed(stored.build())
    if {name: of.shape for name, of in mine.items()} != {name: of.shape for name, of in theirs.items()}:
        raise MienError(f"{other}: is of another network than {path}; give what that run began from")
    network = registry.build(stored.network)
    exported.put(network, {name: (1 - share) * theirs[name] + share * of for name, of in mine.items()})
    state = {name: tensor.detach().clone() for name, tensor in network.state_dict().items()}
    made = out / "checkpoint.pt"
    checkpoint.save(dataclasses.replace(stored, state=state), made)
    course = path.with_name("history.json")
    if course.is_file():
        files.write_text(out / "history.json", course.read_text(encoding="utf-8"), files.SPACE)
    return made


def _file(run: Path) -> Path:
    return run / "checkpoint.pt" if run.is_dir() else run
