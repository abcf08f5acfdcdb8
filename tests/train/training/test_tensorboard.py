from __future__ import annotations

import sys
from pathlib import Path

import pytest

from mien.errors import MienError
from mien_train.training import tensorboard


def _row(epoch: int, accuracy: float) -> dict[str, float]:
    return {"epoch": epoch, "learning_rate": 0.01, "loss_cross_entropy": 1.5, "val_accuracy": accuracy, "seconds": 2.0}


def _events(run: Path) -> dict[str, list[tuple[int, float]]]:
    from tensorboard.backend.event_processing.event_accumulator import EventAccumulator

    events = EventAccumulator(str(run / "tensorboard"))
    events.Reload()
    return {tag: [(e.step, round(e.value, 5)) for e in events.Scalars(tag)] for tag in events.Tags()["scalars"]}


def test_rows_come_back_as_scalars_of_their_epoch(tmp_path: Path) -> None:
    with tensorboard.Log(tmp_path) as log:
        log.write(_row(1, 0.25))
        log.write({"epoch": 2, "learning_rate": 0.005, "seconds": 2.0})
    assert _events(tmp_path) == {
        "learning_rate": [(1, 0.01), (2, 0.005)],
        "loss/cross_entropy": [(1, 1.5)],
        "validation/accuracy": [(1, 0.25)],
        "seconds": [(1, 2.0), (2, 2.0)],
    }


def test_a_resumed_run_goes_on_without_doubling_epochs(tmp_path: Path) -> None:
    with tensorboard.Log(tmp_path) as log:
        for epoch in (1, 2, 3):
            log.write(_row(epoch, epoch / 10))
    with tensorboard.Log(tmp_path) as log:  # epoch 3 was not saved before the run was cut off: it is trained again
        for epoch in (3, 4):
            log.write(_row(epoch, epoch / 5))
    assert _events(tmp_path)["validation/accuracy"] == [(1, 0.1), (2, 0.2), (3, 0.6), (4, 0.8)]


def test_a_run_without_rows_leaves_nothing(tmp_path: Path) -> None:
    with tensorboard.Log(tmp_path):
        pass
    assert list(tmp_path.iterdir()) == []


def test_a_missing_package_is_said_with_its_remedy(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "torch.utils.tensorboard", None)
    with pytest.raises(MienError, match=r"pip install 'mien\[train\]'"), tensorboard.Log(tmp_path):
        pass
