"""`mien purge`: delete what runs have recorded, of the files that the settings name and no others."""

from __future__ import annotations

import argparse
import sys
import time
from pathlib import Path

from mien.commands.options import Subparsers
from mien.errors import MienError

NAME = "purge"


def add(subparsers: Subparsers) -> None:
    """Describe the command line."""
    parser = subparsers.add_parser(NAME, help="delete what runs have recorded", description=__doc__)
    parser.add_argument(
        "--config",
        type=Path,
        metavar="FILE",
        required=True,
        help="settings of `mien run` in TOML, whose sinks jsonl:PATH and sqlite:PATH are purged",
    )
    what = parser.add_mutually_exclusive_group(required=True)
    what.add_argument("--before", metavar="SPAN", help="what is older: 12h, 30d, 8w")
    what.add_argument("--all", action="store_true", help="everything, rotated and damaged files too")
    parser.add_argument("--yes", action="store_true", help="do it; without, say what would be purged")
    parser.set_defaults(main=main)


def main(args: argparse.Namespace) -> int:
    """Purge; 1 where `--yes` is missing and there would be something to do."""
    from mien import config
    from mien.history.purging import purge, recordings
    from mien.history.spans import milliseconds
    from mien.outputs.names import shown

    settings = config.build(config.read(args.config), {})
    found = recordings(settings.sinks, args.config)
    if not found:
        raise MienError(f"{args.config}: no sink in it writes a file; nothing to purge")
    before = None if args.all else time.time_ns() // 1_000_000 - milliseconds(args.before)
    files = [file for recording in found for file in recording.files]
    if not files:
        places = ", ".join(shown(recording.path.absolute()) for recording in found)
        sys.stdout.write(f"nothing is recorded in {places}\n")
        return 0
    if not args.yes:
        what = "everything" if args.all else f"what is older than {args.before}"
        sys.stdout.write(f"would delete {what} in:\n")
        sys.stdout.writelines(f"  {shown(file)}\n" for file in files)
        sys.stdout.write("give --yes to do it\n")
        return 1
    failed: MienError | None = None
    for recording in found:
        try:
            sys.stdout.write(purge(recording, before) + "\n")
        except MienError as error:  # the others are purged all the same
            if failed is not None:
                sys.stderr.write(f"mien: {failed}\n")
            failed = error
    if failed is not None:
        raise failed
    return 0
