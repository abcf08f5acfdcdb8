"""`mien config`: show, check or begin a file of settings."""

from __future__ import annotations

import argparse
import sys
from pathlib import Path
from typing import TYPE_CHECKING

from mien.commands.options import Subparsers
from mien.errors import MienError

if TYPE_CHECKING:
    from mien.config import RunConfig

NAME = "config"

_HEAD = """\
# Settings of `mien run --config FILE`. Each line with `#` directly before a key shows that key's default; take the sign
# away to change it. `mien config check FILE` finds mistakes.

"""


def add(subparsers: Subparsers) -> None:
    """Describe the command line."""
    parser = subparsers.add_parser(NAME, help="show, check or begin a file of settings", description=__doc__)
    parser.add_argument(
        "action",
        choices=("show", "check", "init"),
        metavar="show|check|init",
        help="print every setting with its value, default and meaning; look for mistakes; write a documented file, "
        "never over one that is there",
    )
    parser.add_argument(
        "file", nargs="?", type=Path, metavar="FILE", help="settings in TOML (show: none; init: mien.toml)"
    )
    parser.set_defaults(main=main)


def main(args: argparse.Namespace) -> int:
    """Do it; a mistake in the file is an error."""
    from mien import documented
    from mien.config import RunConfig

    if args.action == "init":
        return _init(args.file or Path("mien.toml"))
    if args.action == "check" and args.file is None:
        raise MienError("config check: give the file to check, as in `mien config check mien.toml`")
    settings = RunConfig() if args.file is None else _settings(args.file)
    if args.action == "check":
        sys.stdout.write(f"{args.file}: no mistake found in keys, kinds, ranges, engine and sinks\n")
    else:
        sys.stdout.write(documented.toml(settings))
    return 0


def _settings(path: Path) -> RunConfig:
    from mien import config

    file = config.read(path)
    try:
        return config.build(file, {})
    except MienError as error:
        raise MienError(f"{path}: {error}") from None


def _init(path: Path) -> int:
    from mien import documented
    from mien.config import RunConfig

    try:
        with path.open("x", encoding="utf-8") as file:
            file.write(_HEAD + documented.toml(RunConfig(), quoted=True))
    except FileExistsError:
        raise MienError(f"{path}: is there already and stays as it is; give another name") from None
    except (OSError, ValueError) as error:
        why = error.strerror if isinstance(error, OSError) else error
        raise MienError(f"{path}: cannot be written ({why}); check the folder") from None
    sys.stdout.write(f"wrote {path}\n")
    return 0
