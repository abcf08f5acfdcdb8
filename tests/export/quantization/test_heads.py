from __future__ import annotations

import pytest
import torch
from torch import nn

from mien.errors import MienError
from mien_export.quantization import heads
from mien_train.networks import registry


@pytest.fixture
def pictures() -> torch.Tensor:
    return torch.rand(4, 1, 48, 48, generator=torch.Generator().manual_seed(0))


def test_parted_heads_say_what_they_said_side_by_side(emotion_net: nn.Module, pictures: torch.Tensor) -> None:
    first, second = heads.parted(emotion_net, [2, 1])(pictures)
    both = emotion_net(pictures)
    assert both.shape == (4, 3)  # the network itself stays whole
    assert torch.equal(torch.cat([first, second], dim=1), both)


@pytest.mark.parametrize(("start", "count"), [(0, 2), (2, 1), (0, 3)])
def test_a_head_alone_says_what_it_said_beside_the_other(
    start: int, count: int, emotion_net: nn.Module, pictures: torch.Tensor
) -> None:
    one = heads.only(emotion_net, start, count)
    assert torch.equal(one(pictures), emotion_net(pictures)[:, start : start + count])
    stored = registry.build({"name": "emotion", "classes": count, "widths": (4, 6, 8), "blocks": (1, 1, 1)}).eval()
    stored.load_state_dict(heads.weights(emotion_net.state_dict(), start, count))
    assert torch.equal(stored(pictures), one(pictures))


def test_a_head_of_a_wider_kernel_is_cut_too(pictures: torch.Tensor) -> None:
    network = registry.build({"name": "plain", "classes": 5, "widths": (4, 4)}).eval()
    assert torch.allclose(heads.only(network, 3, 2)(pictures), network(pictures)[:, 3:], atol=1e-5)


def test_networks_whose_heads_cannot_be_parted_are_named() -> None:
    with pytest.raises(MienError, match="Identity: cannot be exported with two heads; train a residual network"):
        heads.parted(nn.Identity(), [8, 7])
    with pytest.raises(MienError, match="Identity: has no classifying convolution that could be cut"):
        heads.only(nn.Identity(), 0, 8)
