"""`held`: whether a new bench and new counts keep what is promised; see `make bench-all`."""

from __future__ import annotations

import argparse
from pathlib import Path

from mien_export.commands.options import Commands, say


def add(commands: Commands) -> None:
    """Add the command."""
    held = commands.add_parser("held", help="whether a new bench and new counts keep what is promised, by ratio")
    held.add_argument("folder", type=Path, metavar="DIR", help="with a new bench.json and bench-arm64.json")
    held.add_argument(
        "--against", type=Path, default=Path("docs/results"), metavar="DIR", help="the committed ones (docs/results)"
    )
    held.set_defaults(run=_run)


def _run(options: argparse.Namespace) -> int:
    from mien_export import held
    from mien_export.records.bench import Bench
    from mien_export.records.counted import CountedWays
    from mien_export.records.reading import read

    benches = [read(folder / "bench.json", Bench) for folder in (options.folder, options.against)]
    counted = [read(folder / "bench-arm64.json", CountedWays) for folder in (options.folder, options.against)]
    verdicts = (*held.times(*benches), *held.counts(*counted))
    say([held.text(verdicts)])
    if benches[0]["hardware"]["cpu"] != benches[1]["hardware"]["cpu"]:
        say([f"times are not compared with those of another processor, {benches[1]['hardware']['cpu']}"])
    return 0 if all(verdict.held for verdict in verdicts) else 1
