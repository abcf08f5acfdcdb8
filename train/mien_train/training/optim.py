"""Optimizer, schedule and moving average of a recipe."""

from __future__ import annotations

import math

import torch
from torch import nn
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
    if recipe.optimizer == "sgd":
        return SGD(groups, lr=recipe.learning_rate, momentum=recipe.momentum, nesterov=True)
    return (Adam if recipe.optimizer == "adam" else AdamW)(groups, lr=recipe.learning_rate)


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


def follow(average: nn.Module, network: nn.Module, decay: float, step: int) -> None:
    """Move the average of the weights a step towards the network's; with a decay of 0, onto them."""
    share = 1 - min(decay, (1 + step) / (_YOUNG + step))
    with torch.no_grad():
        for kept, now in zip(average.state_dict().values(), network.state_dict().values(), strict=True):
            if kept.is_floating_point():
                kept.lerp_(now, share)
            else:
                kept.copy_(now)
