"""`average`: weights between a finished run and what it began from."""

from __future__ import annotations

import argparse
from pathlib import Path

from mien_train.commands.options import Commands, folder


def add(commands: Commands) -> None:
    """Add the command."""
    average = commands.add_parser(
        "average", help="average the weights of a finished face run with those that it began from"
    )
    average.add_argument("run_folder", type=Path, metavar="RUN", help="run folder of the detector, or .pt file")
    average.add_argument(
        "other", type=Path, metavar="OTHER", help="what it began from: a run folder, .pt file, or exported .onnx file"
    )
    average.add_argument("--share", type=float, default=0.5, metavar="S", help="of RUN's weights (default: 0.5)")
    average.add_argument("--out", type=Path, required=True, metavar="DIR", help="folder of the new run")
    average.set_defaults(run=_average)


def _average(options: argparse.Namespace) -> int:
    from mien_train.training import averaging

    print(averaging.store(options.run_folder, options.other, options.share, folder(options.out)))  # noqa: T201
    return 0
