"""The commands of `python -m mien_train`."""

from __future__ import annotations

import argparse
import os
import sys
from collections.abc import Sequence

from mien.errors import MienError
from mien_train.commands import evaluate, study, train


def main(arguments: Sequence[str] | None = None) -> int:
    """Run one command; exit status 0, 2 on bad input, 130 after Ctrl-C."""
    options = _parser().parse_args(arguments)
    try:
        if options.command != "emotion" and int(os.environ.get("WORLD_SIZE", "1")) > 1:
            raise MienError(f"{options.command} runs in one process; start it without torchrun")
        status: int = options.run(options)
    except MienError as error:
        print(f"mien_train: {error}", file=sys.stderr)  # noqa: T201
        return 2
    except KeyboardInterrupt:
        return 130
    return status


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m mien_train", description=__doc__)
    commands = parser.add_subparsers(dest="command", required=True, metavar="COMMAND")
    for module in (train, evaluate, study):
        module.add(commands)
    return parser
