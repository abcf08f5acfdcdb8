"""Files that appear whole or not at all: written beside their place, and moved there when all went well."""

from __future__ import annotations

import contextlib
import json
import os
from collections.abc import Iterator
from pathlib import Path

from mien.errors import MienError

PARTIAL = ".partial"
"""End of the name of a file that is still being written."""

PLACE = "choose another place"
"""What the reader of an error should do where nothing else is said."""

SPACE = "free some space there, or choose another --out"
"""The same, for what a training run writes again and again."""


@contextlib.contextmanager
def aside(path: Path, remedy: str = PLACE) -> Iterator[Path]:
    """Give a path to write to; the file itself changes when the block ends well, and not before.

    Args:
        path: of the file; its folder is made if absent.
        remedy: what to do when it cannot be written.

    Raises:
        MienError: it cannot be written. Whatever stood there is as it was.
    """
    partial = path.with_name(f".{path.name}.{os.getpid()}{PARTIAL}")
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        yield partial
        os.replace(partial, path)
    except OSError as error:
        raise MienError(f"{path}: cannot be written ({error.strerror or error}); {remedy}") from None
    finally:
        with contextlib.suppress(OSError):
            partial.unlink(missing_ok=True)


def write_text(path: Path, text: str, remedy: str = PLACE) -> None:
    r"""Write a text in UTF-8; what is none of a file's name becomes \udcNN, which JSON reads back. See `aside`."""
    with aside(path, remedy) as partial:
        partial.write_bytes(text.encode("utf-8", "backslashreplace"))


def write_json(path: Path, document: object, indent: int | None = 1) -> None:
    """Write JSON, one space a level; see `aside`."""
    write_text(path, json.dumps(document, indent=indent, ensure_ascii=False) + "\n")
