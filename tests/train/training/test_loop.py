from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import torch
import torch.nn.functional as F  # noqa: N812 - torch's own convention
from torch import Tensor, nn

from mien.errors import MienError
from mien_train.training import checkpoint, loop


def test_a_run_learns_and_leaves_a_checkpoint_a_history_and_a_picture(shades: Any, tmp_path: Path) -> None:
    finished = loop.train(shades(epochs=8), tmp_path, seed=0, resume=False)
    assert finished.metrics["accuracy"] == 1.0
    history = json.loads((tmp_path / "history.json").read_text())
    assert [row["epoch"] for row in history["epochs"]] == list(range(1, 9))
    assert history["seed"] == 0
    assert history["epochs"][-1]["loss_cross_entropy"] < history["epochs"][0]["loss_cross_entropy"]
    assert (tmp_path / "curves.png").read_bytes().startswith(b"\x89PNG")
    stored = checkpoint.load(tmp_path / "checkpoint.pt")
    assert stored.recipe["name"] == "tiny"
    assert stored.labels == ("dark", "bright")
    inputs, labels = next(iter(shades().batches(5, 5)))
    assert torch.equal(stored.build()(inputs).argmax(dim=1), labels)


def test_ctrl_c_saves_and_resuming_gives_the_weights_of_an_unbroken_run(shades: Any, tmp_path: Path) -> None:
    unbroken = loop.train(shades(), tmp_path / "unbroken", seed=3, resume=False)
    with pytest.raises(KeyboardInterrupt):
        loop.train(shades(stop_after=2), tmp_path / "broken", seed=3, resume=False)
    assert len(checkpoint.load(tmp_path / "broken" / "checkpoint.pt").resume["rows"]) == 2
    with pytest.raises(MienError, match="is half-trained, 2 epochs so far"):
        checkpoint.finished(tmp_path / "broken" / "checkpoint.pt")
    resumed = loop.train(shades(), tmp_path / "broken", seed=3, resume=True)
    assert resumed.state.keys() == unbroken.state.keys()
    for key, value in unbroken.state.items():
        assert torch.equal(value, resumed.state[key]), key


def test_a_history_that_a_kill_left_behind_is_made_up_for(shades: Any, tmp_path: Path) -> None:
    unbroken = loop.train(shades(), tmp_path / "unbroken", seed=3, resume=False)
    assert unbroken.epoch > 0
    whole, folder = json.loads((tmp_path / "unbroken/history.json").read_text()), tmp_path / "broken"

    class KilledError(Exception):
        """Stands for SIGKILL after the last epoch's checkpoint was written, and before its history."""

    def killed(*_: object) -> None:
        raise KilledError

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(loop.history, "write", killed)
        with pytest.raises(KilledError):
            loop.train(shades(epochs=1), folder, seed=3, resume=False)
    assert not (folder / "history.json").exists()
    loop.train(shades(epochs=1), folder, seed=3, resume=True)
    rows = json.loads((folder / "history.json").read_text())["epochs"]
    assert [row["epoch"] for row in rows] == [1]
    assert (folder / "curves.png").exists()
    assert len(whole["epochs"]) > 1


def test_what_a_task_has_seen_of_its_data_is_kept_for_a_resumed_run(shades: Any, tmp_path: Path) -> None:
    class Attentive(shades):
        def __init__(self, stop_after: int | None = None) -> None:
            super().__init__(stop_after=stop_after)
            self.memory: dict[str, Tensor] = {}

        def recall(self, memory: dict[str, Tensor]) -> None:
            self.memory = dict(memory)

        def look(self, network: nn.Module, epoch: int) -> None:
            if epoch == 1:
                assert not network.training
                self.memory = {"weights": next(network.parameters()).detach().flatten()[:3].clone()}

        def batches(self, epoch: int, seed: int) -> Iterator[tuple[Tensor, Tensor]]:
            for inputs, labels in super().batches(epoch, seed):
                yield inputs + self.memory.get("weights", torch.zeros(1)).sum(), labels

    unbroken = loop.train(Attentive(), tmp_path / "unbroken", seed=3, resume=False)
    with pytest.raises(KeyboardInterrupt):
        loop.train(Attentive(stop_after=3), tmp_path / "broken", seed=3, resume=False)
    resumed = loop.train(Attentive(), tmp_path / "broken", seed=3, resume=True)
    for key, value in unbroken.state.items():
        assert torch.equal(value, resumed.state[key]), key


def test_a_run_is_never_overwritten_or_mixed_with_another(shades: Any, tmp_path: Path) -> None:
    with pytest.raises(KeyboardInterrupt):
        loop.train(shades(stop_after=1), tmp_path, seed=0, resume=False)
    with pytest.raises(MienError, match="add --resume"):
        loop.train(shades(), tmp_path, seed=0, resume=False)
    with pytest.raises(MienError, match="begun with another seed"):
        loop.train(shades(), tmp_path, seed=1, resume=True)
    with pytest.raises(MienError, match="begun with another recipe"):
        loop.train(shades(epochs=5), tmp_path, seed=0, resume=True)


def test_resuming_a_complete_run_gives_it_back_as_it_is(shades: Any, tmp_path: Path) -> None:
    finished = loop.train(shades(), tmp_path, seed=0, resume=False)
    before = (tmp_path / "checkpoint.pt").read_bytes()
    again = loop.train(shades(), tmp_path, seed=0, resume=True)
    assert again.epoch == finished.epoch
    assert (tmp_path / "checkpoint.pt").read_bytes() == before
    with pytest.raises(MienError, match="begun with another recipe"):
        loop.train(shades(epochs=9), tmp_path, seed=0, resume=True)


def test_a_diverging_loss_is_said_in_one_line(shades: Any, tmp_path: Path) -> None:
    class Diverging(shades):
        def loss(self, outputs: Tensor, targets: Tensor) -> dict[str, Tensor]:
            return {"cross_entropy": F.cross_entropy(outputs, targets) * float("inf")}

    with pytest.raises(MienError, match=r"the loss became (inf|nan) in epoch 1; lower learning_rate"):
        loop.train(Diverging(), tmp_path, seed=0, resume=False)


def test_a_file_that_is_no_checkpoint_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "checkpoint.pt"
    with pytest.raises(MienError, match="no such checkpoint"):
        checkpoint.load(path)
    path.write_bytes(b"not a checkpoint")
    with pytest.raises(MienError, match="not a readable checkpoint"):
        checkpoint.load(path)
    torch.save({"format": 99}, path)
    with pytest.raises(MienError, match="not a mien checkpoint of format"):
        checkpoint.load(path)
