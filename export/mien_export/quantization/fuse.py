"""The deployed network out of the trained one: batch normalisation folded into the convolutions."""

from __future__ import annotations

import copy

from torch import nn

from mien.errors import MienError
from mien_train.networks.classic import TwoStageNet
from mien_train.networks.layers import ConvNormReLU, folded


def fuse(network: nn.Module) -> nn.Module:
    """A fused copy, in evaluation mode, that computes the same function; `network` itself stays as it is.

    Args:
        network: any module; every `ConvNormReLU` in it loses its normalisation.

    Raises:
        MienError: a batch normalisation stands outside of a `ConvNormReLU`, so it cannot be folded; or the network has
            no int8 form.
    """
    if isinstance(network, TwoStageNet):
        raise MienError(
            "a two-stage network cannot be exported: log probabilities have no int8 form; train another one"
        )
    fused = copy.deepcopy(network).eval()
    for module in fused.modules():
        if isinstance(module, ConvNormReLU) and any(isinstance(part, nn.BatchNorm2d) for part in module):
            _fold(module)
    for name, module in fused.named_modules():
        if isinstance(module, nn.BatchNorm2d):
            raise MienError(f"{name}: batch normalisation without its convolution; build the network of ConvNormReLU")
    return fused


def _fold(block: ConvNormReLU) -> None:
    weight, bias = folded(block)
    convolution = block[0]
    assert isinstance(convolution, nn.Conv2d)
    convolution.weight = nn.Parameter(weight, requires_grad=False)
    convolution.bias = nn.Parameter(bias, requires_grad=False)
    del block[1]
