"""Which programs hold a device open."""

from __future__ import annotations

import fcntl
import os
import struct
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
    """Every process but this one that has a device open, as far as this user may see, or has locked it.

    Whoever takes a camera of libcamera's locks its media device, which every user may ask for.

    Args:
        device: such as /dev/video0.
        root: of the file system to read /proc in.
    """
    found = []
    locker = _locker(root / device.relative_to("/"))
    for folder in sorted((root / "proc").glob("[0-9]*"), key=lambda path: (len(path.name), path.name)):
        if folder.name != str(os.getpid()) and (folder.name == str(locker) or _holds(folder, device)):
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


_FLOCK = "hhqqi4x"
"""The kernel's `struct flock` on a 64-bit system: kind, whence, start, length, process."""


def _locker(node: Path) -> int:
    """Number of the process that has locked a file or device; 0 if there is none, or it may not be asked."""
    try:
        with node.open("r+b", buffering=0) as file:
            asked = struct.pack(_FLOCK, fcntl.F_WRLCK, os.SEEK_SET, 0, 0, 0)
            kind, *_, pid = struct.unpack(_FLOCK, fcntl.fcntl(file, fcntl.F_GETLK, asked))
    except OSError:
        return 0
    return 0 if kind == fcntl.F_UNLCK else int(pid)
