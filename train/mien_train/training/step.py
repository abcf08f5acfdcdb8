"""One optimizer step; on an accelerator recorded once and replayed."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Protocol, runtime_checkable

import torch
from torch import Tensor, nn

from mien_train.recipes.base import Precision, Recipe

_WARM = 3
"""Steps before the recording, in which libraries choose their kernels and the optimizer makes its state."""


class Trained(Protocol):
    """What a step needs of a task."""

    @property
    def recipe(self) -> Recipe:
        """Settings of the run."""
        ...

    def loss(self, outputs: Any, targets: Any) -> dict[str, Tensor]:
        """Weighted parts of the loss, float32 scalars."""
        ...


@runtime_checkable
class Told(Protocol):
    """A task with a teacher that looks at what the network is shown."""

    def told(self, inputs: Tensor) -> Any:
        """What the teacher says of inputs float32 (N, 1, H, W); given to `loss` beside the targets, as a pair."""
        ...


class Step:
    """Forward pass, loss, backward pass, clipping and update.

    A small network's step is some hundred kernels of a few microseconds each, which an accelerator computes faster than
    Python can launch them. Where inputs and targets are tensors that keep their shapes, and one process trains alone,
    the fourth step of a shape is recorded as one CUDA graph, and later ones replay it.

    Args:
        task: gives the loss.
        network: float32 (N, 1, H, W) → outputs, perhaps one that averages gradients over processes.
        optimizer: of its weights; capturable where it shall be recorded.
        where: the network's device.
        alone: whether no other process has a part in the step.
    """

    def __init__(
        self, task: Trained, network: nn.Module, optimizer: torch.optim.Optimizer, where: torch.device, alone: bool
    ) -> None:
        self._task, self._network, self._optimizer = task, network, optimizer
        # A graph would keep the learning rate of an optimizer that is not capturable, such as SGD.
        capturable = bool(optimizer.defaults.get("capturable"))
        self._where, self._recordable = where, alone and where.type == "cuda" and capturable
        self._precise = precision_of(task.recipe.precision, where)
        # By shapes: the last batch of an epoch may be a smaller one, and is never recorded.
        self._seen: Counter[tuple[torch.Size, torch.Size]] = Counter()
        self._recorded = _Recorded()
        self.names: tuple[str, ...] = ()

    def __call__(self, inputs: Tensor, targets: Any) -> Tensor:
        """Take a step on a batch: the parts of its loss, float32 (len(names),), valid until the next step."""
        if self._where.type != "cpu":
            inputs, targets = inputs.to(self._where), targets.to(self._where)
        if not (self._recordable and isinstance(targets, Tensor)):
            return self._take(inputs, targets)
        if self._recorded.fits(inputs, targets):
            return self._recorded.replay(inputs, targets)
        shapes = inputs.shape, targets.shape
        if self._recorded.graph is None and self._seen[shapes] >= _WARM:
            self._record(inputs, targets)
            return self._recorded.replay(inputs, targets)
        self._seen[shapes] += 1
        # What is to be recorded may not have been warmed on the default stream.
        stream = torch.cuda.Stream(self._where)  # type: ignore[no-untyped-call]
        stream.wait_stream(torch.cuda.current_stream(self._where))
        with torch.cuda.stream(stream):
            values = self._take(inputs, targets)
        torch.cuda.current_stream(self._where).wait_stream(stream)
        return values

    def _take(self, inputs: Tensor, targets: Any) -> Tensor:
        with torch.autocast(self._where.type, torch.bfloat16, enabled=self._precise == torch.bfloat16):
            outputs = self._network(inputs.contiguous(memory_format=torch.channels_last))
        if isinstance(self._task, Told):
            targets = targets, self._task.told(inputs)
        parts = self._task.loss(outputs, targets)
        self.names = tuple(parts)
        values = torch.stack(list(parts.values()))
        self._optimizer.zero_grad()
        torch.autograd.backward(values.sum())
        nn.utils.clip_grad_norm_(self._network.parameters(), self._task.recipe.clip)
        self._optimizer.step()
        return values.detach()

    def _record(self, inputs: Tensor, targets: Tensor) -> None:
        inputs, targets, graph = inputs.clone(), targets.clone(), torch.cuda.CUDAGraph()
        self._optimizer.zero_grad()
        with torch.cuda.graph(graph, capture_error_mode="thread_local"):
            values = self._take(inputs, targets)
        # The graph writes its gradients where it first did, so they must outlive steps of other shapes.
        gradients = [p.grad for p in self._network.parameters()]
        self._recorded = _Recorded(graph, inputs, targets, values, gradients)


@dataclass(frozen=True)
class _Recorded:
    """A step as a graph; `inputs` and `targets` are filled before it is replayed, which gives `values`."""

    graph: torch.cuda.CUDAGraph | None = None
    inputs: Tensor = field(default_factory=lambda: torch.empty(0))
    targets: Tensor = field(default_factory=lambda: torch.empty(0))
    values: Tensor = field(default_factory=lambda: torch.empty(0))
    gradients: list[Tensor | None] = field(default_factory=list)

    def fits(self, inputs: Tensor, targets: Tensor) -> bool:
        return self.graph is not None and inputs.shape == self.inputs.shape and targets.shape == self.targets.shape

    def replay(self, inputs: Tensor, targets: Tensor) -> Tensor:
        assert self.graph is not None
        self.inputs.copy_(inputs)
        self.targets.copy_(targets)
        self.graph.replay()
        return self.values


def precision_of(name: Precision, where: torch.device) -> torch.dtype:
    """bfloat16 or float32: what a recipe's word means on a device."""
    native = where.type == "cuda" or (
        torch.backends.cpu.get_cpu_capability() == "AVX512" and torch.ops.mkldnn._is_mkldnn_bf16_supported()
    )
    return torch.bfloat16 if name == "bfloat16" or (name == "auto" and native) else torch.float32


def floats(names: tuple[str, ...], values: Tensor) -> Mapping[str, float]:
    """The parts of a loss by name."""
    return dict(zip(names, values.tolist(), strict=True))
