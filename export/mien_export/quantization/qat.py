"""Quantization-aware fine-tuning: a few epochs in which the network feels the rounding that awaits it.

Weights are rounded to int8 per output channel and activations to uint8 per tensor on every forward pass, with
gradients passed straight through (Jacob et al. 2018). What comes out is a float network whose weights already lie on
an int8 grid; it is calibrated and quantized like any other.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn.utils import parametrize

from mien.errors import MienError
from mien_export.quantization.fuse import fuse
from mien_train.networks.classic import XceptionModule
from mien_train.networks.layers import Blur, ConvNormReLU, Residual
from mien_train.recipes.choosing import recipe_of
from mien_train.training import tasks
from mien_train.training.checkpoint import Checkpoint
from mien_train.training.loop import Task
from mien_train.training.progress import progress

LEARNING_RATE = 2e-4
"""At the start; it falls linearly to nothing. A tenth or less of what trained the network."""

_FOLLOW = 0.01
"""Share by which an activation's remembered range follows each batch."""


class _RoundedWeight(nn.Module):
    """int8 per output channel, symmetric."""

    def forward(self, weight: Tensor) -> Tensor:
        scale = weight.detach().flatten(1).abs().amax(dim=1).clamp(min=1e-8) / 127
        return torch.fake_quantize_per_channel_affine(
            weight, scale, torch.zeros_like(scale, dtype=torch.int32), 0, -127, 127
        )


class _RoundedActivation(nn.Module):
    """uint8 per tensor, with a range that follows the data slowly."""

    def __init__(self) -> None:
        super().__init__()
        self.low: float | None = None
        self.high = 0.0

    def forward(self, x: Tensor) -> Tensor:
        low, high = min(0.0, float(x.detach().min())), max(0.0, float(x.detach().max()))
        if self.low is None:
            self.low, self.high = low, high
        self.low += _FOLLOW * (low - self.low)
        self.high += _FOLLOW * (high - self.high)
        scale = max(self.high - self.low, 1e-8) / 255
        return torch.fake_quantize_per_tensor_affine(x, scale, min(255, max(0, round(-self.low / scale))), 0, 255)


def finetune(checkpoint: Checkpoint, data: Path, epochs: int) -> nn.Module:
    """Fine-tune a trained network with rounding in the loop.

    Args:
        checkpoint: trained to its end.
        data: data folder.
        epochs: passes over the training split.

    Returns:
        The fused network with the new weights, in evaluation mode.

    Raises:
        MienError: the data is missing or other than it was trained on, or the loss is no longer finite.
    """
    task = tasks.opened(recipe_of(checkpoint.task, checkpoint.recipe), data)
    if task.data_sha256 != checkpoint.data_sha256:
        raise MienError(f"{data}: is other data than the network was trained on; give that, or export without --qat")
    return tuned(checkpoint.build(), task, epochs, checkpoint.seed)


def tuned(network: nn.Module, task: Task, epochs: int, seed: int) -> nn.Module:
    """`finetune` for a network and a task at hand."""
    torch.manual_seed(seed)
    network = fuse(network).requires_grad_(True).to(task.device)
    convolutions = [m for m in network.modules() if isinstance(m, nn.Conv2d)]
    for convolution in convolutions:
        parametrize.register_parametrization(convolution, "weight", _RoundedWeight())
    hooks = [m.register_forward_hook(_rounded()) for m in activated(network)]
    optimizer = torch.optim.AdamW(network.parameters(), lr=LEARNING_RATE, weight_decay=0.0)
    total = max(1, epochs * task.steps())
    schedule = torch.optim.lr_scheduler.LambdaLR(optimizer, lambda step: max(0.0, 1 - step / total))
    for epoch in range(epochs):
        # Epochs that the training itself never saw, so that its augmentations are not repeated.
        batches = task.batches(10_000 + epoch, seed)
        for inputs, targets in progress(batches, f"fine-tune {epoch + 1}", task.steps()):
            inputs, targets = inputs.to(task.device), targets.to(task.device)
            loss = torch.stack(list(task.loss(network(inputs), targets).values())).sum()
            if not torch.isfinite(loss):
                raise MienError(f"the loss became {loss.item()} in fine-tuning; export without --qat")
            optimizer.zero_grad()
            torch.autograd.backward(loss)
            optimizer.step()
            schedule.step()
    for hook in hooks:
        hook.remove()
    for convolution in convolutions:
        parametrize.remove_parametrizations(convolution, "weight", leave_parametrized=True)
    return network.requires_grad_(False).eval().cpu()


def activated(network: nn.Module) -> list[nn.Module]:
    """Modules whose outputs are tensors of the deployed network."""
    modules = list(network.modules())
    inside = {part for module in modules if isinstance(module, ConvNormReLU) for part in module}
    # An average is a convolution in the deployed network, with a scale of its own; a maximum keeps its input's.
    blocks = (ConvNormReLU, Residual, XceptionModule, nn.AvgPool2d, Blur)
    return [m for m in modules if isinstance(m, blocks) or (isinstance(m, nn.ReLU | nn.ELU) and m not in inside)]


def _rounded() -> Any:
    observer = _RoundedActivation()

    def hook(module: nn.Module, inputs: Any, output: Tensor) -> Tensor:
        rounded: Tensor = observer(output)
        return rounded

    return hook
