"""Augmented views of a whole training set, the same for everybody who asks for the same epoch."""

from __future__ import annotations

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Generator, Tensor

from mien_train.emotion.augment import FaceAugmentation

_CHUNK, _MANY = 256, 8192
"""Images that are varied at once by a processor, and by an accelerator."""
_EPOCH = 1_000_003
"""Of the seeds of two epochs, so that no chunk of one is seeded like a chunk of another."""


class Views:
    """What is shown in each epoch: every labelled image once, and some of the unlabelled ones.

    The views depend on the epoch and on nothing else, not on a run's seed. What teachers say of them is thus computed
    once, however many students are taught: of several sizes, or of one size with several seeds.

    Args:
        labelled: uint8 (n, 48, 48).
        unlabelled: uint8 (m, 48, 48); m may be 0.
        shown: how many of the unlabelled are shown in an epoch; at most m are.
        augmentation: how they are varied.
        where: the device that varies them; each kind draws other numbers.

    Attributes:
        count: images shown in an epoch.
    """

    def __init__(
        self,
        labelled: NDArray[np.uint8],
        unlabelled: NDArray[np.uint8],
        shown: int,
        augmentation: FaceAugmentation,
        where: torch.device,
    ) -> None:
        self._images = torch.from_numpy(np.concatenate([labelled, unlabelled])).to(where)
        self._labelled, self._shown = len(labelled), min(shown, len(unlabelled))
        self._augment = augmentation
        self.count = self._labelled + self._shown

    def of(self, epoch: int) -> tuple[Tensor, Tensor]:
        """The views of an epoch, numbered from 0.

        Returns:
            uint8 (count, 48, 48) and int64 (count,), on the device: what is shown, and which image each shows, the
            unlabelled numbered after the labelled.
        """
        where = self._images.device
        generator = Generator(where).manual_seed(epoch * _EPOCH)
        unlabelled = len(self._images) - self._labelled
        others = torch.randperm(unlabelled, generator=generator, device=where)[: self._shown]
        rows = torch.cat([torch.arange(self._labelled, device=where), self._labelled + others.sort().values])
        chunk = _CHUNK if where.type == "cpu" else _MANY
        views = [
            self._augment(self._images[part][:, None].float(), generator)[:, 0].round().to(torch.uint8)
            for part in torch.split(rows, chunk)
        ]
        return torch.cat(views), rows
