"""What a recipe for a face detector sets."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Annotated

from mien_train.recipes.base import Recipe
from mien_train.recipes.values import Count, Share, Span, Weight

Side = Annotated[int, Span(32, multiple=32)]
Blocks = Annotated[int, Span(0)]


@dataclass(frozen=True)
class FaceRecipe(Recipe):
    """A face detector on photographs with boxes and landmarks.

    Attributes:
        height, width: of the network's input, pixels, multiples of 32.
        stem: channels at strides 2 and 4.
        channels: channels at strides 8, 16 and 32.
        blocks: separable blocks at strides 8, 16 and 32.
        mosaic: share of training pictures made of four photographs.
        tiles: share of the other pictures that show as much of a photograph as a tile of a camera's frame shows.
        negatives: share of training pictures taken from face-free photographs.
        box_weight, landmark_weight: of the losses, beside the score's 1.
    """

    height: Side = 256
    width: Side = 320
    stem: tuple[Count, Count] = (12, 16)
    channels: Count = 64
    blocks: tuple[Blocks, Blocks, Blocks] = (2, 2, 2)
    mosaic: Share = 0.4
    tiles: Share = 0.0
    negatives: Share = 0.1
    box_weight: Weight = 2.0
    landmark_weight: Weight = 1.0
