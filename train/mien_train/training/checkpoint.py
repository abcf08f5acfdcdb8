"""What a training run leaves behind: weights with all that is needed to rebuild, resume and trust them."""

from __future__ import annotations

import io
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn

from mien.errors import MienError
from mien_train.data import files
from mien_train.networks import registry

FORMAT = 1
SHORT = 12
"""Digits of a hash that tell checkpoints apart."""


@dataclass(frozen=True)
class Checkpoint:
    """A trained (or half-trained) network.

    Attributes:
        task: "emotion" or "face".
        network: name and arguments for `registry.build`.
        recipe: every field of the recipe, by name.
        labels: class names in output order.
        seed: of weights, order and augmentation.
        data_sha256: hash of the training arrays.
        epoch: epochs completed; of a finished run the one whose weights these are.
        state: weights to use (the moving average where the recipe keeps one).
        metrics: validation figures of `state`.
        resume: optimizer, schedule and raw weights; empty in a finished run.
    """

    task: str
    network: Mapping[str, object]
    recipe: Mapping[str, Any]
    labels: tuple[str, ...]
    seed: int
    data_sha256: str
    epoch: int
    state: Mapping[str, Tensor]
    metrics: Mapping[str, Any]
    resume: Mapping[str, Any] = field(default_factory=dict)

    def build(self) -> nn.Module:
        """The network with its weights, in evaluation mode."""
        network = registry.build(self.network)
        network.load_state_dict(self.state)
        return network.eval()


def save(checkpoint: Checkpoint, path: Path) -> None:
    """Write a checkpoint; the old file stays whole until the new one is complete.

    Raises:
        MienError: it cannot be written.
    """
    # Through memory: torch's own writer says of a full disk no more than that a position was unexpected.
    written = io.BytesIO()
    torch.save({"format": FORMAT, **asdict(checkpoint)}, written)
    with files.aside(path, files.SPACE) as partial:
        partial.write_bytes(written.getbuffer())


def finished(path: Path) -> Checkpoint:
    """Read the checkpoint of a run that came to its end.

    Raises:
        MienError: as `load`, or the run is half-trained.
    """
    stored = load(path)
    if stored.resume:
        raise MienError(f"{path}: is half-trained, {stored.epoch} epochs so far; finish the run with --resume")
    return stored


def load(path: Path) -> Checkpoint:
    """Read a checkpoint; tensors are on the CPU.

    Raises:
        MienError: missing file, or not a checkpoint of this format.
    """
    if not path.is_file():
        raise MienError(f"{path}: no such checkpoint; train one with `python -m mien_train emotion` or `… face`")
    try:
        stored = torch.load(path, map_location="cpu", weights_only=True)
    except Exception as error:  # torch.load raises whatever the pickle inside provokes
        raise MienError(f"{path}: not a readable checkpoint ({type(error).__name__})") from None
    if not isinstance(stored, dict) or stored.pop("format", None) != FORMAT:
        raise MienError(f"{path}: not a mien checkpoint of format {FORMAT}; train again with this version")
    try:
        return Checkpoint(**{**stored, "labels": tuple(stored["labels"])})
    except (KeyError, TypeError) as error:
        raise MienError(f"{path}: is damaged, or of another version ({error}); train again") from None
