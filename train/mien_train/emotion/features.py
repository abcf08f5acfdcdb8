"""What a trained network sees in a picture before it decides: the inputs of its classifying layer."""

from __future__ import annotations

from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from mien.errors import MienError
from mien_train.emotion.task import logits

_HEAD = "head"
"""Name of every emotion network's classifying convolution."""


def features(network: nn.Module, images: NDArray[np.uint8], batch: int = 256) -> Tensor:
    """Penultimate features.

    Args:
        network: of the emotion task, in evaluation mode.
        images: uint8 (n, 48, 48), luma.
        batch: images at a time.

    Returns:
        float32 (n, F): inputs of the last layer, averaged over the pixels where they have any; those of the gate and of
        each group side by side for a network of two stages.

    Raises:
        MienError: no classifying layer, such as in a detector.
    """
    heads = [module for name, module in network.named_modules() if name.rpartition(".")[2] == _HEAD]
    if not heads:
        raise MienError(f"{type(network).__name__} has no classifying layer; give a network of the emotion task")
    seen: list[list[Tensor]] = [[] for _ in heads]

    def keep(store: list[Tensor]) -> Any:
        return lambda module, inputs: store.append(inputs[0].mean(dim=(2, 3)))

    hooks = [head.register_forward_pre_hook(keep(store)) for head, store in zip(heads, seen, strict=True)]
    try:
        logits(network, images, batch)
    finally:
        for hook in hooks:
            hook.remove()
    return torch.cat([torch.cat(parts) for parts in seen], dim=1)
