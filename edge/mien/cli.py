"""The `mien` command: finds the subcommand, and turns errors into one line and a status."""

from __future__ import annotations

import argparse
import io
import os
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any, NoReturn

from mien import machine
from mien.commands import bench, config, detect, doctor, models, pause, purge, report, resume, run, service
from mien.errors import MienError, RunError, one_line

_COMMANDS = (run, detect, report, purge, models, bench, doctor, config, service, pause, resume)


class _Parser(argparse.ArgumentParser):
    """Says what was wrong in one line; the usage is one `--help` away."""

    def parse_known_args(self, args: Any = None, namespace: Any = None) -> tuple[Any, list[str]]:
        """As argparse's, which asks each command's parser; here that one says what it does not know, with its help."""
        found, unknown = super().parse_known_args(args, namespace)
        if unknown:
            self.error(f"unrecognized arguments: {' '.join(unknown)}")
        return found, unknown

    def error(self, message: str) -> NoReturn:
        self.exit(2, one_line(f"{self.prog}: {message}; see {self.prog} --help") + "\n")


def main(arguments: Sequence[str] | None = None) -> int:
    """Run a command line.

    Args:
        arguments: without the program's name; those of the process if None.

    Returns:
        0 on success, 1 where a command says so, 2 on bad usage or bad input, 3 where a run failed that had begun, 130
        after Ctrl-C.
    """
    # OpenCV would warn on standard error of what we report ourselves; read when it is imported.
    os.environ.setdefault("OPENCV_LOG_LEVEL", "ERROR")
    if sys.stdout is None:  # a daemon may be started with its streams closed
        sys.stdout = Path(os.devnull).open("w", encoding="utf-8")  # noqa: SIM115
    if sys.stderr is None:
        sys.stderr = Path(os.devnull).open("w", encoding="utf-8")  # noqa: SIM115
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, io.TextIOWrapper):  # letters that a terminal has not are spelled, and end no command
            stream.reconfigure(errors="backslashreplace")
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
        return 3 if isinstance(error, RunError) else 2
    except KeyboardInterrupt:
        return 130
    except MemoryError:
        sys.stderr.write("mien: there is no memory for this; free some\n")
        return _unstarted()
    except ImportError as error:  # not installed, not for this system, or larger than the memory
        sys.stderr.write(one_line(f"mien: a library cannot be loaded ({error}); install mien again") + "\n")
        # What is not installed stays so.
        return 2 if isinstance(error, ModuleNotFoundError) else _unstarted()
    except OSError as error:
        if isinstance(error, BrokenPipeError):
            return _leave_quietly(0)
        # A full disk behind standard output, a name too long, a folder that may not be entered.
        what = f": {error.filename}" if error.filename else ""
        sys.stderr.write(one_line(f"mien: {error.strerror or error}{what}") + "\n")
        return _leave_quietly(2)
    return status


def _unstarted() -> int:
    # A service is started again, which status 2 would forbid: there may be memory then.
    from mien.service import notify

    return 3 if notify.told(os.environ) else 2


def _leave_quietly(status: int) -> int:
    # Whoever read our output has gone (`mien detect … | head`), or it cannot be written: keep Python from trying to
    # flush it again at exit.
    try:
        sys.stdout.flush()
    except OSError:
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
    return status
