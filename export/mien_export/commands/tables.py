"""`tables`: write the tables of README and docs from docs/results."""

from __future__ import annotations

import argparse
from pathlib import Path

from mien_export.commands.options import Commands


def add(commands: Commands) -> None:
    """Add the command."""
    tables = commands.add_parser("tables", help="write the tables of README.md and docs from docs/results")
    tables.add_argument(
        "--readme",
        type=Path,
        action="append",
        metavar="FILE",
        help="the page; repeatable (default: README.md, and what in docs has a table)",
    )
    tables.add_argument(
        "--results", type=Path, default=Path("docs/results"), metavar="DIR", help="default: docs/results"
    )
    tables.add_argument("--check", action="store_true", help="change nothing; status 1 if a page is out of date")
    tables.set_defaults(run=_run)


def _run(options: argparse.Namespace) -> int:
    from mien_export import files
    from mien_export.pages import tables

    pages = options.readme or tables.pages(Path("."))
    if not options.readme:
        tables.complete(pages)
    texts = {page: tables.fill(page, options.results) for page in pages}  # before any is written
    if options.check:
        return 0 if all(text == files.read_text(page) for page, text in texts.items()) else 1
    for page, text in texts.items():
        files.write_text(page, text, "--readme")
    return 0
