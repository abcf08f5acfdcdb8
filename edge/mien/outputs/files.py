"""Files that appear whole or not at all: written beside their place, then put there."""

from __future__ import annotations

import contextlib
import os
from pathlib import Path

from mien.errors import MienError
from mien.outputs.names import shown


def make_folder(folder: Path) -> None:
    """Make a folder for output, and try that it can be written.

    Raises:
        MienError: it cannot be made, or no file can be written in it.
    """
    probe = folder / ".mien-probe"
    try:
        folder.mkdir(parents=True, exist_ok=True)
        probe.touch()
        probe.unlink()
    except OSError as error:
        raise MienError(f"{shown(folder)}: cannot be written ({error.strerror}); choose another folder") from None


def partial(path: Path) -> Path:
    """Where to write what shall stand at `path` once it is whole: beside it, with its suffix, short and hidden."""
    return path.with_name(f".mien-{os.getpid()}-partial{path.suffix}")


def write_whole(path: Path, content: bytes) -> None:
    """Write a file; where that fails, what stood there before stays as it was.

    Raises:
        MienError: the disk is full, or the file may not be written.
    """
    beside = partial(path)
    try:
        beside.write_bytes(content)
        place(beside, path)
    except OSError as error:
        raise unwritten(path, error.strerror) from None
    finally:
        discard(beside)


def place(beside: Path, path: Path) -> None:
    """Put a whole file in its place, in one step.

    Raises:
        OSError: that cannot be done.
    """
    with beside.open("rb") as file:
        os.fsync(file.fileno())  # a disk may say only now that it is full
    os.replace(beside, path)


def discard(beside: Path) -> None:
    """Remove what was left of a file; nothing if there is none."""
    with contextlib.suppress(OSError):
        beside.unlink()


def unwritten(path: Path, why: str | None) -> MienError:
    """The error for a file that could not be written."""
    return MienError(f"{shown(path)}: cannot be written ({why}); check the space and permissions there")
