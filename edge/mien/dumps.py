"""Keeps frames out of core dumps, and out of reach of the user's other programs."""

from __future__ import annotations

import ctypes
import resource
import sys

_PR_SET_DUMPABLE = 4


def forbid() -> None:
    """From now on a crash of this process leaves no core dump, and only root may read its memory.

    The limit alone is not enough: where the kernel pipes dumps into a program, as with systemd-coredump, it does not
    look at the limit. So the process is marked as not dumpable besides (Linux; prctl(2)), which also keeps debuggers of
    the same user out. Programs that it starts are not affected by the mark.
    """
    _, hard = resource.getrlimit(resource.RLIMIT_CORE)
    resource.setrlimit(resource.RLIMIT_CORE, (0, hard))
    if sys.platform == "linux":
        ctypes.CDLL(None).prctl(_PR_SET_DUMPABLE, 0, 0, 0, 0)
