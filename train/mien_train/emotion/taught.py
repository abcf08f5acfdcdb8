"""The emotion task with teachers: the labels say what annotators saw, the teachers what the picture shows as it is."""

from __future__ import annotations

import dataclasses
import math
from collections.abc import Iterator, Mapping

import numpy as np
import torch
import torch.nn.functional as F  # noqa: N812 - torch's own convention
from numpy.typing import NDArray
from torch import Generator, Tensor, nn

from mien_train.data import store
from mien_train.data.emotion_data import EmotionData
from mien_train.emotion.task import EmotionTask, to_input
from mien_train.emotion.teachers import Heads, Teachers
from mien_train.emotion.views import Views
from mien_train.recipes.emotion import EmotionRecipe
from mien_train.training.checkpoint import SHORT


class TaughtTask(EmotionTask):
    """Trains on labels and on what teachers say of the same augmented view (Hinton et al. 2015; Beyer et al. 2022, "A
    good teacher is patient and consistent").

    Args:
        recipe: with `taught` above 0.
        source: images and labels.
        teachers: who answer.
        unlabelled: uint8 (m, 48, 48), faces that the teachers alone speak of.
    """

    def __init__(
        self, recipe: EmotionRecipe, source: EmotionData, teachers: Teachers, unlabelled: NDArray[np.uint8]
    ) -> None:
        told = teachers.fingerprint
        if len(unlabelled):
            told += f",faces {store.array_sha256(unlabelled)[:SHORT]}"
        super().__init__(dataclasses.replace(recipe, teachers=told), source)
        self._teachers = teachers
        self._views = Views(
            source.images, unlabelled, round(recipe.unlabelled * len(source.images)), self._augment, self.device
        )
        self._targets = torch.cat([self._targets, self._targets.new_zeros(len(unlabelled), self._targets.shape[1])])
        odds = self._odds if source.searched is not None else torch.empty(0, device=self.device)
        self._heads = Heads(len(self.labels), odds, recipe.taught_temperature)

    def steps(self) -> int:
        """Optimizer steps of one epoch."""
        return math.ceil(self._views.count / self.recipe.batch)

    def batches(self, epoch: int, seed: int) -> Iterator[tuple[Tensor, Tensor]]:
        """Augmented inputs float32 (N, 1, 48, 48); shares and the teachers' answers side by side, float32 (N, 2K).

        The views are the same for every seed; their order is not.
        """
        views, rows = self._views.of(epoch)
        answers = self._teachers.answers(views, self._heads, epoch).to(self.device)
        generator = Generator(self.device).manual_seed(seed * 100_003 + epoch)
        order = torch.randperm(len(views), generator=generator, device=self.device)
        for part in torch.split(order, self.recipe.batch):
            targets = torch.cat([self._targets[rows[part]], answers[part].float()], dim=1)
            yield to_input(views[part][:, None].float()), targets

    def loss(self, outputs: Tensor, targets: Tensor) -> dict[str, Tensor]:
        """The labels' loss as without teachers, and "taught": the divergence of the student's answers from theirs.

        Weighted with `1 − taught` and `taught`; the divergence also with the temperature's square, so that its gradient
        is of one size at every temperature.
        """
        width = outputs.shape[1]
        labels, answers = targets[:, :width], targets[:, width:]
        told = super().loss(outputs, labels)
        taught, count = self.recipe.taught, len(self.labels)
        first, second = self._heads.logarithms(outputs)
        divergence = _divergence(first, answers[:, :count])
        if self._searched is not None:
            divergence = divergence + self.recipe.searched * _divergence(second, answers[:, count:])
        parts = {name: (1 - taught) * part for name, part in told.items()}
        return {**parts, "taught": taught * self.recipe.taught_temperature**2 * divergence}

    def finish(self, network: nn.Module) -> Mapping[str, object]:
        """What the deployed model needs, and who taught it."""
        return {**super().finish(network), "teachers": self._teachers.told}


def _divergence(logarithms: Tensor, answers: Tensor) -> Tensor:
    """Kullback-Leibler divergence of log-probabilities float32 (N, K) from answers float32 (N, K), mean over N."""
    # The cache keeps half precision, in which the answers need not sum to 1.
    return F.kl_div(logarithms, answers / answers.sum(dim=1, keepdim=True), reduction="batchmean")
