"""What several commands have in common."""

from __future__ import annotations

import argparse
import re
import sys
from collections.abc import Iterable
from pathlib import Path
from typing import Any

Commands = Any
"""What `ArgumentParser.add_subparsers` returns; argparse keeps its type to itself."""


def add_run(command: argparse.ArgumentParser) -> None:
    """`RUN`, the training run."""
    command.add_argument("checkpoint", type=Path, metavar="RUN", help="folder with checkpoint.pt, or a .pt file")


def add_data(command: argparse.ArgumentParser) -> None:
    """`--data DIR`."""
    command.add_argument(
        "--data", type=Path, metavar="DIR", help="data folder (default: $MIEN_DATA, else ../shared/data)"
    )


def size(text: str) -> tuple[int, int]:
    """(height, width) of "256x320"."""
    found = re.fullmatch(r"(\d+)[x×](\d+)", text)
    if found is None:
        raise argparse.ArgumentTypeError(f"{text!r} is no size; give HEIGHTxWIDTH, such as 256x320")
    return int(found[1]), int(found[2])


def sizes(text: str) -> tuple[int, ...]:
    """Whole numbers above 0, of "128,512"."""
    return tuple(positive(part) for part in text.split(","))


def positive(text: str) -> int:
    """A whole number above 0."""
    if not text.isdecimal() or int(text) < 1:
        raise argparse.ArgumentTypeError(f"{text!r} is not a whole number above 0")
    return int(text)


def say(lines: Iterable[object]) -> None:
    """What a command answers, on standard output."""
    sys.stdout.writelines(f"{line}\n" for line in lines)
