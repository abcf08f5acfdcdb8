"""`frontier`: the emotion classifiers side by side, as a table and a picture, from docs/results."""

from __future__ import annotations

import argparse
from pathlib import Path

from mien_export.commands.options import Commands, say


def add(commands: Commands) -> None:
    """Add the command."""
    frontier = commands.add_parser(
        "frontier",
        help="show accuracy against bytes, products and time of the emotion classifiers, and draw frontier.png",
    )
    frontier.add_argument(
        "--results", type=Path, default=Path("docs/results"), metavar="DIR", help="default: docs/results"
    )
    frontier.set_defaults(run=_run)


def _run(options: argparse.Namespace) -> int:
    from mien_export.pages import frontier, frontier_picture

    found, _ = frontier.points(options.results)
    drawn = frontier_picture.draw(found, options.results)
    say([*frontier.lines(options.results), "", drawn])
    return 0
