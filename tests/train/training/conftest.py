"""A tiny real task."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest
import torch
import torch.nn.functional as F  # noqa: N812 - torch's own convention
from torch import Tensor, nn

from mien_train.recipes.architectures import ResidualRecipe


class TwoShades:
    """Tell dark images from bright ones."""

    name = "emotion"
    labels = ("dark", "bright")
    score = "accuracy"
    data_sha256 = "shades"
    device = torch.device("cpu")

    def __init__(self, epochs: int = 4, stop_after: int | None = None) -> None:
        self.recipe = ResidualRecipe(
            name="tiny", epochs=epochs, batch=8, learning_rate=1e-2, weight_decay=0.0, ema=0.5, precision="float32"
        )
        self.network: dict[str, Any] = {
            "name": "residual",
            "classes": 2,
            "widths": (4, 8),
            "blocks": (1, 1),
            "dropout": 0.5,
        }
        self._stop_after = stop_after

    def steps(self) -> int:
        return 3

    def batches(self, epoch: int, seed: int) -> Iterator[tuple[Tensor, Tensor]]:
        if self._stop_after == epoch:
            raise KeyboardInterrupt
        generator = torch.Generator().manual_seed(seed * 1000 + epoch)
        for _ in range(self.steps()):
            labels = torch.randint(2, (8,), generator=generator)
            noise = torch.randn(8, 1, 48, 48, generator=generator) * 0.2
            yield noise + (labels * 2 - 1)[:, None, None, None], labels

    def loss(self, outputs: Tensor, targets: Tensor) -> dict[str, Tensor]:
        return {"cross_entropy": F.cross_entropy(outputs, targets)}

    def validate(self, network: nn.Module) -> dict[str, float]:
        inputs, labels = next(iter(self.batches(999, 7)))
        with torch.inference_mode():
            return {"accuracy": float((network(inputs).argmax(dim=1) == labels).float().mean())}

    def finish(self, network: nn.Module) -> dict[str, Any]:
        return {"decision": {"temperature": 1.0, "abstain_below": 0.5}}


@pytest.fixture
def shades() -> type[TwoShades]:
    """The task's class; `stop_after=N` is Ctrl-C after N epochs."""
    return TwoShades
