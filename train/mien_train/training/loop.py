"""The training loop that both tasks share: schedule, moving average, checkpoints, resume, history."""

from __future__ import annotations

import copy
import itertools
import math
import time
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any, Protocol, runtime_checkable

import torch
from torch import Tensor, nn
from torch.optim.lr_scheduler import LambdaLR

from mien.errors import MienError
from mien_train.networks import exported, registry
from mien_train.recipes.base import Recipe
from mien_train.recipes.choosing import recipe_of
from mien_train.training import checkpoint, distributed, history
from mien_train.training.checkpoint import Checkpoint
from mien_train.training.history import Row
from mien_train.training.optim import MovingAverage, loaded, optimizer_of, schedule_of
from mien_train.training.progress import progress, say
from mien_train.training.step import Step, floats

_ASKED_EVERY = 50
"""Steps between two looks at the loss on an accelerator, which each time waits until it has caught up."""
_SETTLED = 8
"""Batches that show the normalisations of an exported model's network what comes to them."""


class Task(Protocol):
    """What a loop trains."""

    name: str
    data_sha256: str
    device: torch.device
    """Where the network is trained."""
    score: str
    """Name of the validation figure by which the best epoch is chosen; higher is better."""

    @property
    def network(self) -> Mapping[str, object]:
        """Name and arguments for `registry.build`."""
        ...

    @property
    def labels(self) -> tuple[str, ...]:
        """Class names in output order."""
        ...

    @property
    def recipe(self) -> Recipe:
        """Settings of the run."""
        ...

    def steps(self) -> int:
        """Optimizer steps of one epoch."""
        ...

    def batches(self, epoch: int, seed: int) -> Iterator[tuple[Tensor, Any]]:
        """Inputs float32 (N, 1, H, W) for the network, and targets; the same for the same epoch and seed."""
        ...

    def loss(self, outputs: Any, targets: Any) -> dict[str, Tensor]:
        """Weighted parts of the loss, float32 scalars."""
        ...

    def validate(self, network: nn.Module) -> dict[str, float]:
        """Figures on the validation split, for a network in evaluation mode."""
        ...

    def finish(self, network: nn.Module) -> Mapping[str, object]:
        """What else the deployed model needs (temperature, thresholds), chosen on the validation split."""
        ...


@runtime_checkable
class Looking(Protocol):
    """A task that looks at its data with the network between epochs, and chooses by that what comes next."""

    @property
    def memory(self) -> Mapping[str, Tensor]:
        """What the looks have shown; kept with the run, so that a resumed one goes on alike."""
        ...

    def recall(self, memory: Mapping[str, Tensor]) -> None:
        """Take back what `memory` gave."""
        ...

    def look(self, network: nn.Module, epoch: int) -> None:
        """Before an epoch, numbered from 0, with the averaged network in evaluation mode."""
        ...


def train(
    task: Task,
    run: Path,
    seed: int,
    resume: bool,
    on_epoch: Callable[[Row], None] | None = None,
) -> Checkpoint:
    """Train to the recipe's last epoch or out of patience; write `checkpoint.pt`, `history.json` and `curves.png`.

    Ctrl-C saves the completed epochs and ends cleanly; `resume` goes on from there.

    Args:
        task: what to train.
        run: folder; made if absent.
        seed: of weights, order and augmentation.
        resume: go on with the run in the folder, if there is one.
        on_epoch: is given each epoch's row of the history; what it raises ends the run.

    Raises:
        MienError: `run` holds another run and `resume` is false, or resuming something else than was begun; a file
            cannot be written, in which case the ones that are there are whole.
        KeyboardInterrupt: after saving.
    """
    history.check_drawable()
    recipe, here, where = task.recipe, distributed.world(), task.device
    torch.manual_seed(seed)
    network = registry.build(task.network)
    path = run / "checkpoint.pt"
    if not path.exists():
        initialized(network, recipe.init, (batch[0].cpu() for batch in task.batches(0, seed)))
    network = network.to(where, memory_format=torch.channels_last)  # type: ignore[call-overload]
    average = copy.deepcopy(network).eval().requires_grad_(False)
    optimizer = optimizer_of(network, recipe)
    schedule = schedule_of(optimizer, recipe, recipe.epochs * task.steps())
    rows: list[Row] = []
    best = _Best()
    if path.exists():
        if not resume:
            raise MienError(f"{run}: holds a run already; add --resume to go on with it, or choose another --out")
        stored = checkpoint.load(path)
        _same_run(stored, task, seed)
        if not stored.resume:
            say(f"complete already, best epoch {stored.epoch}: {path}")
            return stored
        rows, best = _restore(stored, network, average, optimizer, schedule)
        if isinstance(task, Looking):
            task.recall(stored.resume.get("memory", {}))
    step = Step(task, distributed.wrapped(network, here), optimizer, where, here.size == 1)
    state = Run(task, step, network, MovingAverage(average, network, recipe.ema), optimizer, schedule, seed)
    begun, saved = time.time() - sum(r["seconds"] for r in rows), len(rows)
    try:
        for epoch in range(len(rows), recipe.epochs):
            waited = epoch - best.epoch if best.state else 0
            if distributed.agreed(0 < recipe.patience <= waited, here, where):
                break
            started = time.time()
            if isinstance(task, Looking):
                task.look(average, epoch)
            row = {
                "epoch": epoch + 1,
                "learning_rate": float(optimizer.param_groups[0]["lr"]),
                **train_epoch(state, epoch),
            }
            validated = (epoch + 1) % recipe.validate_every == 0 or epoch + 1 == recipe.epochs
            if validated and here.first:
                row |= {f"val_{k}": v for k, v in task.validate(average).items()}
                if row[f"val_{task.score}"] > best.score:
                    best = _Best(row[f"val_{task.score}"], epoch + 1, _copied(average))
            row["seconds"] = round(time.time() - started, 1)
            rows.append(row)
            if here.first:
                _write(state, run, rows, best)
                saved = len(rows)
                say(" ".join(f"{k} {v:.4g}" for k, v in row.items()))
                if on_epoch:
                    on_epoch(row)
        if not here.first:
            return _checkpoint(task, seed, len(rows), best, {}, {})
        if not best.state:
            raise MienError(f"{task.score} was never a number on the validation split; lower learning_rate with --set")
        average.load_state_dict(best.state)
        # Once more: a kill between the last epoch's two files would leave a row out for ever.
        history.write(run, task.name, asdict(recipe), seed, rows)
        finished = _checkpoint(task, seed, best.epoch, best, {**task.validate(average), **task.finish(average)}, {})
        checkpoint.save(finished, path)
    except KeyboardInterrupt:
        if here.first:
            say(f"stopped after {saved} of {recipe.epochs} epochs; go on with --resume (run folder {run})")
        raise
    say(
        f"done in {time.time() - begun:.0f} s and {len(rows)} epochs; "
        f"best epoch {best.epoch}, {task.score} {best.score:.4f}: {path}"
    )
    return finished


@dataclass(frozen=True)
class _Best:
    """The best epoch so far: its validation score, its number from 1, and the averaged weights; none at first."""

    score: float = -math.inf
    epoch: int = 0
    state: Mapping[str, Tensor] = field(default_factory=dict)


@dataclass(frozen=True)
class Run:
    """What an epoch works with."""

    task: Task
    step: Step
    network: nn.Module
    average: MovingAverage
    optimizer: torch.optim.Optimizer
    schedule: LambdaLR
    seed: int


def train_epoch(run: Run, epoch: int) -> dict[str, float]:
    """Train one epoch, numbered from 0; the mean of each part of the loss, as "loss_…".

    Raises:
        MienError: the loss is no longer a number.
    """
    task, here = run.task, distributed.world()
    run.network.train()
    # Of dropout: a resumed run must drop what an unbroken one drops, and each process something else.
    torch.manual_seed((run.seed * 100_003 + epoch) * here.size + here.rank)
    total, every = torch.zeros((), device=task.device), 1 if task.device.type == "cpu" else _ASKED_EVERY
    bar = progress(task.batches(epoch, run.seed), f"epoch {epoch + 1}", task.steps())
    for count, (inputs, targets) in enumerate(bar, 1):
        values = run.step(inputs, targets)
        total = total + values
        if count % every == 0 or count == task.steps():
            if not torch.isfinite(total).all():
                raise MienError(
                    f"the loss became {values.sum().item()} in epoch {epoch + 1}; lower learning_rate with --set"
                )
            bar.note(", ".join(f"{part} {value:.3f}" for part, value in floats(run.step.names, values).items()))
        run.schedule.step()
        run.average.follow(run.schedule.last_epoch)
    return {f"loss_{part}": value for part, value in floats(run.step.names, total / task.steps()).items()}


def _write(run: Run, folder: Path, rows: list[Row], best: _Best) -> None:
    resumable = {
        "network": run.network.state_dict(), "average": run.average.module.state_dict(),
        "optimizer": run.optimizer.state_dict(), "schedule": run.schedule.state_dict(),
        "rows": rows, "best": asdict(best), "memory": run.task.memory if isinstance(run.task, Looking) else {},
    }  # fmt: skip
    checkpoint.save(_checkpoint(run.task, run.seed, len(rows), best, {}, resumable), folder / "checkpoint.pt")
    history.write(folder, run.task.name, asdict(run.task.recipe), run.seed, rows)


def initialized(network: nn.Module, path: str, inputs: Iterable[Tensor]) -> None:
    """Give a network the weights of a checkpoint or of an exported model, where names and shapes agree.

    Args:
        network: on the CPU.
        path: a checkpoint, or the .onnx file of an exported model; an empty one leaves the network as it is.
        inputs: float32 (N, 1, H, W) each, as it is to be trained on; asked for an exported model alone.

    Raises:
        MienError: no such checkpoint or model, or none of its weights fits.
    """
    if not path:
        return
    if is_export := Path(path).suffix == ".onnx":
        taken, there = exported.put(network, exported.weights(Path(path)))
    else:
        mine, theirs = network.state_dict(), checkpoint.finished(Path(path)).state
        fitting = {k: v for k, v in theirs.items() if k in mine and mine[k].shape == v.shape}
        network.load_state_dict(fitting, strict=False)
        taken, there = len(fitting), len(mine)
    if not taken:
        raise MienError(f"init={path}: none of its weights fits this network; choose one of the same architecture")
    if is_export:
        exported.settle(network, itertools.islice(inputs, _SETTLED))
    say(f"{taken} of {there} {'convolutions' if is_export else 'tensors'} taken from {path}")


def _copied(module: nn.Module) -> dict[str, Tensor]:
    return {k: v.detach().cpu().clone().contiguous() for k, v in module.state_dict().items()}


def _checkpoint(
    task: Task, seed: int, epoch: int, best: _Best, metrics: Mapping[str, object], resume: Mapping[str, object]
) -> Checkpoint:
    return Checkpoint(
        task=task.name,
        network=task.network,
        recipe=asdict(task.recipe),
        labels=task.labels,
        seed=seed,
        data_sha256=task.data_sha256,
        epoch=epoch,
        state=best.state,
        metrics=metrics,
        resume=resume,
    )


def _same_run(stored: Checkpoint, task: Task, seed: int) -> None:
    recipe = asdict(recipe_of(stored.task, stored.recipe))
    begun = {"recipe": recipe, "seed": stored.seed, "data": stored.data_sha256}
    now = {"recipe": asdict(task.recipe), "seed": seed, "data": task.data_sha256}
    if differing := [key for key in begun if begun[key] != now[key]]:
        raise MienError(
            f"cannot resume: the run was begun with another {' and '.join(differing)}; choose another --out"
        )


def _restore(
    stored: Checkpoint,
    network: nn.Module,
    average: nn.Module,
    optimizer: torch.optim.Optimizer,
    schedule: LambdaLR,
) -> tuple[list[Row], _Best]:
    network.load_state_dict(stored.resume["network"])
    average.load_state_dict(stored.resume["average"])
    loaded(optimizer, stored.resume["optimizer"])
    schedule.load_state_dict(stored.resume["schedule"])
    return list(stored.resume["rows"]), _Best(**stored.resume["best"])
