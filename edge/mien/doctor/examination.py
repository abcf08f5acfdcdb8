"""Everything that the doctor looks at, in order."""

from __future__ import annotations

import platform
from pathlib import Path

from mien import machine
from mien.doctor import cameras, service, software, system
from mien.doctor.check import Check


def examine(root: Path = Path("/")) -> tuple[Check, ...]:
    """Look at everything that a run needs; nothing is raised.

    Args:
        root: of the file system in which devices, the kernel's files and the system's packages are looked for.
    """
    return (
        *software.examine(),
        *cameras.examine(root),
        Check("board", True, False, machine.board(root) or f"not a Raspberry Pi ({platform.machine()})"),
        *system.examine(root),
        *service.examine(root),
    )
