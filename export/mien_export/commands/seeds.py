"""`seeds`: how far a recipe's figures depend on the seed of its training."""

from __future__ import annotations

import argparse
from pathlib import Path

from mien_export.commands.options import Commands, add_data, say


def add(commands: Commands) -> None:
    """Add the command."""
    seeds = commands.add_parser(
        "seeds",
        help="figures of one recipe over several seeds, test split included",
        description="Figures of one recipe over several seeds, on the strict and the loose test images: each seed's, "
        "their mean and deviation, and how far the mean depends on the images. Each look is noted.",
    )
    seeds.add_argument("name", metavar="NAME", help="of the model that has this recipe, such as emotion-base")
    seeds.add_argument(
        "models", nargs="+", type=Path, metavar="MODEL", help=".tflite file beside its sidecar, one a seed"
    )
    seeds.add_argument("--out", type=Path, metavar="FILE", help="default: docs/results/seeds-NAME.json")
    add_data(seeds)
    seeds.set_defaults(run=_run)


def _run(options: argparse.Namespace) -> int:
    from mien_export import seeds
    from mien_train.data import store

    files = " ".join(str(path) for path in options.models)
    command = f"python -m mien_export seeds {options.name} {files}"
    say([seeds.write(options.name, options.models, store.folder(options.data), command, options.out)])
    return 0
