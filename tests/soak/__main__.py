"""Hundreds of thousands of frames with faults in between; exit status 1 if a target was missed."""

from __future__ import annotations

import argparse
import logging
import shlex
import sys
import tempfile
from collections.abc import Sequence
from datetime import UTC, datetime
from pathlib import Path

from mien_train.training.progress import Progress
from soak import report
from soak.run import soak

FRAMES, EVERY = 500_000, 2000
"""Faults come in turn: so often that each kind has come, and taken what memory it takes, within the first tenth."""
ROOT = Path(__file__).parents[2]


def main(arguments: Sequence[str] | None = None) -> int:
    """Run, write soak.json and soak.png, and give the exit status."""
    parser = argparse.ArgumentParser(prog="soak", description=__doc__)
    parser.add_argument("--frames", type=int, default=FRAMES, metavar="N", help=f"to process ({FRAMES})")
    parser.add_argument("--every", type=int, metavar="N", help=f"frames between two faults ({EVERY}, or a fiftieth)")
    parser.add_argument("--out", type=Path, default=ROOT / "docs/results/soak.json", metavar="FILE", help="the result")
    args = parser.parse_args(arguments)
    if args.frames < 1000:
        parser.error("--frames: give 1000 or more")
    every = args.every or min(EVERY, args.frames // 50)
    logging.disable(logging.WARNING)  # faults by the hundred are told in the result
    date = datetime.now(UTC).isoformat(timespec="seconds")
    with tempfile.TemporaryDirectory() as folder, Progress(None, "soak", args.frames, "frames") as bar:
        outcome = soak(Path(folder), args.frames, every, bar.step)
    words = ["python", "-m", "soak", "--frames", str(args.frames), "--every", str(every)]
    found = report.document(outcome, shlex.join(words), date, every)
    report.write(found, outcome, args.out)
    sys.stdout.write("\n".join(report.lines(found)) + f"\nwrote {args.out}\n")
    return 0 if found["kept"] else 1


if __name__ == "__main__":
    sys.exit(main())
