"""The deployed network out of the trained one: batch normalisation folded into the convolutions."""

from __future__ import annotations

import copy

import torch
from torch import nn

from mien.errors import MienError
from mien_train.networks.classic import TwoStageNet
from mien_train.networks.layers import ConvNormReLU


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
    conv, norm = block[0], block[1]
    assert isinstance(conv, nn.Conv2d)
    assert isinstance(norm, nn.BatchNorm2d)
    assert norm.running_mean is not None
    assert norm.running_var is not None
    # norm(w·x) = γ (w·x − μ) / √(σ² + ε) + β; in double precision, because it is done once.
    gain = norm.weight.double() / torch.sqrt(norm.running_var.double() + norm.eps)
    bias = norm.bias.double() - norm.running_mean.double() * gain
    weight = conv.weight.double() * gain[:, None, None, None]
    conv.weight = nn.Parameter(weight.float(), requires_grad=False)
    conv.bias = nn.Parameter(bias.float(), requires_grad=False)
    del block[1]
