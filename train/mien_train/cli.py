"""The commands of `python -m mien_train`."""

from __future__ import annotations

import argparse
import os
import sys
from collections.abc import Sequence
from io import TextIOWrapper

from mien.errors import MienError
from mien_train.commands import average, decide, evaluate, quality, study, train


def main(arguments: Sequence[str] | None = None) -> int:
    """Run one command; exit status 0, 1 where a command says so, 2 on bad input, 130 after Ctrl-C."""
    if isinstance(sys.stdout, TextIOWrapper):
        sys.stdout.reconfigure(errors="surrogateescape")  # a file name need not be UTF-8, and is printed as it is
    options = _parser().parse_args(arguments)
    try:
        if options.command != "emotion" and int(os.environ.get("WORLD_SIZE", "1")) > 1:
            raise MienError(f"{options.command} runs in one process; start it without torchrun")
        status: int = options.run(options)
        sys.stdout.flush()  # whoever reads the output may have left
    except MienError as error:
        return _failed(str(error))
    except BrokenPipeError:
        _drop_output()
        return _failed("standard output was closed before everything was said; give it a reader")
    except OSError as error:
        _drop_output()
        place = f"{error.filename}: " if error.filename else ""
        return _failed(f"{place}{error.strerror or error}; free some space or check the path")
    except (MemoryError, RuntimeError) as error:
        if isinstance(error, RuntimeError) and "allocate" not in str(error):
            raise  # torch's word for a lack of memory; anything else is a fault of ours, to be seen whole
        return _failed("there is not memory enough for this; lower batch or widths with --set")
    except KeyboardInterrupt:
        return 130
    return status


def _failed(message: str) -> int:
    print(f"mien_train: {message}", file=sys.stderr)  # noqa: T201
    return 2


def _drop_output() -> None:
    """What is still buffered and cannot be written would be tried once more when Python leaves."""
    try:
        sys.stdout.flush()
    except OSError:
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m mien_train", description=__doc__)
    commands = parser.add_subparsers(dest="command", required=True, metavar="COMMAND")
    for module in (train, average, evaluate, decide, quality, study):
        module.add(commands)
    return parser
