"""`decide`: choose anew how the scores of an exported detector are read."""

from __future__ import annotations

import argparse

from mien_export.commands.options import Commands, add_data, say


def add(commands: Commands) -> None:
    """Add the command."""
    decide = commands.add_parser(
        "decide",
        help="choose anew how the scores of an exported detector are read",
        description="Choose anew how the scores of an exported detector are read, as `build` does: what a score means, "
        "from which score a face counts, with and without tiles, and how far two faces may overlap. The networks stay "
        "as they are, the sidecars of the model and of its portrait counterpart are written again with their figures. "
        "For other validation photographs, or a detector that an earlier version exported.",
    )
    decide.add_argument("model", help="name of a bundled detector, or path of a sidecar")
    add_data(decide)
    decide.add_argument("--force", action="store_true", help="also if the detector is clearly worse so")
    decide.set_defaults(run=_run)


def _run(options: argparse.Namespace) -> int:
    from mien.models import bundle
    from mien_export import deciding
    from mien_export.sets import source

    model = bundle.load(options.model)
    for path, check in deciding.anew(model, source(options.data), options.force):
        say([f"{path}: {check}"])
    return 0
