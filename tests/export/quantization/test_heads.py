from __future__ import annotations

import torch
from torch import nn

from mien_export.quantization import heads


def test_the_first_head_says_what_it_said_beside_the_second(emotion_net: nn.Module) -> None:
    x = torch.rand(4, 1, 48, 48, generator=torch.Generator().manual_seed(0))
    one = heads.first(emotion_net, 2)
    assert torch.equal(one(x), emotion_net(x)[:, :2])
    assert emotion_net(x).shape == (4, 3)  # the network itself stays whole


def test_a_network_of_one_head_is_left_alone(emotion_net: nn.Module) -> None:
    assert heads.first(emotion_net, 3) is emotion_net
    assert heads.first(nn.Identity(), 3) is not None
