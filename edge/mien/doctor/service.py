"""The service of systemd, where there is one."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

from mien.doctor.check import Check


def examine(root: Path = Path("/")) -> Iterator[Check]:
    """Whether its units are those of this version, which an upgrade does not write anew, and of today's settings.

    Args:
        root: of the file system.
    """
    from mien.service.installed import installed

    found = installed(root)
    if found is not None:
        told = ", ".join(found.different)
        detail = f"not as this version writes them for its settings: {told}" if told else "as this version writes them"
        yield Check("service units", not told, False, detail, found.command if told else "")
