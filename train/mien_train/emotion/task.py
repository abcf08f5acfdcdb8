"""The emotion task: face crops and shares of emotions in, calibrated logits out."""

from __future__ import annotations

import dataclasses
import math
from collections.abc import Iterator, Mapping

import numpy as np
import torch
import torch.nn.functional as F  # noqa: N812 - torch's own convention
from numpy.typing import NDArray
from torch import Generator, Tensor, nn

from mien.errors import MienError
from mien.models.expression import INTENDED, PERCEIVED
from mien_train.data import crops
from mien_train.data.emotion_data import NEGATIVE, EmotionData
from mien_train.data.fer import Split
from mien_train.data.fer_csv import FER2013
from mien_train.emotion import augment, confidence, expressions, heads
from mien_train.emotion.classification import scores
from mien_train.networks import registry
from mien_train.recipes.architectures import (
    ARCHITECTURES,
    BlocksRecipe,
    PlainRecipe,
    ResidualRecipe,
    TwoStageRecipe,
    XceptionRecipe,
)
from mien_train.recipes.emotion import EmotionRecipe
from mien_train.training import distributed
from mien_train.training.progress import say

_TEMPLATE = "emotion-base"
"""The bundled classifier: trained on FER2013's own crops, like most face crops that people have."""


_AT_ONCE = 64
"""Batches that an accelerator varies at once."""


class EmotionTask:
    """Trains on shares of the classes; selects by accuracy on the validation split."""

    name = "emotion"
    score = "accuracy"

    def __init__(self, recipe: EmotionRecipe, source: EmotionData) -> None:
        self.recipe = recipe
        self.labels = source.names
        self.data_sha256 = source.sha256
        self.network = network_of(recipe, source.names, len(FER2013) if source.searched else 0)
        self._world, self.device = distributed.world(), distributed.device()
        self._images, self._targets = torch.from_numpy(source.images), torch.from_numpy(source.targets)
        self._searched = source.searched
        if source.searched is not None:
            second = torch.from_numpy(source.searched.targets)
            # Both heads' targets side by side; the second's classes are told apart by their odds, not their numbers
            # (Menon et al. 2021, "Long-tail learning via logit adjustment").
            self._targets = torch.cat([self._targets, second], dim=1)
            self._odds = (second.sum(dim=0) / second.sum()).clamp(min=1e-6).log().to(self.device)
        self._val, self._contested = source.val, source.contested
        self._classes = self._targets[:, : len(self.labels)].argmax(dim=1)
        known = self._targets[:, : len(self.labels)].any(dim=1)  # of others only what they were searched for
        counts = torch.bincount(self._classes[known], minlength=len(self.labels)).clamp(min=1).float()
        self._share = counts / counts.sum()  # (K,)
        self._augment = dataclasses.replace(
            augment.KINDS[recipe.augmentation],
            corrupted=recipe.corrupted,
            sharpen=recipe.sharpen,
            half_face=recipe.half_face,
        )
        if self._augment.share:
            self._augment = dataclasses.replace(self._augment, share=recipe.augmented)
        self._template = _template()
        self._images, self._targets = self._images.to(self.device), self._targets.to(self.device)
        self._share, self._classes = self._share.to(self.device), self._classes.to(self.device)
        # An accelerator varies thousands of images at once in the time that Python needs to ask for it.
        self._at_once = 1 if self.device.type == "cpu" or self._world.size > 1 else _AT_ONCE

    def steps(self) -> int:
        """Optimizer steps of one epoch."""
        return math.ceil(len(self._images) / self.recipe.batch)

    def batches(self, epoch: int, seed: int) -> Iterator[tuple[Tensor, Tensor]]:
        """Augmented inputs float32 (N, 1, 48, 48) and target shares float32 (N, K), with a second head (N, K + 7).

        In a distributed run, the part of each batch that is this process's.
        """
        generator = Generator(self.device).manual_seed(seed * 100_003 + epoch)
        order = self._order(generator)
        if self._world.size > 1:  # the order is everybody's, the augmentation each one's own
            generator.manual_seed((seed * 100_003 + epoch) * self._world.size + self._world.rank)
        for whole in torch.split(order, self.recipe.batch * self._at_once):
            rows = self._world.part(whole)
            images = self._augment(self._images[rows][:, None].float(), generator)
            targets = self._targets[rows]
            if self.recipe.mixup:
                share = torch.rand(len(rows), 1, generator=generator, device=self.device) * self.recipe.mixup
                other = torch.randperm(len(rows), generator=generator, device=self.device)
                images = images.lerp(images[other], share[:, :, None, None])
                targets = targets.lerp(targets[other], share)
            parts = (torch.split(shown, self.recipe.batch) for shown in (to_input(images), targets))
            yield from zip(*parts, strict=True)

    def _order(self, generator: Generator) -> Tensor:
        if self.recipe.imbalance != "sampler":
            return torch.randperm(len(self._images), generator=generator, device=self.device)
        each = 1 / self._share[self._classes]
        return torch.multinomial(each, len(self._images), replacement=True, generator=generator)

    def loss(self, outputs: Tensor, targets: Tensor) -> dict[str, Tensor]:
        """Cross-entropy against the targets' shares, of each head over the images that have a target for it."""
        weight = None
        if self.recipe.imbalance == "weights":
            weight = 1 / (self._share * len(self._share))
        if self._searched is not None:
            count = len(self.labels)
            smoothing = self.recipe.label_smoothing
            return {
                "cross_entropy": _known_entropy(outputs[:, :count].float(), targets[:, :count], smoothing, weight),
                "searched": self.recipe.searched
                * _known_entropy(outputs[:, count:].float() + self._odds, targets[:, count:], smoothing),
            }
        return {"cross_entropy": _known_entropy(outputs.float(), targets, self.recipe.label_smoothing, weight)}

    def validate(self, network: nn.Module) -> dict[str, float]:
        """Loss, accuracy and macro-F1 on the validation split."""
        outputs, labels = self._seen(network, self._val.images), torch.from_numpy(self._val.labels)
        found = scores(outputs.argmax(dim=1).numpy(), self._val.labels, len(self.labels))
        figures = {
            "loss": float(F.cross_entropy(outputs, labels)),
            "accuracy": found.accuracy,
            "macro_f1": found.macro_f1,
            "mean_recall": float(found.recall[found.support > 0].mean()),
        }
        if self._searched is None:
            return figures
        val = self._searched.val
        balanced = logits(network, val.images)[:, len(self.labels) :]
        usual = scores((balanced + self._odds.cpu()).argmax(dim=1).numpy(), val.labels, len(FER2013))
        mean = scores(balanced.argmax(dim=1).numpy(), val.labels, len(FER2013)).recall.mean()
        return {**figures, "searched_accuracy": usual.accuracy, "searched_mean_recall": float(mean)}

    def _seen(self, network: nn.Module, images: NDArray[np.uint8]) -> Tensor:
        """Logits of the first head, float32 (n, K)."""
        return logits(network, images)[:, : len(self.labels)]

    def finish(self, network: nn.Module) -> Mapping[str, object]:
        """Temperature and abstain threshold, from validation images, and the crop's template.

        Of two heads, how they may be read takes the place of the first two; see `mien_train.emotion.expressions`.

        The template is the bundled classifier's until `mien_train align` measures this one's own; where none is bundled
        there is none until then.
        """
        found = self._decision(network) if self._searched is None else self._expressions(network, self._searched.val)
        if self._template is None:
            say(f"no crop template: {_TEMPLATE} is not bundled; measure one with `mien_train align` before the export")
            return found
        return {**found, "alignment": {"template": self._template, "taken_from": _TEMPLATE}}

    def _decision(self, network: nn.Module) -> Mapping[str, object]:
        degrees = confidence.temperature(self._seen(network, self._val.images), torch.from_numpy(self._val.labels))
        probabilities = (self._seen(network, self._contested.images) / degrees).softmax(dim=1)
        below = confidence.abstain_threshold(
            probabilities, torch.from_numpy(self._contested.labels), self.recipe.wanted_accuracy
        )
        return {"decision": {"temperature": degrees, "abstain_below": below}}

    def _expressions(self, network: nn.Module, searched: Split) -> Mapping[str, object]:
        both = {PERCEIVED: self.labels, INTENDED: FER2013}

        def heard(split: Split) -> expressions.Heard:
            return expressions.Heard.of(split, heads.parted(logits(network, split.images).numpy(), both))

        found = expressions.Validation(heard(self._val), heard(self._contested), heard(searched))
        seen = self._targets[:, : len(self.labels)].sum(dim=0).cpu()
        shares = (seen / seen.sum()).numpy(), self._odds.exp().cpu().numpy()
        chosen = expressions.choose(both, found, shares, self.recipe.wanted_accuracy)
        return {
            "expressions": [heads.document(one, both) for one in chosen],
            "choices": expressions.table(chosen, both, found.strict, found.searched),
        }


def network_of(recipe: EmotionRecipe, names: tuple[str, ...], second: int = 0) -> Mapping[str, object]:
    """Name and arguments of a recipe's network, for `networks.registry.build`; a second head adds so many outputs.

    Raises:
        MienError: the recipe has no architecture, or the classes do not suit it.
    """
    classes = {"classes": len(names) + second}
    match recipe:
        case ResidualRecipe():
            kept = ("widths", "blocks", "dropout", "shortcut", "down", "separable")
            return {"name": "residual", **classes, **{field: getattr(recipe, field) for field in kept}}
        case PlainRecipe():
            return {"name": "plain", **classes, **_layers(recipe)}
        case TwoStageRecipe():
            return {"name": "two-stage", "groups": stages(names), **_layers(recipe)}
        case BlocksRecipe():
            own = {"hidden": recipe.hidden, "dropout": recipe.dropout}
            return {"name": "blocks", **classes, "widths": recipe.widths, **own}
        case XceptionRecipe():
            own = {"stem": recipe.stem, "dropout": recipe.dropout}
            return {"name": "xception", **classes, "widths": recipe.widths, **own}
    raise MienError(f"recipe {recipe.name} has no architecture; take one of {', '.join(ARCHITECTURES)}")


def _layers(recipe: PlainRecipe | TwoStageRecipe) -> Mapping[str, object]:
    return {
        "widths": recipe.widths,
        "hidden": recipe.hidden,
        "pool": recipe.pool,
        "activation": recipe.activation,
        "norm": recipe.norm,
        "dropout": recipe.dropout,
    }


def _template() -> list[list[float]] | None:
    """The bundled classifier's template as a sidecar writes it, read before the training that will need it."""
    try:
        return [[round(float(x), 2), round(float(y), 2)] for x, y in crops.template_of(_TEMPLATE)]
    except MienError:
        return None


def stages(names: tuple[str, ...]) -> tuple[tuple[int, ...], ...]:
    """Indices of the negative and of the other classes.

    Raises:
        MienError: all classes are on one side, so that there is nothing to decide first.
    """
    negative = tuple(k for k, name in enumerate(names) if name in NEGATIVE)
    other = tuple(k for k, name in enumerate(names) if name not in NEGATIVE)
    if not negative or not other:
        raise MienError(
            f"a two-stage network needs negative emotions ({', '.join(NEGATIVE)}) and others, not {', '.join(names)}"
        )
    return negative, other


def _known_entropy(outputs: Tensor, targets: Tensor, smoothing: float, weight: Tensor | None = None) -> Tensor:
    """Cross-entropy of logits float32 (N, K) with target shares (N, K), over the rows that have a target."""
    known = targets.sum(dim=1) > 0
    entropy = F.cross_entropy(outputs, targets, weight, reduction="none", label_smoothing=smoothing)
    return (entropy * known).sum() / known.sum().clamp(min=1)


def to_input(images: Tensor) -> Tensor:
    """Luma 0..255 of any float type → what the networks take."""
    return (images - 128) * registry.INPUT_SCALE


def logits(network: nn.Module, images: NDArray[np.uint8], batch: int | None = None) -> Tensor:
    """Logits float32 (n, K) of uint8 (n, 48, 48); `batch` images at once, None for what suits the device."""
    device = next(network.parameters()).device
    batch = batch or (256 if device.type == "cpu" else 4096)
    with torch.inference_mode():
        parts = [
            network(to_input(part[:, None].to(device).float())).cpu()
            for part in torch.split(torch.from_numpy(images), batch)
        ]
    return torch.cat(parts)
