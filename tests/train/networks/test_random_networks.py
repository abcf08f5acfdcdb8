"""A few random networks of every architecture; and a process that dies is seen. `make test-networks` tries many."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from mien_train.networks import registry

CHECK = Path(__file__).parent / "check_random_networks.py"


def _ran(*words: str) -> subprocess.CompletedProcess[str]:
    # A fork of this process would inherit its threads: the check starts from one that has none.
    return subprocess.run([sys.executable, *words], capture_output=True, text=True, timeout=280, cwd=CHECK.parent)


def test_a_few_networks_of_every_architecture_train_in_either_precision() -> None:
    done = _ran(str(CHECK), "--each", "2", "--seed", "1")
    assert done.returncode == 0, done.stdout + done.stderr
    assert f"{len(registry.NETWORKS) * 2 * 4} networks trained 10 steps" in done.stdout
    assert done.stdout.rstrip().endswith(": 0 failed")
    for name in registry.NETWORKS:
        assert f"{name} 8" in done.stdout


@pytest.mark.parametrize(
    ("work", "found"),
    [
        ("os.kill(os.getpid(), signal.SIGSEGV)", "died of SIGSEGV: Case"),
        ("os.abort()", "died of SIGABRT: Case"),
        ("1 / 0", "ended with 1: Case"),
        ("time.sleep(60)", "died of SIGKILL: Case"),
        ("None", ""),
    ],
)
def test_a_process_that_dies_is_told(work: str, found: str) -> None:
    code = f"""
import os, signal, sys, time
import check_random_networks as check
check.SECONDS = 2
wrong = check.run(check.cases(1, 0)[:2], 2, lambda case: case.seed or {work})
print(len(wrong), *wrong)
"""
    done = _ran("-c", code)
    assert done.returncode == 0, done.stderr
    count, _, lines = done.stdout.partition(" ")
    assert int(count) == (2 if found else 0), done.stdout
    assert lines.count(found) == 2 or not found


def test_the_check_itself_fails_when_a_process_dies() -> None:
    code = """
import os, signal, sys
import check_random_networks as check
check.run.__defaults__ = (lambda case: os.kill(os.getpid(), signal.SIGSEGV),)
sys.exit(check.main(["--each", "1", "--jobs", "4"]))
"""
    done = _ran("-c", code)
    assert done.returncode == 1
    assert done.stdout.rstrip().endswith(f"{len(registry.NETWORKS) * 4} failed")
