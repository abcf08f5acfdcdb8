"""`build`: export a training run as int8 ONNX and TFLite with their sidecar."""

from __future__ import annotations

import argparse
from pathlib import Path

from mien_export.commands.options import Commands, add_data, add_run, positive, say, size
from mien_export.standing import RULE
from mien_train.commands.options import seed

_METHODS = ("minmax", "percentile", "entropy")


def add(commands: Commands) -> None:
    """Add the command."""
    build = commands.add_parser(
        "build",
        help="export a training run as int8 ONNX and TFLite with their sidecar",
        description="Export a training run as int8 ONNX and TFLite with their sidecar; a detector also as its portrait "
        f"counterpart NAME-portrait. {RULE} Status 1 if a model fails a check.",
    )
    add_run(build)
    build.add_argument("--out", type=Path, required=True, metavar="DIR", help="folder of the files, three a model")
    build.add_argument("--name", help="of the model (default: TASK-RECIPE, with --head TASK-RECIPE-NAME)")
    build.add_argument(
        "--head",
        metavar="NAME",
        help="of a classifier of two heads this one alone, perceived or intended, as a model of its own right",
    )
    add_data(build)
    build.add_argument("--calibration-size", type=positive, default=512, metavar="N", help="images (default: 512)")
    build.add_argument("--method", choices=_METHODS, default="entropy", help="of calibration (default: entropy)")
    build.add_argument("--seed", type=seed, default=0, help="of the calibration images (default: 0)")
    build.add_argument(
        "--qat",
        type=positive,
        default=0,
        metavar="EPOCHS",
        help="quantization-aware fine-tuning first (default: none)",
    )
    build.add_argument("--size", type=size, metavar="HxW", help="detector's input (default: the recipe's)")
    build.add_argument("--force", action="store_true", help="put a model in place that is not good enough for that")
    build.set_defaults(run=_run)


def _run(options: argparse.Namespace) -> int:
    from mien_export import build
    from mien_export.sidecar import Calibration, settings

    checkpoint = build.read(options.checkpoint)
    settings(checkpoint)
    size = build.input_size(checkpoint, options.size)
    name = options.name or "-".join(
        filter(None, (checkpoint.task, checkpoint.recipe.get("name", "model"), options.head))
    )
    calibration = Calibration(options.calibration_size, options.method, options.seed, options.qat)
    from mien_export.sets import source

    data = source(options.data, calibration)
    for model in build.build(checkpoint, options.out, name, calibration, data, size, options.force, options.head):
        say([model.sidecar, *(f"  {check}" for check in model.checks)])
    return 0
