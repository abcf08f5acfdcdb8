"""`calibrations`: compare calibration methods and sizes on the validation split."""

from __future__ import annotations

import argparse
from pathlib import Path

from mien_export.commands.options import Commands, add_data, add_run, say, sizes


def add(commands: Commands) -> None:
    """Add the command."""
    compare = commands.add_parser("calibrations", help="compare calibration methods and sizes on the validation split")
    add_run(compare)
    compare.add_argument("--sizes", type=sizes, default=(128, 512, 2048), metavar="N,…", help="default: 128,512,2048")
    compare.add_argument("--out", type=Path, metavar="FILE", help="default: docs/results/calibration-TASK.json")
    add_data(compare)
    compare.set_defaults(run=_run)


def _run(options: argparse.Namespace) -> int:
    from mien_export.quantization import calibration_study
    from mien_train.data import store

    say([calibration_study.write(options.checkpoint, store.folder(options.data), options.out, options.sizes)])
    return 0
