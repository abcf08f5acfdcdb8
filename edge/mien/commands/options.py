"""Options that several commands share."""

from __future__ import annotations

import argparse
from typing import TypeAlias

TILES_HELP = (
    "also scan overlapping tiles, magnified, for small faces: one more run of the detector a tile "
    "(nine for 640x480 with face-base), and more false alarms"
)
"""Of `--tiles`."""

Subparsers: TypeAlias = "argparse._SubParsersAction[argparse.ArgumentParser]"


def add_models(parser: argparse.ArgumentParser, defaults: bool = True) -> None:
    """Add `--engine`, `--detector` and `--classifier`, checked where the models are opened, so that this is quick.

    Args:
        parser: of the command.
        defaults: whether what is not given is the default, rather than None.
    """
    for option, default, what in (
        ("--engine", "litert", "litert (default), onnx or tflite"),
        ("--detector", "face-base", "name of a bundled model, or path of a sidecar (default: face-base)"),
        ("--classifier", "emotion-base", "likewise (default: emotion-base)"),
    ):
        parser.add_argument(option, default=default if defaults else None, metavar="NAME", help=what)
