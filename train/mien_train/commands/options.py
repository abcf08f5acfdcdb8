"""What several commands have in common."""

from __future__ import annotations

import argparse
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from mien.errors import MienError
from mien_train.data import files
from mien_train.study.command_line import command

Commands = Any
"""What `ArgumentParser.add_subparsers` returns; argparse keeps its type to itself."""


MOST_SEED = 2**32 - 1
"""Of a run: with its epochs' numbers it still is a seed of torch's."""


def add_data(command: argparse.ArgumentParser) -> None:
    """`--data DIR`."""
    command.add_argument(
        "--data", type=Path, metavar="DIR", help="data folder (default: $MIEN_DATA, else ../shared/data)"
    )


def positive(text: str) -> int:
    """A whole number above 0."""
    if not text.isdecimal() or int(text) < 1:
        raise argparse.ArgumentTypeError(f"{text!r} is not a whole number above 0")
    return int(text)


def seed(text: str) -> int:
    """A whole number from 0 to `MOST_SEED`."""
    if not text.isdecimal() or len(text) > 10 or int(text) > MOST_SEED:
        raise argparse.ArgumentTypeError(f"{text!r} is not a whole number from 0 to {MOST_SEED}")
    return int(text)


def folder(path: Path, option: str = "--out") -> Path:
    """A folder to write into, made if absent.

    Raises:
        MienError: it cannot be made.
    """
    try:
        path.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise MienError(f"{path}: cannot be made a folder ({error.strerror}); choose another {option}") from None
    return path


def writable(path: Path, option: str = "--out") -> None:
    """Refuse a file that cannot be written, before the long work.

    Raises:
        MienError: it is a folder, or its folder cannot be made.
    """
    folder(path.parent, option)
    if path.is_dir():
        raise MienError(f"{path}: is a folder; give {option} a file")


def write_json(path: Path, found: Mapping[str, object]) -> None:
    """Write a result with the command that made it.

    Raises:
        MienError: it cannot be written.
    """
    files.write_json(path, {"command": command(), **found})
