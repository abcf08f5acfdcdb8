"""Which programs hold a device open."""

from __future__ import annotations

import os
from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True, slots=True)
class Holder:
    """A program that has a device open.

    Attributes:
        pid: of its process.
        name: of its program, as the kernel knows it.
    """

    pid: int
    name: str


def holders(device: Path, root: Path = Path("/")) -> tuple[Holder, ...]:
    """Every process but this one that has a device open, as far as this user may see.

    Args:
        device: such as /dev/video0.
        root: of the file system to read /proc in.
    """
    found = []
    for folder in sorted((root / "proc").glob("[0-9]*"), key=lambda path: (len(path.name), path.name)):
        if folder.name != str(os.getpid()) and _holds(folder, device):
            try:
                name = (folder / "comm").read_text(encoding="utf-8", errors="replace").strip()
            except OSError:  # it has ended meanwhile
                continue
            found.append(Holder(int(folder.name), name))
    return tuple(found)


def _holds(process: Path, device: Path) -> bool:
    try:
        return any(os.readlink(link) == str(device) for link in (process / "fd").iterdir())
    except OSError:  # another user's, or it has ended
        return False
