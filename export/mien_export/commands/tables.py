"""`tables`: write the README's tables from docs/results."""

from __future__ import annotations

import argparse
from pathlib import Path

from mien_export.commands.options import Commands


def add(commands: Commands) -> None:
    """Add the command."""
    tables = commands.add_parser("tables", help="write the README's tables from docs/results")
    tables.add_argument("--readme", type=Path, default=Path("README.md"), metavar="FILE")
    tables.add_argument("--results", type=Path, default=Path("docs/results"), metavar="DIR")
    tables.add_argument("--check", action="store_true", help="change nothing; status 1 if the tables are out of date")
    tables.set_defaults(run=_run)


def _run(options: argparse.Namespace) -> int:
    from mien_export import files
    from mien_export.pages import tables

    text = tables.fill(options.readme, options.results)
    if options.check:
        return 0 if text == files.read_text(options.readme) else 1
    files.write_text(options.readme, text, "--readme")
    return 0
