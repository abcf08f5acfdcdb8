"""A network of several heads as it is deployed: each head an output, or one of them alone."""

from __future__ import annotations

import copy
from collections.abc import Mapping, Sequence

import torch
from torch import Tensor, nn

from mien.errors import MienError
from mien_train.networks.emotion import EmotionNet


class Parted(nn.Module):
    """A residual network whose classifying convolution is parted into its heads.

    Args:
        network: in evaluation mode; it stays as it is.
        counts: labels of each head, in order.
    """

    def __init__(self, network: EmotionNet, counts: Sequence[int]) -> None:
        super().__init__()
        starts = [sum(counts[:index]) for index in range(len(counts))]
        self.heads = nn.ModuleList(
            _part(network.head, start, count) for start, count in zip(starts, counts, strict=True)
        )
        self.trunk = copy.deepcopy(network)
        self.trunk.head = nn.Identity()  # type: ignore[assignment] # its weights are in the parts
        self.eval()

    def forward(self, x: Tensor) -> tuple[Tensor, ...]:
        """(N, 1, 48, 48) → logits (N, classes) of each head."""
        features = self.trunk.features(x)
        return tuple(head(features).flatten(1) for head in self.heads)


def parted(network: nn.Module, counts: Sequence[int]) -> nn.Module:
    """The network with an output for each head.

    Raises:
        MienError: it is none of those whose heads can be parted.
    """
    if not isinstance(network, EmotionNet):
        raise MienError(f"{type(network).__name__}: cannot be exported with two heads; train a residual network")
    return Parted(network, counts)


def only(network: nn.Module, start: int, count: int) -> nn.Module:
    """A copy of the network with `count` of its outputs alone, from `start` on.

    Raises:
        MienError: it has no classifying convolution.
    """
    if not isinstance(head := getattr(network, "head", None), nn.Conv2d):
        raise MienError(f"{type(network).__name__}: has no classifying convolution that could be cut")
    cut = copy.deepcopy(network)
    cut.head = _part(head, start, count)
    return cut.eval()


def weights(state: Mapping[str, Tensor], start: int, count: int) -> dict[str, Tensor]:
    """The same of a network's stored weights."""
    return {
        name: value[start : start + count].clone() if name in ("head.weight", "head.bias") else value
        for name, value in state.items()
    }


def _part(head: nn.Conv2d, start: int, count: int) -> nn.Conv2d:
    part = copy.deepcopy(head)
    part.out_channels = count
    with torch.no_grad():
        part.weight = nn.Parameter(head.weight[start : start + count].clone(), requires_grad=False)
        if head.bias is not None:
            part.bias = nn.Parameter(head.bias[start : start + count].clone(), requires_grad=False)
    return part
