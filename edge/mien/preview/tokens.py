"""What a visitor from another machine must show: drawn at random, or from a file."""

from __future__ import annotations

import secrets
import stat
from pathlib import Path

from mien import contents
from mien.errors import MienError

_SHORTEST, _LARGEST = 16, 4096


def drawn() -> str:
    """A new one, of 192 random bits."""
    return secrets.token_urlsafe(24)


def read(path: Path) -> str:
    """The first line of a file.

    Raises:
        MienError: it cannot be read, others may read it, or it is too short to be safe from guessing.
    """
    raw = contents.read(path, _LARGEST)
    if path.stat().st_mode & stat.S_IROTH:
        raise MienError(f"{path}: everybody may read this token; chmod 600 it")
    try:
        line = raw.decode("ascii").partition("\n")[0].strip()
    except UnicodeDecodeError:
        line = ""
    if len(line) < _SHORTEST or not line.isprintable() or any(sign in line for sign in ' ";,\\'):
        raise MienError(
            f"{path}: its first line is no token; write {_SHORTEST} or more letters and digits, "
            "such as those of `openssl rand -hex 24`"
        )
    return line
