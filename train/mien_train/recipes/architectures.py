"""The architectures of emotion classifiers: one recipe each, with the fields that its network has.

What they mean in full, `mien_train.networks` says.
"""

from __future__ import annotations

import types
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Annotated, Literal

from mien.errors import MienError
from mien_train.recipes.emotion import EmotionRecipe
from mien_train.recipes.values import Count, Counts, Share, Span

Pool = Literal["max", "average"]
Activation = Literal["relu", "elu"]
Shortcut = Literal["averaged", "sampled"]
Down = Literal["strided", "average", "max", "blurred"]


@dataclass(frozen=True)
class _Widths(EmotionRecipe):
    widths: Counts = (16, 32, 64, 128)

    def __post_init__(self) -> None:
        super().__post_init__()
        if not self.widths:
            raise MienError("widths is empty; give the channels of one stage at least")


@dataclass(frozen=True)
class ResidualRecipe(_Widths):
    """mien's own network.

    Attributes:
        architecture: its name.
        widths: channels of the stages; the side halves between two of them.
        blocks: residual blocks of each stage; the first may have none, so that the stem alone sees the full size.
        dropout: probability with which a pooled feature is dropped in training.
        down: how a map is halved between two stages: by a "strided" convolution, or before the block, which costs as
            much, by an "average" or the "max" of 2×2 pixels or by overlapping windows ("blurred").
        shortcut: how the shortcut beside a strided convolution halves its map: "averaged", or "sampled", as before it
            could be chosen.
        separable: how many of the last stages have separable convolutions, of few weights for many channels.
    """

    architecture: Literal["residual"] = "residual"
    blocks: tuple[Annotated[int, Span(0)], ...] = (1, 1, 1, 1)
    dropout: Share = 0.2
    down: Down = "strided"
    shortcut: Shortcut = "averaged"
    separable: Annotated[int, Span(0)] = 0


@dataclass(frozen=True)
class _Layers(_Widths):
    """Convolutions that are each followed by a pooling, then dense layers.

    Attributes:
        widths: channels of the convolutions.
        hidden: units of the dense layers before the classifier.
        pool: "max" or "average".
        activation: "relu" or "elu".
        norm: batch normalisation after each convolution.
        dropout: probability with which an input of a layer is dropped in training.
    """

    hidden: Counts = ()
    pool: Pool = "max"
    activation: Activation = "relu"
    norm: bool = False
    dropout: Share = 0.0


@dataclass(frozen=True)
class PlainRecipe(_Layers):
    """One network of such layers; fields as of `_Layers`.

    Attributes:
        architecture: its name.
    """

    architecture: Literal["plain"] = "plain"


@dataclass(frozen=True)
class TwoStageRecipe(_Layers):
    """One network between negative and other emotions, and one within each; fields as of `_Layers`, for all three.

    Attributes:
        architecture: its name.
    """

    architecture: Literal["two-stage"] = "two-stage"


@dataclass(frozen=True)
class BlocksRecipe(_Widths):
    """Blocks of two convolutions, a global average, one dense layer.

    Attributes:
        architecture: its name.
        widths: channels of the blocks; the side halves between two of them.
        hidden: units of the dense layer.
        dropout: probability with which an output of a block is dropped in training.
    """

    architecture: Literal["blocks"] = "blocks"
    hidden: Count = 128
    dropout: Share = 0.2


@dataclass(frozen=True)
class XceptionRecipe(_Widths):
    """mini_XCEPTION.

    Attributes:
        architecture: its name.
        widths: channels of the modules; the side halves in each.
        stem: channels of the two convolutions before them.
        dropout: probability with which an input of the classifying convolution is dropped in training.
    """

    architecture: Literal["xception"] = "xception"
    stem: Count = 8
    dropout: Share = 0.0


ARCHITECTURES: Mapping[str, type[EmotionRecipe]] = types.MappingProxyType(
    {
        "residual": ResidualRecipe,
        "plain": PlainRecipe,
        "blocks": BlocksRecipe,
        "xception": XceptionRecipe,
        "two-stage": TwoStageRecipe,
    }
)
"""An architecture's name to its recipe."""
