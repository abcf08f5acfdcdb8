"""The `mien` command: finds the subcommand, and turns errors into one line and a status."""

from __future__ import annotations

import argparse
import os
import sys
from collections.abc import Sequence
from typing import NoReturn

from mien import machine
from mien.commands import bench, detect, doctor, models, run
from mien.errors import MienError

_COMMANDS = (run, detect, models, bench, doctor)


class _Parser(argparse.ArgumentParser):
    """Says what was wrong in one line; the usage is one `--help` away."""

    def error(self, message: str) -> NoReturn:
        self.exit(2, f"{self.prog}: {message}; see {self.prog} --help\n")


def main(arguments: Sequence[str] | None = None) -> int:
    """Run a command line.

    Args:
        arguments: without the program's name; those of the process if None.

    Returns:
        0 on success, 1 where a command says so, 2 on bad usage or bad input, 130 after Ctrl-C.
    """
    parser = _Parser(prog="mien", description="Faces and their expressions, read on the device.")
    parser.add_argument("--version", action="store_true", help="print the version and leave")
    subparsers = parser.add_subparsers(metavar="COMMAND", dest="command")
    for command in _COMMANDS:
        command.add(subparsers)
    args = parser.parse_args(arguments)
    if args.version:
        sys.stdout.write(f"mien {machine.versions()['mien'] or '(not installed)'}\n")
        return 0
    if args.command is None:
        parser.error("give a command: " + ", ".join(c.NAME for c in _COMMANDS))
    try:
        status: int = args.main(args)
        sys.stdout.flush()
    except MienError as error:
        sys.stderr.write(f"mien: {error}\n")
        return 2
    except KeyboardInterrupt:
        return 130
    except BrokenPipeError:
        # Whoever read our output has gone (`mien detect … | head`): leave quietly, and keep Python from
        # trying to flush the same pipe again at exit.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return 0
    return status
