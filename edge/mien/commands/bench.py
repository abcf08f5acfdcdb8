"""`mien bench`: time per stage on this machine."""

from __future__ import annotations

import argparse
import json
import sys
from pathlib import Path

from mien.commands.options import Subparsers, open_models
from mien.errors import MienError

NAME = "bench"


def add(subparsers: Subparsers) -> None:
    """Describe the command line."""
    parser = subparsers.add_parser(NAME, help="time every stage", description=__doc__)
    parser.add_argument("--engine", action="append", metavar="NAME", help="repeatable; every installed one if absent")
    parser.add_argument("--threads", type=int, default=1, metavar="N", help="of the engine (default 1)")
    parser.add_argument("--seconds", type=float, default=10.0, metavar="S", help="time budget (default 10)")
    parser.add_argument("--json", action="store_true", help="print JSON instead of the table")
    parser.add_argument("--out", type=Path, metavar="FILE", help="write the JSON there as well")
    parser.set_defaults(main=main)


def main(args: argparse.Namespace) -> int:
    """Measure and print."""
    from mien import bench, engine

    if not args.seconds > 0:
        raise MienError(f"--seconds is {args.seconds:g}; give more than 0")
    installed = [name for name, version in engine.available().items() if version is not None]
    # At least the default, whose error says how to install it.
    engines = args.engine or installed or list(engine.ENGINES)[:1]
    if args.out is not None:
        _write(args.out, "", mode="a")  # fails now rather than after the measurement
    result = bench.measure(open_models, engines, args.seconds, args.threads)
    text = json.dumps(result, indent=2) + "\n"
    if args.out is not None:
        _write(args.out, text)
    sys.stdout.write(text if args.json else bench.table(result) + "\n")
    return 0


def _write(path: Path, text: str, mode: str = "w") -> None:
    try:
        with path.open(mode, encoding="utf-8") as file:
            file.write(text)
    except OSError as error:
        raise MienError(f"{path}: cannot be written ({error.strerror}); check the folder") from None
