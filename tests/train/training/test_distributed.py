from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest
import torch

from mien_train import cli
from mien_train.training import checkpoint
from mien_train.training.distributed import World

_SETTINGS = ("epochs=2", "batch=16", "precision=float32", "widths=4,8", "hidden=16")

_LEAVING = """
import os
from torch import distributed as torch_distributed, nn, ones
from mien_train.training import distributed
from mien_train.training.distributed import World
distributed.meet()
network = distributed.wrapped(nn.Linear(2, 2), World(0, 2))
network(ones(1, 2)).sum().backward()
del network
torch_distributed.destroy_process_group()
print(sum("gloo" in open(f"/proc/self/task/{t}/comm").read() for t in os.listdir("/proc/self/task")))
"""


def test_parts_of_a_batch_are_of_one_size_and_leave_nothing_out() -> None:
    rows = torch.arange(10, 17)
    parts = [World(rank, 3).part(rows) for rank in range(3)]
    assert [len(part) for part in parts] == [3, 3, 3]
    assert set(torch.cat(parts).tolist()) == set(rows.tolist())


def test_two_processes_train_as_one_does_and_write_one_set_of_logs(small_data: Path, tmp_path: Path) -> None:
    words = ["emotion", "--recipe", "twoconv-max", "--data", str(small_data)]
    words += [word for setting in _SETTINGS for word in ("--set", setting)]
    assert cli.main([*words, "--out", str(tmp_path / "one")]) == 0
    launcher = [sys.executable, "-m", "torch.distributed.run", "--standalone", "--nproc-per-node=2", "-m", "mien_train"]
    done = subprocess.run(
        [*launcher, *words, "--out", str(tmp_path / "two")],
        env={**os.environ, "OMP_NUM_THREADS": "1"},
        capture_output=True,
        text=True,
        timeout=240,
        check=False,
    )
    if "not permitted" in done.stderr:
        pytest.skip("this machine forbids the processes to listen to each other")
    assert done.returncode == 0, done.stderr[-2000:]
    assert done.stdout.count("done in") + done.stderr.count("done in") == 1
    one, two = (checkpoint.load(tmp_path / name / "checkpoint.pt") for name in ("one", "two"))
    assert one.state.keys() == two.state.keys()
    # The same order of images and the same effective batch: only the order of the sums differs.
    assert all(torch.allclose(one.state[k], two.state[k], atol=1e-4) for k in one.state)
    histories = [json.loads((tmp_path / name / "history.json").read_text())["epochs"] for name in ("one", "two")]
    assert [row["epoch"] for row in histories[1]] == [1, 2]
    assert histories[1][1]["val_accuracy"] == pytest.approx(histories[0][1]["val_accuracy"])


@pytest.mark.skipif(not Path("/proc/self/task").is_dir(), reason="threads are counted in /proc, which is Linux's")
def test_a_process_that_leaves_a_group_keeps_none_of_its_threads() -> None:
    # Such a thread may abort the process at its end, once in some dozens of runs.
    alone = {"RANK": "0", "WORLD_SIZE": "1", "MASTER_ADDR": "127.0.0.1", "MASTER_PORT": "0"}
    done = subprocess.run(
        [sys.executable, "-c", _LEAVING],
        env={**os.environ, **alone, "OMP_NUM_THREADS": "1"},
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )
    if "not permitted" in done.stderr:
        pytest.skip("this machine forbids the processes to listen to each other")
    assert done.stdout == "0\n", done.stderr[-2000:]
