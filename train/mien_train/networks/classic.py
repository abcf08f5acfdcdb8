"""The networks of the classic FER2013 systems. All take float32 (N, 1, 48, 48) = (luma − 128) / 64.

A dense layer over a picture is written as a convolution whose kernel is the whole picture, and a dense layer behind it
as a 1×1 convolution: the same mathematics, and int8 with a scale per channel on every runtime (see `EmotionNet`).
Weights start as He et al. 2015 draw them.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping

import torch
import torch.nn.functional as F  # noqa: N812 - torch's own convention
from torch import Tensor, nn

from mien.errors import MienError
from mien_train.networks.layers import ConvNormReLU
from mien_train.recipes.architectures import Activation, Pool

SIDE = 48
"""Pixels of an input's side."""

_LEAST_SIDE = 3  # a map this small is pooled no further

_ACTIVATIONS: Mapping[str, Callable[[], nn.Module]] = {"relu": nn.ReLU, "elu": nn.ELU}
_POOLS: Mapping[str, Callable[[int], nn.Module]] = {"max": nn.MaxPool2d, "average": nn.AvgPool2d}


class PlainNet(nn.Module):
    """Convolutions that are each followed by a pooling, then dense layers (LeNet's way, LeCun et al. 1998).

    Args:
        classes: number of labels.
        widths: channels of the 3×3 convolutions. Each is followed by a 2×2 pooling as long as the map's side is even
            and more than 3: 48, 24, 12, 6, 3.
        hidden: units of the dense layers before the classifying one.
        pool: "max" or "average".
        activation: "relu" or "elu".
        norm: whether each convolution is followed by batch normalisation.
        dropout: probability with which an input of a layer is dropped in training, the first layer's excepted.

    Raises:
        MienError: an unknown pooling or activation, or no width at all.
    """

    def __init__(
        self,
        classes: int,
        widths: tuple[int, ...],
        hidden: tuple[int, ...] = (),
        pool: Pool = "max",
        activation: Activation = "relu",
        norm: bool = False,
        dropout: float = 0.0,
    ) -> None:
        super().__init__()
        _known("pool", pool, _POOLS)
        _known("activation", activation, _ACTIVATIONS)
        _some("widths", widths)
        layers: list[nn.Module] = []
        channels, side = 1, SIDE
        for width in widths:
            layers += _convolution(channels, width, activation, norm)
            if side % 2 == 0 and side > _LEAST_SIDE:
                layers.append(_POOLS[pool](2))
                side //= 2
            layers.append(nn.Dropout(dropout))
            channels = width
        for units in hidden:
            layers += [nn.Conv2d(channels, units, side), _ACTIVATIONS[activation](), nn.Dropout(dropout)]
            channels, side = units, 1
        self.body = nn.Sequential(*layers)
        self.head = nn.Conv2d(channels, classes, side)
        _start(self)

    def forward(self, x: Tensor) -> Tensor:
        """(N, 1, 48, 48) → logits (N, classes)."""
        logits: Tensor = self.head(self.body(x))
        return logits.flatten(1)


class BlockNet(nn.Module):
    """Blocks of two 3×3 convolutions (VGG's way, Simonyan and Zisserman 2015), global average, one dense layer.

    Args:
        classes: number of labels.
        widths: channels of the blocks; a 2×2 max pooling stands between two of them: 48, 24, 12, 6, 3.
        hidden: units of the dense layer.
        dropout: probability with which an output of a block is dropped in training.

    Raises:
        MienError: no block, or more than the side can be halved for.
    """

    def __init__(self, classes: int, widths: tuple[int, ...], hidden: int, dropout: float = 0.0) -> None:
        super().__init__()
        _some("widths", widths)
        if SIDE % 2 ** (len(widths) - 1):
            raise MienError(f"widths has {len(widths)} blocks; {SIDE} pixels can be halved four times, give at most 5")
        layers: list[nn.Module] = []
        channels = 1
        for index, width in enumerate(widths):
            layers += [ConvNormReLU(channels, width), ConvNormReLU(width, width)]
            if index < len(widths) - 1:
                layers.append(nn.MaxPool2d(2))
            layers.append(nn.Dropout(dropout))
            channels = width
        self.body = nn.Sequential(*layers)
        self.pool = SIDE >> (len(widths) - 1)
        self.dense = nn.Sequential(nn.Conv2d(channels, hidden, 1), nn.ReLU())
        self.head = nn.Conv2d(hidden, classes, 1)
        _start(self)

    def forward(self, x: Tensor) -> Tensor:
        """(N, 1, 48, 48) → logits (N, classes)."""
        pooled = F.avg_pool2d(self.body(x), self.pool)
        logits: Tensor = self.head(self.dense(pooled))
        return logits.flatten(1)


class XceptionModule(nn.Module):
    """Two separable 3×3 convolutions and a pooling, beside a shortcut of every second pixel; an even side halves.

    As in Xception (Chollet 2017), nothing stands between a depthwise convolution and its pointwise one.
    """

    def __init__(self, channels_in: int, channels: int) -> None:
        super().__init__()
        self.separable = nn.Sequential(
            _depthwise(channels_in),
            ConvNormReLU(channels_in, channels, kernel=1),
            _depthwise(channels),
            ConvNormReLU(channels, channels, kernel=1, relu=False),
        )
        # On an even side the last window hangs over below and to the right: TFLite's SAME.
        self.pool = nn.MaxPool2d(3, 2, ceil_mode=True)
        # The paper's 1×1 convolution of stride 2 in two steps, see `ConvNormReLU`.
        self.sample = nn.MaxPool2d(1, 2)
        self.shortcut = ConvNormReLU(channels_in, channels, kernel=1, relu=False)

    def forward(self, x: Tensor) -> Tensor:
        """(N, channels_in, H, W) → (N, channels, H / 2, W / 2)."""
        pooled: Tensor = self.pool(self.separable(x)) + self.shortcut(self.sample(x))
        return pooled


class MiniXception(nn.Module):
    """mini_XCEPTION (Arriaga et al. 2017, "Real-time Convolutional Neural Networks for Emotion and Gender …").

    The stem's convolutions are padded, which the paper's are not, so that every map has an even side: 48, 24, 12, 6, 3.

    Args:
        classes: number of labels.
        widths: channels of the modules, four at most.
        stem: channels of the two convolutions before them.
        dropout: probability with which an input of the classifying convolution is dropped in training.

    Raises:
        MienError: no module, or more than four.
    """

    def __init__(
        self, classes: int, widths: tuple[int, ...] = (16, 32, 64, 128), stem: int = 8, dropout: float = 0.0
    ) -> None:
        super().__init__()
        _some("widths", widths)
        if SIDE % 2 ** len(widths):
            raise MienError(f"widths has {len(widths)} modules; {SIDE} pixels can be halved four times, give at most 4")
        channels = (stem, *widths)
        self.stem = nn.Sequential(ConvNormReLU(1, stem), ConvNormReLU(stem, stem))
        self.body = nn.Sequential(*(XceptionModule(*pair) for pair in zip(channels, widths, strict=False)))
        self.dropout = nn.Dropout(dropout)
        self.head = nn.Conv2d(widths[-1], classes, 3, padding=1)
        self.pool = SIDE >> len(widths)
        _start(self)

    def forward(self, x: Tensor) -> Tensor:
        """(N, 1, 48, 48) → logits (N, classes)."""
        maps = self.head(self.dropout(self.body(self.stem(x))))
        return F.avg_pool2d(maps, self.pool).flatten(1)


class TwoStageNet(nn.Module):
    """One network decides between groups of classes, one network per group decides within it.

    It gives log probabilities, which have no int8 form: it is trained and evaluated, not exported.

    Args:
        groups: class numbers of each group; every class of 0, 1, … stands in one of them.
        widths, hidden, pool, activation, norm, dropout: of every `PlainNet` that it is made of.

    Attributes:
        gate: the network between groups.
        within: the networks within them, in order of the groups; a group of one class has a `Certain` one.

    Raises:
        MienError: fewer than two groups, or a class that is missing, repeated or out of range.
    """

    def __init__(
        self,
        groups: tuple[tuple[int, ...], ...],
        widths: tuple[int, ...],
        hidden: tuple[int, ...] = (),
        pool: Pool = "max",
        activation: Activation = "relu",
        norm: bool = False,
        dropout: float = 0.0,
    ) -> None:
        super().__init__()
        classes = [label for group in groups for label in group]
        if len(groups) < 2 or not all(groups) or sorted(classes) != list(range(len(classes))):
            raise MienError(f"groups are {groups}; give two or more, with every class number from 0 on in one of them")

        def part(count: int) -> nn.Module:
            return PlainNet(count, widths, hidden, pool, activation, norm, dropout)

        self.groups = groups
        self.gate = part(len(groups))
        self.within = nn.ModuleList(part(len(group)) if len(group) > 1 else Certain() for group in groups)
        # Where each class stands in the groups' order.
        self._places = [classes.index(label) for label in range(len(classes))]

    def forward(self, x: Tensor) -> Tensor:
        """(N, 1, 48, 48) → log probabilities (N, classes), in order of the class numbers."""
        between, within = self.stages(x)
        shares = between.log_softmax(dim=1)
        parts = [shares[:, [index]] + logits.log_softmax(dim=1) for index, logits in enumerate(within)]
        return torch.cat(parts, dim=1)[:, self._places]

    def stages(self, x: Tensor) -> tuple[Tensor, tuple[Tensor, ...]]:
        """(N, 1, 48, 48) → the gate's logits (N, groups), and within each group logits (N, classes of the group)."""
        return self.gate(x), tuple(network(x) for network in self.within)


class Certain(nn.Module):
    """Stands where there is one class and nothing to decide."""

    def forward(self, x: Tensor) -> Tensor:
        """(N, 1, 48, 48) → logits (N, 1), all 0."""
        return x.new_zeros(len(x), 1)


def _convolution(channels_in: int, channels: int, activation: Activation, norm: bool) -> list[nn.Module]:
    if norm and activation == "relu":
        return [ConvNormReLU(channels_in, channels)]
    convolution: nn.Module = nn.Conv2d(channels_in, channels, 3, padding=1)
    if norm:
        convolution = ConvNormReLU(channels_in, channels, relu=False)
    return [convolution, _ACTIVATIONS[activation]()]


def _depthwise(channels: int) -> nn.Conv2d:
    return nn.Conv2d(channels, channels, 3, padding=1, groups=channels, bias=False)


def _start(network: nn.Module) -> None:
    for module in network.modules():
        if isinstance(module, nn.Conv2d):
            nn.init.kaiming_normal_(module.weight, nonlinearity="relu")
            if module.bias is not None:
                nn.init.zeros_(module.bias)


def _known(field: str, value: str, table: Mapping[str, Callable[..., nn.Module]]) -> None:
    if value not in table:
        raise MienError(f"{field} is {value!r}; choose one of {', '.join(table)}")


def _some(field: str, values: tuple[int, ...]) -> None:
    if not values:
        raise MienError(f"{field} is empty; give the channels of one layer at least")
