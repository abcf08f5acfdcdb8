"""File names and lines as text that can be written: a name on Linux is any bytes, a terminal may not know UTF-8."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TextIO


def shown(path: Path | str) -> str:
    """A path as text that can be printed and written as UTF-8, whatever bytes are in its name."""
    return str(path).encode("utf-8", "backslashreplace").decode("utf-8")


def writable(line: str, stream: TextIO) -> str:
    """A line in which what the stream's encoding lacks is escaped, in a way that JSON understands too."""
    try:
        line.encode(stream.encoding or "utf-8")  # None for a stream in memory
    except UnicodeEncodeError:
        return "".join(sign if sign.isascii() else json.dumps(sign)[1:-1] for sign in line)
    return line
