"""Files that are written aside and put in place whole, so that nothing torn is ever left."""

from __future__ import annotations

import contextlib
import json
import os
from collections.abc import Iterator
from pathlib import Path

from mien.errors import MienError

PARTIAL = ".partial"
"""End of the name of a file that is still being written."""


@contextlib.contextmanager
def aside(path: Path, option: str = "--out") -> Iterator[Path]:
    """Give a place to write to; the file itself changes when the block ends well, and not before.

    Args:
        path: of the file; its folder is made if absent.
        option: that chose it, for the message.

    Raises:
        MienError: it cannot be written. Whatever stood there is as it was.
    """
    partial = path.with_name(f".{path.name}.{os.getpid()}{PARTIAL}")
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        yield partial
        os.replace(partial, path)
    except OSError as error:
        raise MienError(f"{path}: cannot be written ({error.strerror or error}); choose another {option}") from None
    finally:
        with contextlib.suppress(OSError):
            partial.unlink(missing_ok=True)


def write_text(path: Path, text: str, option: str = "--out") -> None:
    """Write a text in UTF-8; see `aside`."""
    with aside(path, option) as partial:
        partial.write_text(text, encoding="utf-8")


def write_json(path: Path, document: object, option: str = "--out") -> None:
    """Write a result as JSON, one space a level; see `aside`."""
    write_text(path, json.dumps(document, indent=1, ensure_ascii=False) + "\n", option)


def read_text(path: Path) -> str:
    """Read a text in UTF-8.

    Raises:
        MienError: it cannot be read.
    """
    try:
        return path.read_text(encoding="utf-8")
    except (OSError, ValueError) as error:
        reason = error.strerror if isinstance(error, OSError) else "it is no text in UTF-8"
        raise MienError(f"{path}: cannot be read ({reason}); check the path") from None
