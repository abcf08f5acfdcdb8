"""Batches composed ahead of the network: in threads, or for an accelerator in processes."""

from __future__ import annotations

import os
import warnings
from collections import deque
from collections.abc import Callable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from typing import TypeVar

import cv2
import torch
from torch.utils.data import DataLoader, Dataset

Batch = TypeVar("Batch")

_THREADS = 2
_MOST = 16
"""Processes: batches wait in shared memory, of which a container may have 64 MiB, two or three MiB each."""


def processes(device: torch.device) -> int:
    """How many processes compose: none beside a network on the processor, else all cores but what trains.

    An accelerator takes a small network's step in a twentieth of the time in which one core composes its batch.

    Args:
        device: the network's.
    """
    if device.type == "cpu":
        return 0
    return min(_MOST, max(1, len(os.sched_getaffinity(0)) - 1))


def composed(batch: Callable[[int], Batch], steps: int, workers: int) -> Iterator[Batch]:
    """Batches in their order, each as `batch` gives it for the step's number, composed ahead.

    Args:
        batch: composes; depends on nothing but the number, as several are composed at a time.
        steps: how many.
        workers: processes; 0 for threads of this one.
    """
    cv2.setNumThreads(1)
    if workers:
        with warnings.catch_warnings():
            # Python 3.12 warns of every fork beside threads: these processes call numpy and OpenCV alone.
            warnings.filterwarnings("ignore", "This process .* is multi-threaded", DeprecationWarning)
            # Forked, so that the photographs are shared and not sent.
            begun = iter(
                DataLoader(
                    _Steps(batch, steps),
                    batch_size=None,
                    num_workers=min(workers, steps),
                    prefetch_factor=1,
                    collate_fn=lambda composed: composed,
                    multiprocessing_context="fork",
                )
            )
        yield from begun
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
        return self._batch(step)
