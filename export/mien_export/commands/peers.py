"""`peers`: time mien beside other people's models, as JSON; see `make bench`."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Callable
from pathlib import Path

from mien_export.commands.options import Commands, positive, say


def add(commands: Commands) -> None:
    """Add the command."""
    beside = commands.add_parser("peers", help="time mien beside other people's models, as JSON; see `make bench`")
    beside.add_argument("--out", type=Path, default=Path("docs/results/bench.json"), metavar="FILE")
    beside.add_argument(
        "--peers", type=Path, metavar="DIR", help="their files (default: $MIEN_PEERS, else ../shared/peers)"
    )
    beside.add_argument(
        "--seconds", type=positive, default=40, metavar="S", help="time budget of each of the two parts (default: 40)"
    )
    beside.add_argument("--quick", action="store_true", help="a few seconds, for a first look")
    beside.set_defaults(run=_run)


def _run(options: argparse.Namespace) -> int:
    from mien.models import engine

    engine.available()  # imports the engines as `mien bench` does, before the modules below do it in their way
    from mien_export.pages import bench_picture
    from mien_export.peers import benchmark
    from mien_train.face import detectors

    seconds, starts = (3.0, 1) if options.quick else (options.seconds, 7)
    command = ["python -m mien_export", *sys.argv[1:]]
    document = benchmark.measure(seconds, starts, options.peers or detectors.peers_folder(), command, _step)
    benchmark.write(document, options.out)
    drawn = bench_picture.draw(document, options.out)
    benchmark.write({**document, "picture": drawn.name if drawn else None}, options.out)
    say([benchmark.text(document)])
    return 0


def _step(name: str) -> Callable[[float], None]:
    """Progress of one part of the measurement, told as a share from 0 to 1."""
    from mien_train.training.progress import Progress, progress

    shown: Progress[None] = progress(None, name, total=100, unit="hundredths")
    done = 0

    def told(share: float) -> None:
        nonlocal done
        shown.step(round(100 * share) - done)
        done = round(100 * share)
        if share >= 1:
            shown.close()

    return told
