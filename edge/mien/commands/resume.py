"""`mien resume`: frames are read again, unless a switch or the page has paused it too."""

from __future__ import annotations

import argparse
import sys

from mien.commands.options import Subparsers

NAME = "resume"


def add(subparsers: Subparsers) -> None:
    """Describe the command line."""
    parser = subparsers.add_parser(NAME, help="have a paused run go on", description=__doc__)
    parser.add_argument("--pid", type=int, default=0, metavar="N", help="of another run than the service")
    parser.set_defaults(main=main)


def main(args: argparse.Namespace) -> int:
    """Tell it."""
    from mien.service import telling

    sys.stdout.write(f"told process {telling.tell(telling.RESUME, args.pid)}\n")
    return 0
