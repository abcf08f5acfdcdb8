"""Contents of files that a user names: regular ones of a bounded size, as a pipe or a device might never end."""

from __future__ import annotations

import stat
from pathlib import Path

from mien.errors import MienError


def check(path: Path, most: int) -> None:
    """It is a regular file of so many bytes at most, and may be read.

    Raises:
        MienError: it is not; says what it is instead.
    """
    try:
        found = path.stat()
        if stat.S_ISDIR(found.st_mode):
            raise MienError(f"{path}: is a folder; give a file")
        if not stat.S_ISREG(found.st_mode):
            raise MienError(f"{path}: is a pipe or a device; give a file")
        if found.st_size > most:
            raise MienError(f"{path}: has {found.st_size} bytes; no such file needs more than {most}")
        path.open("rb").close()
    except OSError as error:
        raise _unreadable(path, error) from None
    except ValueError:  # a zero byte in the name
        raise MienError(f"{str(path)!r}: cannot be read; no file has such a name") from None


def read(path: Path, most: int) -> bytes:
    """The bytes of a file; see `check`."""
    check(path, most)
    try:
        return path.read_bytes()
    except OSError as error:
        raise _unreadable(path, error) from None
    except MemoryError:
        raise MienError(f"{path}: has {path.stat().st_size} bytes, for which there is no memory; free some") from None


def _unreadable(path: Path, error: OSError) -> MienError:
    return MienError(f"{path}: cannot be read ({error.strerror}); check the path and its permissions")
