"""Several processes on one run: `torchrun --nproc-per-node=N -m mien_train emotion …`.

The batch of the recipe is divided, so the effective batch stays; gradients are averaged by DistributedDataParallel;
process 0 alone validates and writes.
"""

from __future__ import annotations

import importlib
import os
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass

import torch
from torch import Tensor, distributed, nn
from torch.nn.parallel import DistributedDataParallel


@dataclass(frozen=True)
class World:
    """This process among all of the run.

    Attributes:
        rank: its number, from 0.
        size: number of processes.
    """

    rank: int = 0
    size: int = 1

    @property
    def first(self) -> bool:
        """Whether this process is the one that validates and writes."""
        return self.rank == 0

    def part(self, rows: Tensor) -> Tensor:
        """This process's rows of a batch (N,); all parts are of one size, if need be with rows twice."""
        if self.size == 1:
            return rows
        short = -len(rows) % self.size
        return torch.cat([rows, rows[:1].expand(short)])[self.rank :: self.size]


def world() -> World:
    """Out of torchrun's environment; one process without it."""
    return World(int(os.environ.get("RANK", "0")), int(os.environ.get("WORLD_SIZE", "1")))


def device() -> torch.device:
    """This process's accelerator if there is one, else the processor."""
    if torch.cuda.is_available():
        return torch.device("cuda", int(os.environ.get("LOCAL_RANK", "0")))
    return torch.device("cpu")


@contextmanager
def joined() -> Iterator[World]:
    """Meet the other processes for the length of the block."""
    here = world()
    if here.size == 1:
        yield here
        return
    meet()
    try:
        yield here
        distributed.barrier()  # they leave together
    finally:
        distributed.destroy_process_group()


def meet() -> None:
    """Make the group of all processes, as torchrun's environment describes it."""
    # DistributedDataParallel imports it at first use, and what it collects then holds a group that is there already
    # for ever: the group's threads live on into the end of the interpreter, where now and then one aborts it.
    importlib.import_module("torch._dynamo")
    distributed.init_process_group("nccl" if device().type == "cuda" else "gloo")


def wrapped(network: nn.Module, here: World) -> nn.Module:
    """The network, with gradients averaged over all processes."""
    return network if here.size == 1 else DistributedDataParallel(network)


def agreed(stop: bool, here: World, where: torch.device) -> bool:
    """What process 0 says; the others wait for it."""
    if here.size == 1:
        return stop
    said = torch.tensor([float(stop)], device=where)
    distributed.broadcast(said, src=0)
    return bool(said.item())
