"""Optimizer, schedule and moving average of a recipe."""

from __future__ import annotations

import math
from typing import Any

import torch
from torch import Tensor, nn
from torch.optim import SGD, Adam, AdamW, Optimizer
from torch.optim.lr_scheduler import LambdaLR

from mien_train.recipes.base import Recipe

_YOUNG = 10
"""Steps in which an average of the weights is young: it would remember the random start, and follows fast at first."""


def optimizer_of(network: nn.Module, recipe: Recipe) -> Optimizer:
    """The recipe's optimizer; biases and norms are not decayed."""
    weights = [p for p in network.parameters() if p.ndim > 1]
    rest = [p for p in network.parameters() if p.ndim <= 1]
    groups: list[dict[str, object]] = [
        {"params": weights, "weight_decay": recipe.weight_decay},
        {"params": rest, "weight_decay": 0.0},
    ]
    where = next(network.parameters()).device
    if recipe.optimizer == "sgd":
        return SGD(groups, lr=recipe.learning_rate, momentum=recipe.momentum, nesterov=True)
    kind = Adam if recipe.optimizer == "adam" else AdamW
    return kind(groups, lr=_rate(recipe.learning_rate, where), capturable=where.type == "cuda")


def loaded(optimizer: Optimizer, state: dict[str, Any]) -> None:
    """Give an optimizer what another one has stored, perhaps on another kind of device."""
    own = [(group["lr"], group.get("capturable")) for group in optimizer.param_groups]
    optimizer.load_state_dict(state)
    for group, (rate, capturable) in zip(optimizer.param_groups, own, strict=True):
        stored = float(group["lr"])
        group["lr"] = rate.fill_(stored) if isinstance(rate, Tensor) else stored
        if capturable is not None:
            group["capturable"] = capturable


def _rate(rate: float, where: torch.device) -> Tensor | float:
    # What a CUDA graph reads anew each time must lie on the accelerator.
    return torch.tensor(rate, device=where) if where.type == "cuda" else rate


def schedule_of(optimizer: Optimizer, recipe: Recipe, steps: int) -> LambdaLR:
    """The recipe's schedule over all steps of a run."""
    rise = round(steps * recipe.warmup)

    def rate(step: int) -> float:
        if step < rise:
            return (step + 1) / rise
        if recipe.schedule == "constant":
            return 1.0
        fallen = 0.5 * (1 + math.cos(math.pi * (step - rise) / max(1, steps - rise)))
        return recipe.last_rate + (1 - recipe.last_rate) * fallen

    return LambdaLR(optimizer, rate)


class MovingAverage:
    """The moving average of a network's weights and statistics, which is evaluated and kept.

    Args:
        average: a copy of the network that follows it.
        network: what is trained.
        decay: per step; 0 for the weights as they are.
    """

    def __init__(self, average: nn.Module, network: nn.Module, decay: float) -> None:
        self.module, self._decay = average, decay
        pairs = list(zip(average.state_dict().values(), network.state_dict().values(), strict=True))
        self._averaged = [pair for pair in pairs if pair[0].is_floating_point()]
        self._copied = [pair for pair in pairs if not pair[0].is_floating_point()]

    @torch.no_grad()
    def follow(self, step: int) -> None:
        """Move a step, numbered from 1, towards the network."""
        share = 1 - min(self._decay, (1 + step) / (_YOUNG + step))
        kept, now = ([pair[side] for pair in self._averaged] for side in (0, 1))
        torch._foreach_lerp_(kept, now, share)
        for kept_count, count in self._copied:
            kept_count.copy_(count)
