"""The fused copy computes what the trained network computes."""

from __future__ import annotations

import pytest
import torch
from torch import nn

from mien.errors import MienError
from mien_export.quantization.fuse import fuse
from mien_train.networks.layers import ConvNormReLU


def _normalisations(network: nn.Module) -> int:
    return sum(isinstance(module, nn.BatchNorm2d) for module in network.modules())


def test_the_fused_copy_gives_the_same_outputs(emotion_net: nn.Module) -> None:
    x = torch.rand(4, 1, 48, 48, generator=torch.Generator().manual_seed(1)) * 4 - 2
    before = _normalisations(emotion_net)
    fused = fuse(emotion_net)
    with torch.inference_mode():
        expected, found = emotion_net(x), fused(x)
    assert expected.std() > 0.01
    torch.testing.assert_close(found, expected, rtol=1e-4, atol=1e-5)
    assert before > 0
    assert _normalisations(fused) == 0
    assert _normalisations(emotion_net) == before


def test_folding_by_hand() -> None:
    block = ConvNormReLU(1, 1, kernel=1)
    conv, norm = block[0], block[1]
    conv.weight.data.fill_(3.0)
    norm.running_mean.fill_(2.0)
    norm.running_var.fill_(4.0 - norm.eps)
    norm.weight.data.fill_(6.0)
    norm.bias.data.fill_(1.0)
    # 6 (3x − 2) / √4 + 1 = 9x − 5
    folded = fuse(block)[0]
    assert folded.weight.item() == pytest.approx(9.0)
    assert folded.bias.item() == pytest.approx(-5.0)


def test_a_lone_normalisation_is_refused_by_name() -> None:
    with pytest.raises(MienError, match=r"^1: batch normalisation without its convolution"):
        fuse(nn.Sequential(nn.Conv2d(1, 1, 1), nn.BatchNorm2d(1)))
