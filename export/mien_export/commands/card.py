"""`card`: write model cards from docs/results."""

from __future__ import annotations

import argparse
from pathlib import Path

from mien_export.commands.options import Commands, say


def add(commands: Commands) -> None:
    """Add the command."""
    card = commands.add_parser("card", help="write model cards from docs/results")
    card.add_argument("models", nargs="+", metavar="MODEL", help="name of a bundled model, or path of a sidecar")
    card.add_argument("--results", type=Path, default=Path("docs/results"), metavar="DIR")
    card.add_argument("--out", type=Path, default=Path("docs/models"), metavar="DIR")
    card.set_defaults(run=_run)


def _run(options: argparse.Namespace) -> int:
    from mien_export.pages import card

    for model in options.models:
        say([card.write(model, options.results, options.out)])
    return 0
