"""`mien pause`: no frame is read, counted or shown until `mien resume`; the camera stays open."""

from __future__ import annotations

import argparse
import sys

from mien.commands.options import Subparsers

NAME = "pause"


def add(subparsers: Subparsers) -> None:
    """Describe the command line."""
    parser = subparsers.add_parser(NAME, help="have a run read nothing for a while", description=__doc__)
    parser.add_argument("--pid", type=int, default=0, metavar="N", help="of another run than the service")
    parser.set_defaults(main=main)


def main(args: argparse.Namespace) -> int:
    """Tell it."""
    from mien.service import telling

    sys.stdout.write(f"told process {telling.tell(telling.PAUSE, args.pid)}\n")
    return 0
