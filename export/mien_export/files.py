"""Results that are written aside and put in place whole, as training's are; and texts that are read."""

from __future__ import annotations

import json
import tempfile
from contextlib import AbstractContextManager
from pathlib import Path

from mien.errors import MienError
from mien_train.data import files


def aside(path: Path, option: str = "--out") -> AbstractContextManager[Path]:
    """`mien_train.data.files.aside` of a file that an option chose."""
    return files.aside(path, f"choose another {option}")


def writable(path: Path, option: str = "--out") -> None:
    """Refuse a file that cannot be written, before the long work; makes its folder.

    Raises:
        MienError: it cannot.
    """
    reason = "Is a directory" if path.is_dir() else ""
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryFile(dir=path.parent):
            pass
    except OSError as error:
        reason = error.strerror or str(error)
    if reason:
        raise MienError(f"{path}: cannot be written ({reason}); choose another {option}")


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
