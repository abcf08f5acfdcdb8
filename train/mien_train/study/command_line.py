"""The command that makes a result, as results name it."""

from __future__ import annotations

import shlex
import sys


def command() -> str:
    """The command line that this process was started with, as a user types it."""
    return f"python -m mien_train {shlex.join(sys.argv[1:])}"
