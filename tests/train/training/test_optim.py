from __future__ import annotations

import copy

import pytest
import torch
from torch import nn

from mien_train.recipes import named
from mien_train.recipes.choosing import changed
from mien_train.training.optim import MovingAverage, loaded, optimizer_of


def small() -> nn.Module:
    torch.manual_seed(0)
    return nn.Sequential(nn.Conv2d(1, 2, 3), nn.BatchNorm2d(2))


def test_the_average_follows_weights_and_statistics_by_its_share_and_copies_counts() -> None:
    network = small()
    average = copy.deepcopy(network)
    follower = MovingAverage(average, network, decay=0.9)
    before = average.state_dict()["0.weight"].clone()
    with torch.no_grad():
        network.state_dict()["0.weight"].add_(1)
    network(torch.randn(4, 1, 8, 8))
    follower.follow(1000)  # old enough for the whole decay
    state = average.state_dict()
    assert torch.allclose(state["0.weight"], before + 0.1)
    assert torch.allclose(state["1.running_mean"], 0.1 * network.state_dict()["1.running_mean"])
    assert state["1.num_batches_tracked"] == 1


@pytest.mark.parametrize(("step", "share"), [(1, 1 - 2 / 11), (80, 1 - 81 / 90), (10_000, 0.001)])
def test_a_young_average_follows_fast(step: int, share: float) -> None:
    network, average = nn.Linear(1, 1, bias=False), nn.Linear(1, 1, bias=False)
    nn.init.ones_(network.weight)
    nn.init.zeros_(average.weight)
    MovingAverage(average, network, decay=0.999).follow(step)
    assert average.weight.item() == pytest.approx(share)


def test_an_optimizer_takes_up_what_an_accelerator_has_stored() -> None:
    recipe = changed(named.EMOTION["quick"], {"learning_rate": 0.01})
    network = small()
    stored = optimizer_of(network, recipe).state_dict()
    for group in stored["param_groups"]:
        group["lr"], group["capturable"] = torch.tensor(0.004), True
    optimizer = optimizer_of(network, recipe)
    loaded(optimizer, stored)
    assert [group["lr"] for group in optimizer.param_groups] == pytest.approx([0.004, 0.004])
    assert type(optimizer.param_groups[0]["lr"]) is float
    assert not optimizer.param_groups[0]["capturable"]
    network(torch.randn(4, 1, 8, 8)).sum().backward()
    optimizer.step()
