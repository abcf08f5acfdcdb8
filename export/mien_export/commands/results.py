"""`results`: the final report of a bundled model, every protocol, test split included."""

from __future__ import annotations

import argparse
from pathlib import Path

from mien_export.commands.options import Commands, add_data, say


def add(commands: Commands) -> None:
    """Add the command."""
    results = commands.add_parser(
        "results", help="final report of a bundled model: every protocol, test split included"
    )
    results.add_argument("model", help="name of a bundled model, or path of a sidecar")
    results.add_argument("--out", type=Path, metavar="FILE", help="default: docs/results/NAME.json")
    add_data(results)
    results.set_defaults(run=_run)


def _run(options: argparse.Namespace) -> int:
    from mien_export import results
    from mien_train.data import store

    say([results.write(options.model, store.folder(options.data), options.out)])
    return 0
