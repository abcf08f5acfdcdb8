"""The named recipes.

Besides mien's own stand the systems of the student projects it continues, as their authors described them. Where a
description is silent the choice is ours, and the comment beside the recipe says so. All see luma as (luma − 128) / 64,
which is FER2013's own mean and standard deviation (`mien_train explore` prints them) to within two per cent.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping

from mien_train.recipes.architectures import PlainRecipe, ResidualRecipe
from mien_train.recipes.choosing import changed
from mien_train.recipes.emotion import EmotionRecipe
from mien_train.recipes.face import FaceRecipe


def _like(recipe: EmotionRecipe, name: str, **changes: object) -> EmotionRecipe:
    return dataclasses.replace(changed(recipe, changes), name=name)


# Long, on faces that most annotators agree on and on harder pictures, with both data sets' opinions, and nothing at
# full size but the stem. Maps are halved before the blocks, by windows that overlap.
_BASE: EmotionRecipe = ResidualRecipe(
    name="base",
    epochs=180,
    batch=128,
    learning_rate=3e-3,
    weight_decay=0.05,
    warmup=0.05,
    validate_every=5,
    blocks=(0, 1, 1, 1),
    dropout=0.1,
    down="blurred",
    labels="truncated",
    searched=0.5,
    near_copies="left-out",
    augmentation="wide",
    corrupted=0.35,
)

_OURS = (
    _BASE,
    # For processors with a dot product (Pi 5): twice base's work where maps are large, and separable convolutions in
    # the last stage, whose dense ones have most of base's weights.
    _like(_BASE, name="large", epochs=140, widths=(16, 32, 64, 192), blocks=(0, 2, 2, 2), separable=1),
    # 64 KiB as an int8 TFLite file. Dense convolutions where the maps are large, since without a dot product a
    # processor does half as many products an instruction in depthwise ones. So small a network has nothing to spare for
    # dropout.
    _like(_BASE, name="nano", epochs=200, widths=(16, 16, 32, 48), blocks=(0, 1, 2, 1), separable=1, dropout=0.0),
    # Teachers, of which nothing is asked but that they are right: `teacher` for two cores, `teacher-large` for an
    # accelerator, nine times base's work.
    _like(_BASE, name="teacher", widths=(24, 48, 96, 192), dropout=0.3, down="average"),
    _like(
        _BASE,
        name="teacher-large",
        epochs=120,
        widths=(32, 64, 128, 256),
        blocks=(0, 2, 2, 2),
        dropout=0.3,
        down="average",
    ),
    ResidualRecipe(name="quick", epochs=6, batch=128, learning_rate=3e-3, weight_decay=0.05, ema=0.99),
)

# What the plain systems share. Batch 32 and 20 epochs are stated for the first four; Adam on a cosine and the L2
# penalty are ours.
_PLAIN: EmotionRecipe = PlainRecipe(
    name="plain",
    epochs=20,
    batch=32,
    learning_rate=5e-4,
    weight_decay=4e-3,
    warmup=0.0,
    ema=0.0,
    widths=(32, 64),
    hidden=(128,),
    dropout=0.0,
    labels="fer2013",
    augmentation="none",
    optimizer="adam",
    schedule="cosine",
)


# Two convolutions are stated; channels, the one dense layer and SGD on a cosine are ours, and so is the L2 penalty, the
# best of three on validation images: without any, such a network stops at 51 % of them in its fifth epoch.
_TWOCONV = _like(_PLAIN, name="twoconv-max", learning_rate=0.01, weight_decay=1e-2, optimizer="sgd")

_DEEP = _like(_PLAIN, name="deep", widths=(32, 64, 64, 128), hidden=(256, 128))

# Three convolutions, four dense layers, learning rate 0.01, batch 32, 10 epochs are stated; SGD on a cosine, L2 and
# channels are ours. A tenth of the training images validates, since both other parts are the test.
_THREECONV = _like(
    _PLAIN,
    name="threeconv-fourfc",
    epochs=10,
    learning_rate=0.01,
    weight_decay=1e-3,
    widths=(16, 32, 64),
    hidden=(256, 128, 64),
    optimizer="sgd",
    partition="holdout",
    holdout=0.1,
)

# Stated: the split, six classes, rotation and zoom, ELU, He initialisation, learning rate 0.01, dropout. Ours: layers,
# batch normalisation, SGD on a cosine, averaged weights, batch 32, epochs, half of the images augmented, and the
# patience that its author wished for.
_ELU = _like(
    _PLAIN,
    name="elu-sixclass",
    epochs=48,
    ema=0.999,
    batch=32,
    learning_rate=0.01,
    weight_decay=1e-4,
    warmup=0.05,
    widths=(32, 64, 128, 128),
    hidden=(128,),
    activation="elu",
    norm=True,
    dropout=0.1,
    labels="sixclass",
    partition="swapped",
    augmentation="light",
    augmented=0.5,
    optimizer="sgd",
    patience=8,
)

_CLASSIC = (
    _TWOCONV,
    _like(_TWOCONV, name="twoconv-avg", pool="average"),
    _DEEP,
    _like(_DEEP, name="deep-bn-dropout", epochs=60, ema=0.999, norm=True, dropout=0.2),
    _THREECONV,
    _ELU,
    # One model for negative and one for the other emotions, behind one that tells the two apart: three networks, each
    # of half the width.
    _like(
        _ELU,
        name="elu-twostage",
        epochs=30,
        batch=64,
        ema=0.999,
        architecture="two-stage",
        widths=(16, 32, 64, 64),
        hidden=(64,),
        dropout=0.2,
        augmented=1.0,
    ),
    # Stated: five blocks and one dense layer, half of the images augmented, patience 8, L2 1e-7, batch 64. Ours:
    # channels, Adam on a cosine, averaged weights, the labels of the strict majority; and 10 % of size in place of a
    # crop of 90 to 100 % that goes through 40×40.
    _like(
        _PLAIN,
        name="fiveblock-ferplus",
        epochs=40,
        batch=64,
        learning_rate=1e-3,
        weight_decay=1e-7,
        warmup=0.05,
        ema=0.999,
        architecture="blocks",
        widths=(16, 32, 64, 128, 128),
        hidden=128,
        dropout=0.2,
        labels="majority",
        augmentation="light",
        augmented=0.5,
        patience=8,
    ),
    # Stated: residual skips, cross-entropy, AdamW at 1e-4, 70 % of each class trains. Ours: the residual network of
    # `base`, twice as wide (so small a learning rate moves a narrow one too little), batch 32, 80 epochs on a cosine,
    # averaged weights, light augmentation, and the shortcuts of the first residual networks.
    ResidualRecipe(
        name="resnet-skip",
        shortcut="sampled",
        epochs=80,
        batch=32,
        learning_rate=1e-4,
        weight_decay=0.01,
        widths=(16, 64, 128, 256),
        labels="fer2013",
        partition="holdout",
        holdout=0.3,
        augmentation="light",
    ),
    # The field's usual small network (Arriaga et al. 2017), trained with our loop until it learns no more.
    _like(
        _PLAIN,
        name="mini-xception",
        epochs=100,
        batch=64,
        learning_rate=2e-3,
        weight_decay=0.0,
        warmup=0.05,
        ema=0.999,
        architecture="xception",
        widths=(16, 32, 64, 128),
        augmentation="light",
        patience=20,
    ),
)

EMOTION: Mapping[str, EmotionRecipe] = {recipe.name: recipe for recipe in (*_OURS, *_CLASSIC)}

# Narrower before the heads at stride 8, where a block costs four times what it does at stride 16. Patches in place of
# windows that overlap would spare a Raspberry Pi 4 five million instructions and others one, and find a little less.
# A quarter of the disturbances, from the first epoch on.
_DETECTOR = FaceRecipe(
    name="base",
    epochs=110,
    batch=32,
    learning_rate=3e-3,
    weight_decay=0.02,
    warmup=0.03,
    validate_every=20,
    stem=(12, 16),
    channels=64,
    deep=(64, 64),
    blocks=(2, 2, 2),
    patches=False,
    merge=True,
    finest=48,
    mosaic=0.4,
    tiles=0.4,
    negatives=0.25,
    mined=0.2,
    calm=1.0,
)
# A quarter of the pixels, which leaves room for more behind them; tiles are base's work.
_SMALL = dataclasses.replace(
    _DETECTOR,
    name="small",
    height=128,
    width=160,
    channels=48,
    deep=(80, 80),
    blocks=(2, 3, 3),
    patches=True,
    finest=0,
    tiles=0.1,
    epochs=160,
)

FACE: Mapping[str, FaceRecipe] = {
    recipe.name: recipe
    for recipe in (
        _DETECTOR,
        _SMALL,
        # Of which nothing is asked but that it is right: six times base's work. `--set height=128 width=160` for one
        # that teaches `small`.
        dataclasses.replace(
            _DETECTOR,
            name="teacher",
            epochs=50,
            learning_rate=2e-3,
            stem=(24, 32),
            channels=128,
            deep=(192, 192),
            blocks=(3, 3, 3),
            finest=0,
        ),
        dataclasses.replace(_DETECTOR, name="quick", epochs=4, warmup=0.08, validate_every=1, ema=0.99),
    )
}
