"""The commands of `python -m mien_export`."""

from __future__ import annotations

import argparse
import os
import sys
from collections.abc import Sequence
from typing import NoReturn

from mien.errors import MienError
from mien_export.commands import (
    build,
    calibrations,
    card,
    decide,
    frontier,
    held,
    peers,
    results,
    seeds,
    tables,
    verify,
)
from mien_export.proof.check import CheckError

_COMMANDS = (build, decide, calibrations, results, seeds, card, tables, frontier, peers, held, verify)


def main(arguments: Sequence[str] | None = None) -> int:
    """Run one command; exit status 0, 1 when a model fails a check, 2 on bad input, 130 after Ctrl-C."""
    options = _parser().parse_args(arguments)
    try:
        status: int = options.run(options)
        sys.stdout.flush()  # whoever reads the output may have left
    except CheckError as error:
        return _failed(str(error), 1)
    except MienError as error:
        return _failed(str(error), 2)
    except BrokenPipeError:
        # What is still buffered would break the pipe once more when Python leaves.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return _failed("standard output was closed before everything was said; give it a reader", 2)
    except OSError as error:
        place = f"{error.filename}: " if error.filename else ""
        return _failed(f"{place}{error.strerror or error}; free some space or check the path", 2)
    except KeyboardInterrupt:
        return 130
    return status


def _failed(message: str, status: int) -> int:
    print(f"mien_export: {message}", file=sys.stderr)  # noqa: T201
    return status


def _parser() -> argparse.ArgumentParser:
    parser = _Parser(prog="python -m mien_export", description=__doc__)
    commands = parser.add_subparsers(dest="command", required=True, metavar="COMMAND")
    for command in _COMMANDS:
        command.add(commands)
    return parser


class _Parser(argparse.ArgumentParser):
    """Says what is wrong in one line, without repeating the usage."""

    def error(self, message: str) -> NoReturn:
        self.exit(2, f"{self.prog}: {message}; see --help\n")
