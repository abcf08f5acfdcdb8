from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np
import torch
import torch.nn.functional as F  # noqa: N812 - torch's own convention
from torch import Tensor, nn

from mien_export.quantization.qat import tuned
from mien_export.quantization.quantize import quantize_network
from mien_train.networks import registry
from mien_train.recipes.base import Recipe
from mien_train.recipes.emotion import EmotionRecipe


class TwoShades:
    """Tell dark images from bright ones."""

    name = "emotion"
    labels = ("dark", "bright")
    score = "accuracy"
    device = torch.device("cpu")
    data_sha256 = "shades"
    recipe: Recipe = EmotionRecipe(name="tiny", epochs=1, batch=16, learning_rate=1e-2, weight_decay=0.0)
    network: dict[str, Any] = {"name": "emotion", "classes": 2, "widths": (4, 8), "blocks": (1, 1)}  # noqa: RUF012

    def steps(self) -> int:
        return 40

    def batches(self, epoch: int, seed: int) -> Iterator[tuple[Tensor, Tensor]]:
        generator = torch.Generator().manual_seed(seed + epoch)
        for _ in range(self.steps()):
            labels = torch.randint(2, (16,), generator=generator)
            noise = torch.randn(16, 1, 48, 48, generator=generator) * 0.3
            yield noise + (labels * 2 - 1)[:, None, None, None], labels

    def loss(self, outputs: Tensor, targets: Tensor) -> dict[str, Tensor]:
        return {"cross_entropy": F.cross_entropy(outputs, targets)}

    def validate(self, network: nn.Module) -> dict[str, float]:
        return {}

    def finish(self, network: nn.Module) -> dict[str, Any]:
        return {}


def _loss(network: nn.Module) -> float:
    inputs, labels = next(TwoShades().batches(77, 1))
    with torch.inference_mode():
        return float(F.cross_entropy(network(inputs), labels))


def test_fine_tuning_learns_keeps_the_original_and_leaves_weights_on_an_int8_grid() -> None:
    torch.manual_seed(0)
    network = registry.build(TwoShades.network).eval()
    before = {k: v.clone() for k, v in network.state_dict().items()}
    better = tuned(network, TwoShades(), epochs=2, seed=0)
    assert _loss(better) < _loss(network)
    assert all(torch.equal(v, before[k]) for k, v in network.state_dict().items())
    convolutions = [m for m in better.modules() if isinstance(m, nn.Conv2d)]
    assert len(convolutions) > 4
    for convolution in convolutions:
        weight = convolution.weight.flatten(1)
        steps = weight / (weight.abs().amax(dim=1, keepdim=True) / 127)
        assert torch.allclose(steps, steps.round(), atol=1e-3)


def test_a_fine_tuned_network_exports_like_any_other() -> None:
    network = tuned(registry.build(TwoShades.network).eval(), TwoShades(), epochs=1, seed=0)
    images = np.random.default_rng(0).integers(0, 256, (4, 48, 48), np.uint8)
    model = quantize_network(network, images, ("logits",), 48, 48)
    assert {n.op_type for n in model.graph.node} >= {"Conv", "QuantizeLinear", "DequantizeLinear"}
    assert "BatchNormalization" not in {n.op_type for n in model.graph.node}
