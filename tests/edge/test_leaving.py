"""The way out of a process in which something still runs."""

from __future__ import annotations

import subprocess
import sys

import pytest

PROGRAM = """
import atexit, sys, threading
from mien import leaving
atexit.register(print, "the usual way out")
if sys.argv[1] == "hung":
    leaving.bound_exit()
if sys.argv[1] == "thread":
    threading.Thread(target=threading.Event().wait, daemon=True).start()
if sys.argv[1] == "ended":
    thread = threading.Thread(target=print, args=("a thread, ",), kwargs={"end": ""}, daemon=True)
    thread.start()
    thread.join()
sys.stdout.write("said, ")
leaving.leave(3)
sys.exit(4)
"""


@pytest.mark.parametrize(
    ("what", "status", "said"),
    [
        ("hung", 3, "said, "),
        ("thread", 3, "said, "),
        ("ended", 4, "a thread, said, the usual way out\n"),
        ("sound", 4, "said, the usual way out\n"),
    ],
)
def test_a_process_in_which_something_still_runs_leaves_at_once_with_what_it_had_to_say(
    what: str, status: int, said: str
) -> None:
    ended = subprocess.run([sys.executable, "-c", PROGRAM, what], capture_output=True, text=True, timeout=60)
    assert (ended.returncode, ended.stdout, ended.stderr) == (status, said, "")
