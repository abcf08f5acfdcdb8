"""`make test-networks`: small random networks of every architecture train ten steps, each in a process of its own.

A native kernel that goes beyond its memory kills the process, or does not, depending on what lies there; so many
networks are tried, in float32 and bfloat16, with the processor's best instructions and with AVX2 alone. The processes
are forks of this one, which has torch imported and has not computed anything: a network costs a fraction of a second.
"""

from __future__ import annotations

import os

# Before torch is imported: forks of a process with a pool of threads would hang.
os.environ["OMP_NUM_THREADS"] = "1"

import argparse
import copy
import itertools
import signal
import sys
import time
from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
import torch._dynamo  # an optimizer would import it, in every process anew
import torch.nn.functional as F  # noqa: N812 - torch's own convention
from torch import Tensor, nn

from mien_train.face.assign import cells
from mien_train.face.loss import Targets, decode, losses
from mien_train.networks import registry
from mien_train.networks.face import STRIDES
from mien_train.recipes.base import Precision, Recipe
from mien_train.training import loop, optim
from mien_train.training.step import Step

STEPS = 10
SECONDS = 120
"""After which a process is taken to hang."""

_DEFAULT = "default"
INSTRUCTIONS = (_DEFAULT, "AVX2")
"""What oneDNN may use: all that the processor has, or the least that it compiles kernels for."""
PRECISIONS: tuple[Precision, ...] = ("float32", "bfloat16")


@dataclass(frozen=True)
class Case:
    """One process.

    Attributes:
        network: name and arguments for `registry.build`.
        precision: of its training.
        instructions: one of `INSTRUCTIONS`.
        seed: of weights and inputs.
    """

    network: Mapping[str, Any]
    precision: Precision
    instructions: str
    seed: int


class Noise:
    """A task of random pictures and random truth."""

    name = "noise"
    labels = ("noise",)
    score = "accuracy"
    data_sha256 = "noise"
    device = torch.device("cpu")

    def __init__(self, case: Case) -> None:
        self.network = case.network
        self.recipe = Recipe(
            name="random", epochs=1, batch=4, learning_rate=1e-3, weight_decay=0.01, precision=case.precision
        )
        self._faces = case.network["name"] == "face"
        self._grid = cells(64, 96, STRIDES)

    def steps(self) -> int:
        return STEPS

    def batches(self, epoch: int, seed: int) -> Iterator[tuple[Tensor, Any]]:
        generator = torch.Generator().manual_seed(seed)
        for _ in range(STEPS):
            if self._faces:
                corner = torch.rand(4, 2, generator=generator) * 30
                boxes = torch.cat([corner, corner + 12 + torch.rand(4, 2, generator=generator) * 20], dim=1)
                landmarks = torch.full((4, 5, 2), float("nan"))
                targets = Targets(torch.arange(4), boxes, landmarks, torch.zeros(4, dtype=torch.bool), torch.ones(4))
                yield torch.randn(4, 1, 64, 96, generator=generator), targets
            else:
                yield torch.randn(4, 1, 48, 48, generator=generator), torch.randint(99, (4,), generator=generator)

    def loss(self, outputs: Any, targets: Any) -> dict[str, Tensor]:
        if self._faces:
            return losses(decode(outputs, self._grid), targets, self._grid)
        return {"cross_entropy": F.cross_entropy(outputs.float(), targets % outputs.shape[1])}

    def validate(self, network: nn.Module) -> dict[str, float]:
        raise NotImplementedError

    def finish(self, network: nn.Module) -> dict[str, Any]:
        raise NotImplementedError


def drawn(kind: str, rng: np.random.Generator) -> dict[str, Any]:
    """A random small network of a kind, such as its recipe could ask for."""

    def channels(least: int, most: int) -> tuple[int, ...]:
        return tuple(int(n) for n in rng.integers(1, 17, rng.integers(least, most + 1)))

    classes = int(rng.integers(2, 9))
    layers = {"hidden": channels(0, 2), "pool": ("max", "average")[rng.integers(2)]}
    layers |= {"activation": ("relu", "elu")[rng.integers(2)], "norm": bool(rng.integers(2)), "dropout": 0.1}
    if kind in ("residual", "emotion"):
        widths = channels(1, 5)
        blocks = tuple(int(n) for n in rng.integers(1, 3, len(widths)))
        network = {"name": kind, "classes": classes, "widths": widths, "blocks": blocks}
        if kind == "emotion":  # as earlier versions stored it: strided convolutions alone
            return network
        down = ("strided", "average", "max", "blurred")[rng.integers(4)]
        return {**network, "down": down, "separable": int(rng.integers(len(widths) + 1))}
    if kind == "plain":
        return {"name": kind, "classes": classes, "widths": channels(1, 5), **layers}
    if kind == "two-stage":
        first = int(rng.integers(1, classes))
        groups = (tuple(range(first)), tuple(range(first, classes)))
        return {"name": kind, "groups": groups, "widths": channels(1, 4), **layers}
    if kind == "blocks":
        return {"name": kind, "classes": classes, "widths": channels(1, 5), "hidden": int(rng.integers(1, 17))}
    if kind == "xception":
        return {"name": kind, "classes": classes, "widths": channels(1, 4), "stem": int(rng.integers(1, 13))}
    if kind == "face":
        stem, blocks = rng.integers(1, 9, 2), rng.integers(0, 2, 3)
        width = int(rng.integers(1, 17))
        return {"name": kind, "stem": tuple(map(int, stem)), "width": width, "blocks": tuple(map(int, blocks))}
    raise NotImplementedError(f"{kind}: say here how to draw one")


def cases(each: int, seed: int) -> list[Case]:
    """So many networks of every architecture in every precision and with either instructions."""
    found = []
    for index, kind in enumerate(registry.NETWORKS):
        for number in range(each):
            network = drawn(kind, np.random.default_rng([seed, index, number]))
            ways = itertools.product(PRECISIONS, INSTRUCTIONS)
            found += [Case(network, precision, instructions, number) for precision, instructions in ways]
    return found


def trained(case: Case) -> None:
    """Train a network for one epoch of ten steps, as the loop trains any.

    Raises:
        MienError: the loss is no longer a number.
    """
    if case.instructions != _DEFAULT:
        os.environ["ONEDNN_MAX_CPU_ISA"] = case.instructions  # read when oneDNN is first used: in this process
    torch.manual_seed(case.seed)
    task = Noise(case)
    network = registry.build(case.network).to(memory_format=torch.channels_last)  # type: ignore[call-overload]
    average = copy.deepcopy(network).eval().requires_grad_(False)
    optimizer = optim.optimizer_of(network, task.recipe)
    schedule = optim.schedule_of(optimizer, task.recipe, STEPS)
    step = Step(task, network, optimizer, task.device, alone=True)
    follower = optim.MovingAverage(average, network, task.recipe.ema)
    loop.train_epoch(loop.Run(task, step, network, follower, optimizer, schedule, case.seed), 0)


def run(every: Sequence[Case], jobs: int, work: Callable[[Case], None] = trained) -> list[str]:
    """Do the work on each case in a process of its own; what went wrong, a line each.

    Args:
        every: cases.
        jobs: processes at a time.
        work: what a process does.
    """
    waiting, running, wrong = list(reversed(every)), {}, []
    while waiting or running:
        while waiting and len(running) < jobs:
            case = waiting.pop()
            running[_forked(case, work)] = (case, time.monotonic())
        process, status = os.waitpid(-1, os.WNOHANG)
        if process:
            case, _ = running.pop(process)
            if problem := _problem(status):
                wrong.append(f"{problem}: {case}")
            continue
        for process, (_, begun) in running.items():
            if time.monotonic() - begun > SECONDS:
                os.kill(process, signal.SIGKILL)
        time.sleep(0.002)
    return wrong


def _forked(case: Case, work: Callable[[Case], None]) -> int:
    process = os.fork()
    if process:
        return process
    try:
        work(case)
    except BaseException as error:  # it must not come back into the parent's loop
        sys.stderr.write(f"{type(error).__name__}: {error}\n")
        sys.stderr.flush()
        os._exit(1)
    os._exit(0)


def _problem(status: int) -> str | None:
    if os.WIFSIGNALED(status):
        return f"died of {signal.Signals(os.WTERMSIG(status)).name}"
    return f"ended with {os.WEXITSTATUS(status)}" if os.WEXITSTATUS(status) else None


def main(arguments: Sequence[str] | None = None) -> int:
    """Say how many ran; 1 if one died, hung or raised."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--each", type=int, default=50, help="networks of each architecture (default: 50)")
    parser.add_argument("--seed", type=int, default=0, help="of the networks (default: 0)")
    parser.add_argument(
        "--jobs", type=int, default=os.cpu_count() or 1, help="processes at a time (default: all cores)"
    )
    options = parser.parse_args(arguments)
    every, begun = cases(options.each, options.seed), time.monotonic()
    wrong = run(every, options.jobs)
    for line in wrong:
        print(line)  # noqa: T201
    counted = Counter(case.network["name"] for case in every)
    print(  # noqa: T201
        f"{len(every)} networks trained {STEPS} steps, each in a process of its own, {time.monotonic() - begun:.0f} s"
        f" ({', '.join(f'{name} {count}' for name, count in counted.items())}): {len(wrong)} failed"
    )
    return 1 if wrong else 0


if __name__ == "__main__":
    sys.exit(main())
