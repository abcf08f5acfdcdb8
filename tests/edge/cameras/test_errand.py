"""The way out of a process in which a library's call hangs."""

from __future__ import annotations

import subprocess
import sys

import pytest

PROGRAM = """
import atexit, sys
from mien.cameras import errand
atexit.register(print, "the usual way out")
if sys.argv[1] == "hung":
    errand.bound_exit()
sys.stdout.write("said, ")
errand.leave(3)
sys.exit(4)
"""


@pytest.mark.parametrize(
    ("camera", "status", "said"), [("hung", 3, "said, "), ("sound", 4, "said, the usual way out\n")]
)
def test_a_process_in_which_a_call_hangs_leaves_at_once_with_what_it_had_to_say(
    camera: str, status: int, said: str
) -> None:
    ended = subprocess.run([sys.executable, "-c", PROGRAM, camera], capture_output=True, text=True, timeout=60)
    assert (ended.returncode, ended.stdout, ended.stderr) == (status, said, "")
