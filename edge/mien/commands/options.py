"""Options that several commands share."""

from __future__ import annotations

import argparse
from typing import TypeAlias

TILES_HELP = (
    "also scan overlapping tiles, magnified, for small faces: one more run of the detector a tile "
    "(nine for 640x480 with face-base), up to six for second looks, and more false alarms"
)
"""Of `--tiles`."""

EXPRESSION_HELP = (
    "how faces are read: perceived (what people see), intended (what a face is meant to show), mixed (both), as far as "
    "the classifier has it (its own choice; see `mien models`)"
)
"""Of `--expression`."""

Subparsers: TypeAlias = "argparse._SubParsersAction[argparse.ArgumentParser]"


def add_models(parser: argparse.ArgumentParser, defaults: bool = True) -> None:
    """Add `--engine`, `--detector`, `--classifier` and `--expression`, checked where the models are opened.

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
    add_expression(parser)


def add_expression(parser: argparse.ArgumentParser) -> None:
    """Add `--expression`, likewise checked where the model is opened."""
    parser.add_argument("--expression", metavar="NAME", help=EXPRESSION_HELP)
