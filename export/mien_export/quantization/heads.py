"""A network of several heads, cut down to the one that a model deploys."""

from __future__ import annotations

import copy

from torch import nn


def first(network: nn.Module, count: int) -> nn.Module:
    """The network with the first `count` outputs of its classifying convolution alone.

    Args:
        network: in evaluation mode; its `head`, if that is a convolution, gives (N, outputs, 1, 1).
        count: labels of the deployed head.

    Returns:
        A copy; the network itself if it has no more outputs.
    """
    head = getattr(network, "head", None)
    if not isinstance(head, nn.Conv2d) or head.out_channels <= count:
        return network
    one = nn.Conv2d(head.in_channels, count, 1)
    one.load_state_dict({name: value[:count] for name, value in head.state_dict().items()})
    cut = copy.deepcopy(network)
    cut.head = one.requires_grad_(False)
    return cut.eval()
