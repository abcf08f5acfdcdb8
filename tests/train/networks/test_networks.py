"""The classic systems' networks: shapes and counts worked out by hand, and what they see before they decide."""

from __future__ import annotations

import json
from typing import Any

import numpy as np
import pytest
import torch
import torch.nn.functional as F  # noqa: N812 - torch's own convention
from torch import Tensor, nn

from mien.errors import MienError
from mien_train.emotion.features import features
from mien_train.emotion.task import logits
from mien_train.networks import registry
from mien_train.networks.classic import Certain, PlainNet, TwoStageNet
from mien_train.networks.layers import Blur, ConvNormReLU

EMOTION = {"name": "residual", "classes": 3, "widths": (4, 6), "blocks": (1, 1)}
PARTED = {**EMOTION, "separable": 1}
SAMPLED = {**EMOTION, "name": "emotion"}
FACE = {"name": "face", "stem": (4, 4), "width": 8, "blocks": (1, 0, 0)}
PLAIN = {"name": "plain", "classes": 7, "widths": (4, 6)}
DENSE = {**PLAIN, "hidden": (10, 5), "pool": "average", "activation": "elu", "norm": True, "dropout": 0.5}
BLOCKS = {"name": "blocks", "classes": 8, "widths": (4, 4, 6, 6, 8), "hidden": 12, "dropout": 0.2}
XCEPTION = {"name": "xception", "classes": 7}
TWO_STAGE = {"name": "two-stage", "groups": ((0, 2, 4), (1, 3), (5,)), "widths": (4,), "hidden": (6,)}
CLASSIFIERS = {"emotion": EMOTION, "plain": PLAIN, "dense": DENSE, "blocks": BLOCKS, "xception": XCEPTION}


def built(network: dict[str, Any]) -> Any:
    torch.manual_seed(0)
    return registry.build(network).eval()


def pictures(count: int) -> np.ndarray:
    return np.random.default_rng(1).integers(0, 256, (count, 48, 48), np.uint8)


@pytest.mark.parametrize("network", [*CLASSIFIERS.values(), TWO_STAGE], ids=[*CLASSIFIERS, "two-stage"])
def test_a_logit_for_every_class_that_tells_pictures_apart(network: dict[str, Any]) -> None:
    found = logits(built(network), pictures(3))
    assert found.shape == (3, network.get("classes", 6))
    assert (found[0] - found[1]).abs().max() > 1e-3


@pytest.mark.parametrize(
    ("network", "parameters", "macs"),
    [
        # 3×3×1×4 + 4, 3×3×4×6 + 6, and 12×12×6×7 + 7 of the classifier
        (PLAIN, 40 + 222 + 6055, 48 * 48 * 36 + 24 * 24 * 216 + 6048),
        # normalisation in place of the biases; dense 12×12×6×10 + 10, 10×5 + 5, 5×7 + 7
        (DENSE, 44 + 228 + 8650 + 55 + 42, 48 * 48 * 36 + 24 * 24 * 216 + 8640 + 50 + 35),
        # stem 9×4, two dense 9×4×4, then 9×4 and 4×6, 9×6 and 6×6 beside 4×6; with two numbers a channel; 6×3 + 3
        (PARTED, 44 + 304 + (44 + 36 + 66 + 48 + 36) + 21, 48 * 48 * 324 + 24 * 24 * 174 + 18),
    ],
)
def test_parameters_and_products_by_hand(network: dict[str, Any], parameters: int, macs: int) -> None:
    assert registry.count(built(network), 48, 48) == (parameters, macs)


def test_mini_xception_has_the_size_that_its_authors_give() -> None:
    parameters, _ = registry.count(built(XCEPTION), 48, 48)
    assert 55_000 <= parameters <= 62_000
    # "Approximately 60,000": 58,423 with the running statistics, of which Keras keeps two for each normalised channel.
    statistics = sum(2 * m.num_features for m in built(XCEPTION).modules() if isinstance(m, nn.BatchNorm2d))
    assert parameters + statistics == 58_423


def test_maps_halve_down_to_three_pixels_and_no_further() -> None:
    network = built({**PLAIN, "widths": (2, 2, 2, 2, 2, 3)})
    assert sum(isinstance(m, nn.MaxPool2d) for m in network.body) == 4
    assert network.head.weight.shape == (7, 3, 3, 3)
    assert built(BLOCKS).body(torch.zeros(1, 1, 48, 48)).shape == (1, 8, 3, 3)


def test_dropout_stands_between_all_layers_and_behind_none() -> None:
    network = built(DENSE)
    assert [m.p for m in network.modules() if isinstance(m, nn.Dropout)] == [0.5] * 4
    assert isinstance(network.body[-1], nn.Dropout)
    x = torch.ones(1, 1, 48, 48)
    assert torch.equal(network(x), network(x))
    assert not torch.equal(network.train()(x), network(x))


def test_normalisation_and_activation_are_as_asked() -> None:
    def kinds(**changed: Any) -> list[type[nn.Module]]:
        return [type(m) for m in built({**PLAIN, **changed}).body[:2]]

    assert kinds() == [nn.Conv2d, nn.ReLU]
    assert kinds(activation="elu") == [nn.Conv2d, nn.ELU]
    assert kinds(norm=True)[0] is ConvNormReLU
    assert kinds(norm=True, activation="elu") == [ConvNormReLU, nn.ELU]
    assert len(built({**PLAIN, "norm": True, "activation": "elu"}).body[0]) == 2  # its ReLU left out
    average = built({**PLAIN, "pool": "average"})
    assert any(isinstance(m, nn.AvgPool2d) for m in average.body)


def test_weights_start_as_he_et_al_draw_them() -> None:
    torch.manual_seed(0)
    network = PlainNet(7, (64, 64), hidden=(128,))
    dense = network.body[8]
    assert isinstance(dense, nn.Conv2d)
    assert dense.weight.shape == (128, 64, 12, 12)
    assert float(dense.weight.detach().std()) == pytest.approx((2 / (64 * 144)) ** 0.5, rel=0.01)
    assert dense.bias is not None
    assert not dense.bias.any()


def test_mini_xception_pools_as_same_padding_below_and_to_the_right() -> None:
    module = built(XCEPTION).body[0]
    x = torch.arange(16.0).reshape(1, 1, 4, 4)
    # Windows of three from (0, 0) and every two: the last of them hang over.
    assert module.pool(x).tolist() == [[[[10.0, 11.0], [14.0, 15.0]]]]


def test_two_stages_multiply_their_probabilities_in_class_order() -> None:
    network = built(TWO_STAGE)
    assert isinstance(network, TwoStageNet)
    x = torch.randn(4, 1, 48, 48)
    with torch.inference_mode():
        found = network(x).exp()
        gate, within = network.stages(x)
    torch.testing.assert_close(found.sum(dim=1), torch.ones(4))
    torch.testing.assert_close(found[:, [0, 2, 4]].sum(dim=1), gate.softmax(dim=1)[:, 0])
    torch.testing.assert_close(found[:, 3], gate.softmax(dim=1)[:, 1] * within[1].softmax(dim=1)[:, 1])
    torch.testing.assert_close(found[:, 5], gate.softmax(dim=1)[:, 2])
    assert [w.shape for w in within] == [(4, 3), (4, 2), (4, 1)]
    assert isinstance(network.within[2], Certain)


def test_no_network_holds_a_strided_convolution_of_single_pixels() -> None:
    every = {"residual": EMOTION, "emotion": SAMPLED, "plain": DENSE, "blocks": BLOCKS, "xception": XCEPTION}
    every |= {"two-stage": TWO_STAGE, "face": FACE}
    assert set(every) == set(registry.NETWORKS)
    for name, network in every.items():
        convolutions = [m for m in built(network).modules() if isinstance(m, nn.Conv2d)]
        assert convolutions, name
        assert not [m for m in convolutions if m.kernel_size == (1, 1) and m.stride != (1, 1)], name
    with pytest.raises(ValueError, match="shrink the map first"):
        ConvNormReLU(4, 8, kernel=1, stride=2)


def test_a_shortcut_averages_two_by_two_pixels() -> None:
    block = built(EMOTION).stages[1]
    x = torch.arange(16.0).reshape(1, 1, 4, 4)
    assert block.shrink(x).tolist() == [[[[2.5, 4.5], [10.5, 12.5]]]]
    assert isinstance(built(EMOTION).stages[0].shrink, nn.Identity)


def test_separable_convolutions_are_those_of_the_last_stages_with_nothing_between_their_halves() -> None:
    dense, parted = built({**EMOTION, "blocks": (1, 2)}).stages, built({**PARTED, "blocks": (1, 2)}).stages
    assert [len(list(block.first.children())) for block in dense] == [3, 3, 3]  # convolution, normalisation, ReLU
    for block in parted[1:]:
        for half, relu in ((block.first, True), (block.second, False)):
            depthwise, pointwise = half
            assert [type(m) for m in depthwise] == [nn.Conv2d, nn.BatchNorm2d]
            assert depthwise[0].groups == depthwise[0].in_channels
            assert pointwise[0].kernel_size == (1, 1)
            assert isinstance(pointwise[-1], nn.ReLU) == relu
    assert [type(m) for m in parted[0].first] == [type(m) for m in dense[0].first]
    assert set(built(EMOTION).state_dict()) == set(built({**EMOTION, "separable": 0}).state_dict())


def test_a_network_of_an_earlier_version_computes_what_it_was_trained_to() -> None:
    network = built(SAMPLED)
    block, x = network.stages[1], torch.randn(2, 4, 48, 48)
    with torch.inference_mode():
        strided = F.conv2d(x, block.shortcut[0].weight, stride=2)
        torch.testing.assert_close(block.shortcut[0](block.shrink(x)), strided)
    assert set(network.state_dict()) == set(built(EMOTION).state_dict())
    assert "stages.1.shortcut.0.weight" in network.state_dict()


def test_a_network_is_built_from_json_as_from_python() -> None:
    network = json.loads(json.dumps(TWO_STAGE))
    assert network["groups"] == [[0, 2, 4], [1, 3], [5]]
    assert built(network).groups == TWO_STAGE["groups"]
    x = torch.randn(1, 1, 48, 48)
    assert torch.equal(built(network)(x), built(TWO_STAGE)(x))


@pytest.mark.parametrize(
    ("network", "message"),
    [
        ({**PLAIN, "pool": "median"}, "pool is 'median'; choose one of max, average"),
        ({**PLAIN, "activation": "gelu"}, "activation is 'gelu'; choose one of relu, elu"),
        ({**PLAIN, "widths": ()}, "widths is empty"),
        ({**BLOCKS, "widths": (2,) * 6}, "widths has 6 blocks; .* at most 5"),
        ({**XCEPTION, "widths": (2,) * 5}, "widths has 5 modules; .* at most 4"),
        ({**TWO_STAGE, "groups": ((0, 1, 2),)}, "two or more"),
        ({**TWO_STAGE, "groups": ((0, 1), (1, 2))}, r"groups are \(\(0, 1\), \(1, 2\)\)"),
        ({**TWO_STAGE, "groups": ((0, 1), (3,))}, "every class number from 0 on"),
        ({**TWO_STAGE, "groups": ((0, 1), ())}, "groups are"),
        ({**EMOTION, "separable": 3}, "separable is 3, but there are 2 stages"),
        ({"name": "resnet"}, "unknown network 'resnet'; known are residual, emotion, plain, blocks, xception, two-"),
        ({**EMOTION, "depth": 3}, "network 'residual': got an unexpected keyword argument 'depth'; it was made by ano"),
        ({"name": "plain", "classes": 7}, "network 'plain': missing a required argument: 'widths'"),
    ],
)
def test_a_network_that_cannot_be_is_refused(network: dict[str, Any], message: str) -> None:
    with pytest.raises(MienError, match=message):
        registry.build(network)


@pytest.mark.parametrize(
    ("name", "count"), [("emotion", 6), ("plain", 6), ("dense", 5), ("blocks", 12), ("xception", 128)]
)
def test_features_are_what_the_last_layer_takes(name: str, count: int) -> None:
    network = built(CLASSIFIERS[name])
    found = features(network, pictures(5), batch=2)
    assert found.shape == (5, count)
    assert found.dtype == torch.float32
    assert found.std(dim=0).max() > 0
    assert not network.head._forward_pre_hooks


def test_a_head_of_one_pixel_gives_the_logits_of_its_features() -> None:
    network = built(BLOCKS)
    weight: Tensor = network.head.weight.flatten(1)
    found = features(network, pictures(3)) @ weight.T + network.head.bias
    torch.testing.assert_close(found, logits(network, pictures(3)))


def test_features_of_two_stages_stand_side_by_side() -> None:
    assert features(built(TWO_STAGE), pictures(2)).shape == (2, 6 * 3)  # gate and two groups with something to decide


def test_a_detector_has_no_features() -> None:
    detector = built(FACE)
    with pytest.raises(MienError, match="FaceNet has no classifying layer"):
        features(detector, pictures(1))


@pytest.mark.parametrize("down", ["average", "max"])
def test_a_pool_before_a_block_costs_what_a_strided_convolution_costs(down: str) -> None:
    arguments = {"name": "residual", "classes": 3, "widths": (4, 6, 8), "blocks": (0, 1, 1)}
    pooled, strided = (registry.build({**arguments, "down": kind}) for kind in (down, "strided"))
    assert registry.count(pooled.eval(), 48, 48) == registry.count(strided.eval(), 48, 48)
    kernel = nn.AvgPool2d if down == "average" else nn.MaxPool2d
    assert sum(isinstance(module, kernel) for module in pooled.modules()) == 2
    assert pooled(torch.zeros(2, 1, 48, 48)).shape == (2, 3)


def test_only_the_first_stage_may_be_empty() -> None:
    with pytest.raises(MienError, match="every stage but the first a block"):
        registry.build({"name": "residual", "classes": 3, "widths": (4, 6), "blocks": (1, 0)})


def test_a_detector_of_an_earlier_version_finds_its_weights_again() -> None:
    keys = set(built(FACE).state_dict())
    assert {"merge.0.0.0.weight", "merge.1.1.0.weight", "levels.2.0.0.0.weight", "tower.0.0.0.weight"} <= keys
    assert not any(key.startswith("lateral") for key in keys)


def test_a_detector_may_be_wider_below_and_look_at_patches_first() -> None:
    network = built({**FACE, "deep": (12, 16), "patches": True, "merge": False})
    assert network.state_dict()["stem.0.0.weight"].shape == (4, 1, 2, 2)
    assert network.state_dict()["lateral.2.0.weight"].shape == (8, 16, 1, 1)
    assert not any(key.startswith("merge.0") for key in network.state_dict())
    shapes = [tuple(output.shape) for output in network(torch.zeros(1, 1, 64, 96))]
    assert shapes == [(1, c, 64 // s, 96 // s) for c in (1, 4, 10) for s in (8, 16, 32)]
    # Below stride 2 everything is the same work; there 2×2 weights a pixel take the place of 3×3.
    macs = [registry.count(built({**FACE, "patches": patches}), 64, 96)[1] for patches in (False, True)]
    assert macs[0] - macs[1] == 32 * 48 * 4 * (9 - 4)


def test_a_detector_may_be_narrower_where_its_maps_are_largest() -> None:
    narrow, even = built({**FACE, "finest": 4}), built(FACE)
    shapes = {key: tuple(value.shape[:2]) for key, value in narrow.state_dict().items() if key.endswith("weight")}
    assert shapes["merge.0.1.0.weight"] == (4, 8)
    assert shapes["tower.0.1.0.weight"] == (4, 4)
    assert shapes["landmarks.0.weight"] == (10, 4)
    assert shapes["merge.1.1.0.weight"] == shapes["tower.1.1.0.weight"] == (8, 8)
    picture = torch.zeros(1, 1, 64, 96)
    assert [output.shape for output in narrow(picture)] == [output.shape for output in even(picture)]
    # Without a block where the levels meet nothing could make them fewer.
    plain = {**FACE, "merge": False}
    assert registry.count(built({**plain, "finest": 4}), 64, 96) == registry.count(built(plain), 64, 96)


def test_a_blur_halves_by_overlapping_windows_and_learns_nothing() -> None:
    blur = Blur(2)
    spot = torch.zeros(1, 2, 8, 8)
    spot[0, 0, 4, 4], spot[0, 1, 3, 3] = 16.0, 16.0
    halved = blur(spot)
    assert halved.shape == (1, 2, 4, 4)
    # An even pixel is the corner of four windows, an odd one the middle of one.
    assert halved[0, 0, 1:3, 1:3].tolist() == [[1.0, 1.0], [1.0, 1.0]]
    assert halved[0, 1].nonzero().tolist() == [[1, 1]]
    assert halved[0, 1, 1, 1] == 4.0
    assert not any(parameter.requires_grad for parameter in blur.parameters())
    picture = torch.rand(1, 2, 32, 32, generator=torch.Generator().manual_seed(0))

    def moved(halved: nn.Module) -> float:
        return float((halved(picture.roll(1, dims=3)) - halved(picture))[..., 1:-1, 1:-1].square().mean())

    assert moved(blur) < 0.7 * moved(nn.AvgPool2d(2))
