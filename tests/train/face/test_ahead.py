from __future__ import annotations

import os
import threading
import warnings

import pytest
import torch

from mien_train.face import ahead


@pytest.mark.parametrize(("workers", "steps"), [(0, 5), (2, 5), (2, 1)])
def test_batches_come_in_their_order_from_threads_and_from_processes(workers: int, steps: int) -> None:
    found = list(ahead.composed(lambda step: (torch.full((2,), step), os.getpid()), steps, workers))
    assert [int(values[0]) for values, _ in found] == list(range(steps))
    elsewhere = {process for _, process in found} - {os.getpid()}
    assert len(elsewhere) == min(workers, steps)


def test_batches_are_composed_before_they_are_asked_for() -> None:
    begun = threading.Event()

    def batch(step: int) -> int:
        if step == 1:
            begun.set()
        return step

    batches = ahead.composed(batch, 3, 0)
    assert next(batches) == 0
    assert begun.wait(20)
    assert list(batches) == [1, 2]


@pytest.mark.parametrize("workers", [0, 1])
def test_what_goes_wrong_in_composing_is_told(workers: int) -> None:
    def batch(step: int) -> int:
        raise ValueError(f"step {step}")

    with pytest.raises(ValueError, match="step 0"):
        list(ahead.composed(batch, 2, workers))


def test_whoever_takes_batches_keeps_his_own_warnings() -> None:
    before = list(warnings.filters)
    batches = ahead.composed(lambda step: step, 3, 1)
    assert next(batches) == 0
    assert warnings.filters == before
    assert list(batches) == [1, 2]


def test_processes_compose_beside_an_accelerator_alone(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(os, "sched_getaffinity", lambda process: set(range(16)))
    assert ahead.processes(torch.device("cpu")) == 0
    assert ahead.processes(torch.device("cuda")) == 15
    monkeypatch.setattr(os, "sched_getaffinity", lambda process: set(range(256)))
    assert ahead.processes(torch.device("cuda")) == 16
