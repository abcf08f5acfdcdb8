"""The emotion task: FER+ vote distributions in, calibrated logits out."""

from __future__ import annotations

import math
from collections.abc import Iterator
from typing import Any

import numpy as np
import torch
import torch.nn.functional as F  # noqa: N812 - torch's own convention
from numpy.typing import NDArray
from torch import Tensor, nn

from mien_train import calibrate, fer, networks
from mien_train.augment import FaceAugmentation
from mien_train.classification import scores
from mien_train.recipes import EmotionRecipe

_WANTED_ACCURACY = 0.9
"""What the abstain threshold aims at, on validation images of the loose protocol (which keeps contested faces)."""


class EmotionTask:
    """Trains on every image in which annotators mostly saw an emotion; selects on the strict validation split."""

    name = "emotion"
    labels = fer.FERPLUS
    score = "accuracy"

    def __init__(self, recipe: EmotionRecipe, source: fer.Fer) -> None:
        self.recipe = recipe
        images, targets = fer.distributions(source, "train")
        self._images, self._targets = torch.from_numpy(images), torch.from_numpy(targets)
        self._strict, self._loose = fer.split(source, "val", "strict"), fer.split(source, "val", "loose")
        self.data_sha256 = source.sha256
        self.network = {
            "name": "emotion",
            "classes": len(self.labels),
            "widths": recipe.widths,
            "blocks": recipe.blocks,
            "dropout": recipe.dropout,
        }
        self._augment = FaceAugmentation()

    def steps(self) -> int:
        """Optimizer steps of one epoch."""
        return math.ceil(len(self._images) / self.recipe.batch)

    def batches(self, epoch: int, seed: int) -> Iterator[tuple[Tensor, Tensor]]:
        """Augmented inputs float32 (N, 1, 48, 48) and target shares float32 (N, 8)."""
        generator = torch.Generator().manual_seed(seed * 100_003 + epoch)
        order = torch.randperm(len(self._images), generator=generator)
        for rows in torch.split(order, self.recipe.batch):
            images = self._augment(self._images[rows][:, None].float(), generator)
            targets = self._targets[rows]
            if self.recipe.mixup:
                share = torch.rand(len(rows), 1, generator=generator) * self.recipe.mixup
                other = torch.randperm(len(rows), generator=generator)
                images = images.lerp(images[other], share[:, :, None, None])
                targets = targets.lerp(targets[other], share)
            yield to_input(images), targets

    def loss(self, outputs: Tensor, targets: Tensor) -> dict[str, Tensor]:
        """Cross-entropy against the annotators' shares."""
        return {"cross_entropy": F.cross_entropy(outputs.float(), targets)}

    def validate(self, network: nn.Module) -> dict[str, float]:
        """Loss, accuracy and macro-F1 on the strict validation split."""
        outputs, labels = logits(network, self._strict.images), torch.from_numpy(self._strict.labels)
        found = scores(outputs.argmax(dim=1).numpy(), self._strict.labels, len(self.labels))
        return {
            "loss": float(F.cross_entropy(outputs, labels)),
            "accuracy": found.accuracy,
            "macro_f1": found.macro_f1,
        }

    def finish(self, network: nn.Module) -> dict[str, Any]:
        """Temperature (strict validation split) and abstain threshold (loose validation split)."""
        degrees = calibrate.temperature(logits(network, self._strict.images), torch.from_numpy(self._strict.labels))
        probabilities = (logits(network, self._loose.images) / degrees).softmax(dim=1)
        below = calibrate.abstain_threshold(probabilities, torch.from_numpy(self._loose.labels), _WANTED_ACCURACY)
        return {"decision": {"temperature": degrees, "abstain_below": below}}


def to_input(images: Tensor) -> Tensor:
    """Luma 0..255 of any float type → what the networks take."""
    return (images - 128) * networks.INPUT_SCALE


def logits(network: nn.Module, images: NDArray[np.uint8], batch: int = 256) -> Tensor:
    """Logits float32 (n, K) of uint8 (n, 48, 48)."""
    with torch.inference_mode():
        parts = [network(to_input(part[:, None].float())) for part in torch.split(torch.from_numpy(images), batch)]
    return torch.cat(parts)
