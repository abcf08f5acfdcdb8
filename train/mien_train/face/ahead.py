"""Batches composed ahead of the network: in threads, or for an accelerator in processes."""

from __future__ import annotations

import os
from collections import deque
from collections.abc import Callable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from typing import TypeVar

import cv2
import torch
from torch.utils.data import DataLoader, Dataset

from mien_train.training.distributed import World

Batch = TypeVar("Batch")

_THREADS = 2


def processes(device: torch.device, world: World) -> int:
    """How many processes compose: none beside a network on the processor, else all cores but what trains.

    An accelerator takes a small network's step in a hundredth of the time in which one core composes its batch.

    Args:
        device: the network's.
        world: of the run, whose processes divide the cores.
    """
    if device.type == "cpu":
        return 0
    return max(1, len(os.sched_getaffinity(0)) // world.size - 1)


def composed(batch: Callable[[int], Batch], steps: int, workers: int) -> Iterator[Batch]:
    """The batches of an epoch in their order, each as `batch` gives it for the step's number, composed ahead.

    Args:
        batch: composes; depends on nothing but the number, as several are composed at a time.
        steps: how many.
        workers: processes; 0 for threads of this one.
    """
    cv2.setNumThreads(1)
    if workers:
        # Forked, so that the photographs are shared and not sent.
        yield from DataLoader(
            _Steps(batch, steps),
            batch_size=None,
            num_workers=workers,
            collate_fn=lambda composed: composed,
            multiprocessing_context="fork",
        )
        return
    waiting: deque[Future[Batch]] = deque()
    with ThreadPoolExecutor(_THREADS) as pool:
        for step in range(steps):
            waiting.append(pool.submit(batch, step))
            if len(waiting) > _THREADS:
                yield waiting.popleft().result()
        while waiting:
            yield waiting.popleft().result()


class _Steps(Dataset[Batch]):
    def __init__(self, batch: Callable[[int], Batch], steps: int) -> None:
        self._batch, self._steps = batch, steps

    def __len__(self) -> int:
        return self._steps

    def __getitem__(self, step: int) -> Batch:
        if step >= self._steps:
            raise IndexError(step)
        return self._batch(step)
