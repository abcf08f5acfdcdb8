"""What a recipe for a face detector sets."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Annotated

from mien_train.recipes.base import Recipe
from mien_train.recipes.values import Count, Share, Span, Weight

Side = Annotated[int, Span(32, multiple=32)]
Blocks = Annotated[int, Span(0)]
Channels = Annotated[int, Span(0)]


@dataclass(frozen=True)
class FaceRecipe(Recipe):
    """A face detector on photographs with boxes and landmarks.

    Attributes:
        height, width: of the network's input, pixels, multiples of 32.
        stem: channels at strides 2 and 4.
        channels: channels at stride 8 and before the heads.
        deep: channels at strides 16 and 32.
        blocks: separable blocks at strides 8, 16 and 32.
        patches: the first convolution sees every 2×2 pixels once; otherwise 3×3 that overlap, for twice the work.
        merge: what both levels say passes a block of its own at stride 8 too; otherwise at stride 16 alone.
        finest: channels at stride 8 from that block on, up to the heads, if fewer than `channels`; 0 for as many.
        mosaic: share of training pictures made of four photographs.
        tiles: share of the other pictures that show as much of a photograph as a tile of a camera's frame shows.
        negatives: share of training pictures taken from face-free photographs.
        mined: share of photographs drawn by how badly the network finds their faces (or how surely it sees one where
            there is none); the others are drawn evenly.
        turned: share of photographs turned by any angle up to 45°; the others lean a little, or not at all.
        slanted: share of photographs seen at a slant, in perspective.
        joined: share of pictures in which another photograph's head is laid half over a face, or half behind it.
        covered: share of pictures in which hands, cups, masks, hats, hoods or other heads' backs cover faces.
        dark: share of pictures in low light, with its noise.
        backlit: share of pictures with light from one side or from behind a face.
        defocused: share of pictures that are out of focus, as a whole or at single faces.
        shaken: share of pictures with motion blur, of the whole picture or of single faces.
        rising: share of the epochs over which the eight before rise from 0 to what they are.
        calm: share of the epochs, at the end, in which a quarter of them is left.
        doubt: how much the labeller's doubt lowers what is asked of a face's score and how much the face counts: 0 for
            not at all, 1 for in proportion to its certainty.
        by_hand: of a face's box, the share of a person who drew it too; the labeller has the rest. Above 0, what a
            person alone drew follows the labeller's convention as well.
        box_weight, landmark_weight: of the losses, beside the score's 1.
        taught: share of the loss that a teacher's predictions have, the labels having the rest; 0 for no teacher.
            `mien_train face --teacher` alone has one.
        hinted: weight of a loss that asks for the teacher's features too, before and after the towers; 0 for none. The
            teacher needs as many channels there as the student; where `finest` differs, no features are asked for.
        teachers: who it is, the first digits of its checkpoint's SHA-256; filled in by `mien_train face --teacher`.
    """

    height: Side = 256
    width: Side = 320
    stem: tuple[Count, Count] = (12, 16)
    channels: Count = 64
    deep: tuple[Count, Count] = (64, 64)
    blocks: tuple[Blocks, Blocks, Blocks] = (2, 2, 2)
    patches: bool = False
    merge: bool = True
    finest: Channels = 0
    mosaic: Share = 0.35
    tiles: Share = 0.3
    negatives: Share = 0.2
    mined: Share = 0.35
    turned: Share = 0.2
    slanted: Share = 0.1
    joined: Share = 0.1
    covered: Share = 0.25
    dark: Share = 0.1
    backlit: Share = 0.1
    defocused: Share = 0.15
    shaken: Share = 0.08
    rising: Share = 0.0
    calm: Share = 0.0
    doubt: Share = 0.5
    by_hand: Share = 0.0
    box_weight: Weight = 2.0
    landmark_weight: Weight = 1.0
    taught: Share = 0.0
    hinted: Weight = 0.0
    teachers: str = ""
