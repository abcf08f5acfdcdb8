"""The training loop that both tasks share: schedule, moving average, checkpoints, resume, history."""

from __future__ import annotations

import copy
import math
import time
from collections import defaultdict
from collections.abc import Iterator
from dataclasses import asdict
from pathlib import Path
from typing import Any, Protocol

import torch
from torch import Tensor, nn
from torch.optim.lr_scheduler import LambdaLR
from tqdm import tqdm

from mien.errors import MienError
from mien_train import checkpoint, history, networks
from mien_train.checkpoint import Checkpoint
from mien_train.recipes import Recipe


class Task(Protocol):
    """What a loop trains."""

    name: str
    data_sha256: str
    network: dict[str, Any]
    score: str
    """Name of the validation figure by which the best epoch is chosen; higher is better."""

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

    def finish(self, network: nn.Module) -> dict[str, Any]:
        """What else the deployed model needs (temperature, thresholds), chosen on the validation split."""
        ...


def train(task: Task, run: Path, seed: int, resume: bool) -> Checkpoint:
    """Train to the last epoch of the recipe; write `checkpoint.pt`, `history.json` and `curves.png` to `run`.

    Ctrl-C saves the completed epochs and ends cleanly; `resume` goes on from there.

    Raises:
        MienError: `run` holds another run and `resume` is false, or resuming something else than was begun.
        KeyboardInterrupt: after saving.
    """
    recipe = task.recipe
    torch.manual_seed(seed)
    network = networks.build(task.network).to(memory_format=torch.channels_last)  # type: ignore[call-overload]
    average = copy.deepcopy(network).eval().requires_grad_(False)
    optimizer = torch.optim.AdamW(_groups(network, recipe.weight_decay), lr=recipe.learning_rate)
    total = recipe.epochs * task.steps()
    schedule = LambdaLR(optimizer, lambda step: _rate(step, total, recipe.warmup))
    rows: list[dict[str, float]] = []
    best: dict[str, Any] = {"score": -math.inf}
    path = run / "checkpoint.pt"
    if path.exists():
        if not resume:
            raise MienError(f"{run}: holds a run already; add --resume to go on with it, or choose another --out")
        stored = checkpoint.load(path)
        _same_run(stored, task, seed)
        if not stored.resume:
            tqdm.write(f"complete already, best epoch {stored.epoch}: {path}")
            return stored
        rows, best = _restore(stored, network, average, optimizer, schedule)
    precise = _precision(recipe.precision)
    begun = time.time() - sum(r["seconds"] for r in rows)
    try:
        for epoch in range(len(rows), recipe.epochs):
            started = time.time()
            row = {"epoch": epoch + 1, "learning_rate": optimizer.param_groups[0]["lr"]}
            row |= _epoch(task, network, average, optimizer, schedule, epoch, seed, precise)
            if (epoch + 1) % recipe.validate_every == 0 or epoch + 1 == recipe.epochs:
                row |= {f"val_{k}": v for k, v in task.validate(average).items()}
                if row[f"val_{task.score}"] > best["score"]:
                    best = {"score": row[f"val_{task.score}"], "epoch": epoch + 1, "state": _copied(average)}
            row["seconds"] = round(time.time() - started, 1)
            rows.append(row)
            tqdm.write(" ".join(f"{k} {v:.4g}" for k, v in row.items()))
            resumable = {
                "network": network.state_dict(), "average": average.state_dict(), "optimizer": optimizer.state_dict(),
                "schedule": schedule.state_dict(), "rows": rows, "best": best,
            }  # fmt: skip
            checkpoint.save(_checkpoint(task, seed, epoch + 1, best, {}, resumable), path)
            history.write(run, task.name, asdict(recipe), seed, rows)
    except KeyboardInterrupt:
        tqdm.write(f"stopped after {len(rows)} of {recipe.epochs} epochs; go on with --resume (run folder {run})")
        raise
    if "state" not in best:
        raise MienError(f"{task.score} was never a number on the validation split; lower learning_rate with --set")
    average.load_state_dict(best["state"])
    finished = _checkpoint(task, seed, best["epoch"], best, {**task.validate(average), **task.finish(average)}, {})
    checkpoint.save(finished, path)
    tqdm.write(
        f"done in {time.time() - begun:.0f} s; best epoch {best['epoch']}, {task.score} {best['score']:.4f}: {path}"
    )
    return finished


def _epoch(
    task: Task,
    network: nn.Module,
    average: nn.Module,
    optimizer: torch.optim.Optimizer,
    schedule: LambdaLR,
    epoch: int,
    seed: int,
    precise: torch.dtype,
) -> dict[str, float]:
    network.train()
    torch.manual_seed(seed * 100_003 + epoch)  # of dropout: a resumed run must drop what an unbroken one drops
    sums: dict[str, float] = defaultdict(float)
    bar = tqdm(
        task.batches(epoch, seed),
        total=task.steps(),
        desc=f"epoch {epoch + 1}",
        unit=" steps",
        leave=False,
        disable=None,
    )
    for inputs, targets in bar:
        with torch.autocast("cpu", torch.bfloat16, enabled=precise == torch.bfloat16):
            outputs = network(inputs.contiguous(memory_format=torch.channels_last))
        parts = task.loss(outputs, targets)
        loss = torch.stack(list(parts.values())).sum()
        if not torch.isfinite(loss):
            raise MienError(f"the loss became {loss.item()} in epoch {epoch + 1}; lower learning_rate with --set")
        optimizer.zero_grad()
        torch.autograd.backward(loss)
        nn.utils.clip_grad_norm_(network.parameters(), task.recipe.clip)
        optimizer.step()
        schedule.step()
        _average(average, network, task.recipe.ema, schedule.last_epoch)
        for part, value in parts.items():
            sums[f"loss_{part}"] += value.item() / task.steps()
        bar.set_postfix({k: f"{v.item():.3f}" for k, v in parts.items()}, refresh=False)
    return dict(sums)


def _rate(step: int, total: int, warmup: float) -> float:
    rise = max(1, round(total * warmup))
    if step < rise:
        return (step + 1) / rise
    return 1e-3 + (1 - 1e-3) * 0.5 * (1 + math.cos(math.pi * (step - rise) / max(1, total - rise)))


def _average(average: nn.Module, network: nn.Module, decay: float, step: int) -> None:
    # A young average would remember the random start: let it follow fast at first.
    share = 1 - min(decay, (1 + step) / (10 + step))
    with torch.no_grad():
        for kept, now in zip(average.state_dict().values(), network.state_dict().values(), strict=True):
            if kept.is_floating_point():
                kept.lerp_(now, share)
            else:
                kept.copy_(now)


def _groups(network: nn.Module, decay: float) -> list[dict[str, Any]]:
    weights = [p for p in network.parameters() if p.ndim > 1]
    rest = [p for p in network.parameters() if p.ndim <= 1]
    return [{"params": weights, "weight_decay": decay}, {"params": rest, "weight_decay": 0.0}]


def _precision(name: str) -> torch.dtype:
    if name not in {"auto", "bfloat16", "float32"}:
        raise MienError(f"precision is {name!r}; choose auto, bfloat16 or float32")
    native = torch.backends.cpu.get_cpu_capability() == "AVX512" and torch.ops.mkldnn._is_mkldnn_bf16_supported()
    return torch.bfloat16 if name == "bfloat16" or (name == "auto" and native) else torch.float32


def _copied(module: nn.Module) -> dict[str, Tensor]:
    return {k: v.detach().clone().contiguous() for k, v in module.state_dict().items()}


def _checkpoint(
    task: Task, seed: int, epoch: int, best: dict[str, Any], metrics: dict[str, Any], resume: dict[str, Any]
) -> Checkpoint:
    return Checkpoint(
        task=task.name,
        network=task.network,
        recipe=asdict(task.recipe),
        labels=task.labels,
        seed=seed,
        data_sha256=task.data_sha256,
        epoch=epoch,
        state=best.get("state", {}),
        metrics=metrics,
        resume=resume,
    )


def _same_run(stored: Checkpoint, task: Task, seed: int) -> None:
    begun = {"recipe": stored.recipe, "seed": stored.seed, "data": stored.data_sha256}
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
) -> tuple[list[dict[str, float]], dict[str, Any]]:
    network.load_state_dict(stored.resume["network"])
    average.load_state_dict(stored.resume["average"])
    optimizer.load_state_dict(stored.resume["optimizer"])
    schedule.load_state_dict(stored.resume["schedule"])
    return list(stored.resume["rows"]), dict(stored.resume["best"])
