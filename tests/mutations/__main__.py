"""Damage everything that mien reads, some thousand times, and list what it neither reads nor refuses in one line.

    PYTHONPATH=tests python -m mutations [--only KIND:SEED ...] [--kind KIND ...] [--share S] [--seed N]

Exit status 1 if a case failed: a traceback, a hang, a crash, more than one line, too much memory, or an answer that
cannot be right. Crashes of an engine on a model whose hash was forged are listed besides.
"""

from __future__ import annotations

import argparse
import os
import sys
import time
from collections import Counter
from collections.abc import Sequence

from mutations.children import Case, outcomes
from mutations.kinds import KINDS

_VERDICTS = ("fine", "refused", "failed", "crashed")


def planned(kinds: Sequence[str], share: float, first: int) -> list[Case]:
    """The cases of a run: so large a share of each kind's, seeds from `first`."""
    return [Case(kind, first + number) for kind in kinds for number in range(max(1, round(KINDS[kind].cases * share)))]


def main(arguments: Sequence[str] | None = None) -> int:
    """Run, report, and give the exit status."""
    parser = argparse.ArgumentParser(prog="mutations", description=__doc__.splitlines()[0] if __doc__ else None)
    parser.add_argument("--only", action="append", metavar="KIND:SEED", help="repeat this case; repeatable")
    parser.add_argument("--kind", action="append", choices=list(KINDS), help="these alone; repeatable")
    parser.add_argument("--share", type=float, default=1.0, metavar="S", help="of the cases of a whole run (1)")
    parser.add_argument("--seed", type=int, default=0, metavar="N", help="of each kind's first case (0)")
    parser.add_argument("--children", type=int, default=len(os.sched_getaffinity(0)), metavar="N", help="processes")
    args = parser.parse_args(arguments)
    if args.only:
        cases = [Case(kind, int(seed)) for kind, seed in (text.rsplit(":", 1) for text in args.only)]
    else:
        cases = planned(args.kind or list(KINDS), args.share, args.seed)
    began, counts = time.monotonic(), {kind: Counter[str]() for kind in KINDS}
    for outcome in outcomes(KINDS, cases, args.children):
        counts[outcome.case.kind][outcome.verdict] += 1
        if outcome.verdict in ("failed", "crashed") or args.only:
            sys.stdout.write(f"{outcome.verdict.upper():<8} {outcome.case}  {outcome.text}\n")
            sys.stdout.flush()
    sys.stdout.write(f"{'kind':<10}" + "".join(f"{verdict:>9}" for verdict in _VERDICTS) + "\n")
    for kind, found in counts.items():
        if found:
            sys.stdout.write(f"{kind:<10}" + "".join(f"{found[verdict]:>9}" for verdict in _VERDICTS) + "\n")
    failed = sum(found["failed"] for found in counts.values())
    sys.stdout.write(f"{len(cases)} cases in {time.monotonic() - began:.0f} s, {failed} failed\n")
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
