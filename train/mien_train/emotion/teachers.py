"""Trained classifiers as teachers: what several of them say of the same pictures, on average."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from torch import Tensor

from mien.errors import MienError
from mien_train.data import store
from mien_train.networks import registry
from mien_train.recipes.base import Precision
from mien_train.recipes.choosing import recipe_of
from mien_train.recipes.emotion import EmotionRecipe
from mien_train.training import checkpoint, distributed, step
from mien_train.training.checkpoint import Checkpoint
from mien_train.training.progress import progress

_CHUNK = 256
_SAME = ("partition", "holdout", "near_copies", "crops")
"""Fields that say which images a teacher has seen: what validates the student must not be among them."""


@dataclass(frozen=True, slots=True)
class Heads:
    """How a network's outputs are read.

    Attributes:
        first: number of outputs of the first head; the others are the second's.
        odds: float32 (n,), logarithms of the shares of the second head's classes, which are added to its outputs
            wherever it answers for the data as they are; empty without a second head.
        temperature: by which all logits are divided.
    """

    first: int
    odds: Tensor
    temperature: float

    def logarithms(self, outputs: Tensor) -> tuple[Tensor, Tensor]:
        """Log-probabilities float32 of each head, (N, first) and (N, n), of outputs (N, first + n)."""
        outputs = outputs.float()
        second = outputs[:, self.first :] + self.odds.to(outputs.device)
        return (
            (outputs[:, : self.first] / self.temperature).log_softmax(dim=1),
            (second / self.temperature).log_softmax(dim=1),
        )

    def key(self) -> str:
        """Changes when one of the attributes does."""
        return f"{self.first} {self.odds.tolist()} {self.temperature}"


class Teachers:
    """Several trained networks that answer together.

    Their answers are kept in the cache by what was shown, so that the next student, or a run that goes on, need not ask
    again: an epoch of FER2013 takes one megabyte. Asking costs a forward pass of every teacher on every image, which on
    a processor is as much as the training of a small student itself.

    Args:
        runs: folders of finished runs, or .pt files.
        names: labels of the student's first head, in output order.
        recipe: the student's.
        data_sha256: of the student's data.

    Attributes:
        told: a teacher's first digits of SHA-256 to what it is: recipe, seed and validation accuracy.
        fingerprint: of all of them, whatever their order.

    Raises:
        MienError: no finished run, or one of another task, of other labels, or that was trained on other images.
    """

    def __init__(self, runs: Sequence[Path], names: tuple[str, ...], recipe: EmotionRecipe, data_sha256: str) -> None:
        if not runs:
            raise MienError("no teacher is given; name runs, or recipes and seeds such as teacher:0")
        self._where = distributed.device()
        self._precision: Precision = recipe.precision
        found: dict[str, Checkpoint] = {}
        for run in runs:
            path = run / "checkpoint.pt" if run.is_dir() else run
            stored = checkpoint.finished(path)
            _check(path, stored, names, recipe, data_sha256)
            digits = store.file_sha256(path)[: checkpoint.SHORT]
            if digits in found:
                raise MienError(f"{path}: is given twice as a teacher; name each once")
            found[digits] = stored
        ordered = sorted(found)
        self._networks = [
            found[digits].build().requires_grad_(False).to(self._where, memory_format=torch.channels_last)  # type: ignore[call-overload]
            for digits in ordered
        ]
        self.fingerprint = ",".join(ordered)
        self.told: Mapping[str, Mapping[str, object]] = {digits: _told(found[digits]) for digits in ordered}

    def answers(self, views: Tensor, heads: Heads, epoch: int) -> Tensor:
        """The mean of the teachers' probabilities for views uint8 (N, 48, 48), each head's side by side.

        Args:
            views: what is shown, on any device.
            heads: how the outputs are read.
            epoch: whose views these are, from 0; for the progress alone.

        Returns:
            float16 (N, outputs), on the processor.
        """
        shown = hashlib.sha256(views.cpu().numpy().data)
        shown.update(f"{self.fingerprint} {heads.key()} {self._where.type}".encode())
        cached = store.cache() / f"answers-{shown.hexdigest()[:24]}.npz"
        if stored := store.load_arrays(cached, ("answers",)):
            return torch.from_numpy(stored["answers"].astype(np.float16, copy=False))
        parts = progress(torch.split(views, _CHUNK), f"teachers on epoch {epoch + 1}", unit="batches")
        found = torch.cat([self._answer(part, heads) for part in parts])
        store.save_arrays(cached, answers=found.numpy())
        return found

    @torch.inference_mode()
    def _answer(self, views: Tensor, heads: Heads) -> Tensor:
        inputs = (views[:, None].to(self._where).float() - 128) * registry.INPUT_SCALE
        inputs = inputs.contiguous(memory_format=torch.channels_last)
        fast = step.precision_of(self._precision, self._where) == torch.bfloat16
        total: Tensor | None = None
        for network in self._networks:
            with torch.autocast(self._where.type, torch.bfloat16, enabled=fast):
                outputs = network(inputs)
            said = torch.cat(heads.logarithms(outputs), dim=1).exp()
            total = said if total is None else total + said
        assert total is not None
        return (total / len(self._networks)).to(torch.float16).cpu()


def suits(teacher: str, theirs: EmotionRecipe, recipe: EmotionRecipe) -> None:
    """Whether a recipe's networks can teach the student's.

    Args:
        teacher: what it is called in a message.
        theirs: a teacher's recipe.
        recipe: the student's.

    Raises:
        MienError: they cannot.
    """
    if (theirs.searched > 0) != (recipe.searched > 0):
        whose, other = ("the teacher", "the student") if theirs.searched else ("the student", "the teacher")
        raise MienError(f"{teacher}: {whose} has a second head and {other} has none; let both have it (searched)")
    differing = [field for field in _SAME if getattr(theirs, field) != getattr(recipe, field)]
    if differing:
        raise MienError(
            f"{teacher}: is trained on other images ({', '.join(differing)}), perhaps on those that validate the "
            "student; train a teacher on the student's data"
        )


def _check(path: Path, stored: Checkpoint, names: tuple[str, ...], recipe: EmotionRecipe, data_sha256: str) -> None:
    if stored.task != "emotion":
        raise MienError(f"{path}: is a checkpoint for {stored.task!r}; teachers are emotion classifiers")
    if stored.labels != names:
        raise MienError(
            f"{path}: answers for {', '.join(stored.labels)}, the student for {', '.join(names)}; take a teacher "
            "of the same labels"
        )
    theirs = recipe_of(stored.task, stored.recipe)
    assert isinstance(theirs, EmotionRecipe)
    suits(str(path), theirs, recipe)
    if stored.data_sha256 != data_sha256:
        raise MienError(
            f"{path}: is trained on other images (data), perhaps on those that validate the student; train a teacher "
            "on the student's data"
        )


def _told(stored: Checkpoint) -> Mapping[str, object]:
    return {"recipe": stored.recipe["name"], "seed": stored.seed, "accuracy": stored.metrics.get("accuracy")}
