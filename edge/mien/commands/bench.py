"""`mien bench`: time per stage on this machine; or two results compared."""

from __future__ import annotations

import argparse
import functools
import json
import sys
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING

from mien.commands.options import Subparsers, add_expression
from mien.errors import MienError

if TYPE_CHECKING:
    from mien.bench.document import Result

NAME = "bench"

_SECONDS, _QUICK_SECONDS = 40.0, 3.0
_STARTS, _QUICK_STARTS = 7, 1


def add(subparsers: Subparsers) -> None:
    """Describe the command line."""
    parser = subparsers.add_parser(NAME, help="time every stage", description=__doc__)
    parser.add_argument("--engine", action="append", metavar="NAME", help="repeatable; every installed one if absent")
    parser.add_argument(
        "--threads", type=int, action="append", metavar="N", help="repeatable; one, and all cores, if absent"
    )
    add_expression(parser)
    parser.add_argument("--seconds", type=float, metavar="S", help=f"time budget of the frames (default {_SECONDS:g})")
    parser.add_argument("--quick", action="store_true", help="a few seconds, for a first look")
    parser.add_argument("--json", action="store_true", help="print JSON instead of the table")
    parser.add_argument("--out", type=Path, metavar="FILE", help="write the JSON there as well")
    parser.add_argument(
        "--compare",
        type=Path,
        nargs=2,
        metavar=("BEFORE", "AFTER"),
        help="measure nothing: ratios of two results; status 1 if a whole path, cold start or memory grew too much",
    )
    parser.add_argument(
        "--threshold", type=float, default=1.2, metavar="R", help="ratio that is too much (default 1.2)"
    )
    parser.set_defaults(main=main)


def main(args: argparse.Namespace) -> int:
    """Measure or compare, and print; 1 if a comparison is past the threshold."""
    if args.compare is not None:
        return _compare(args)
    result = measured(args, ["mien", *sys.argv[1:]])
    from mien.bench import report

    text = json.dumps(result, indent=1, ensure_ascii=False) + "\n"
    if args.out is not None:
        _write(args.out, text)
    _print(text if args.json else report.text(result) + "\n")
    return 0


def measured(args: argparse.Namespace, command: list[str]) -> Result:
    """The result that the arguments ask for; see `mien.bench.result.run`.

    Raises:
        MienError: an argument, a model or an engine cannot be used.
    """
    from mien import machine
    from mien.bench import measure, result
    from mien.models import engine

    seconds = args.seconds if args.seconds is not None else _QUICK_SECONDS if args.quick else _SECONDS
    if not seconds > 0:
        raise MienError(f"--seconds is {seconds:g}; give more than 0")
    threads = args.threads or [1, min(machine.usable_cores(), engine.MOST_THREADS)]
    for count in threads:
        engine.check_threads(count, "--threads")
    installed = [name for name, version in engine.available().items() if version is not None]
    # At least the default, whose error says how to install it.
    engines = args.engine or installed or list(engine.ENGINES)[:1]
    for name in engines:
        engine.check_engine(name)
    if args.out is not None:
        _write(args.out, "", mode="a")  # fails now rather than after the measurement
    settings = result.Settings(
        tuple(dict.fromkeys(engines)),
        tuple(dict.fromkeys(threads)),
        seconds,
        _QUICK_STARTS if args.quick else _STARTS,
        args.expression,
    )
    opener = measure.bundled
    if args.expression is not None:
        opener = functools.partial(measure.bundled, expression=args.expression)
    return result.run(opener, settings, command, step)


def step(name: str) -> Callable[[float], None] | None:
    """Progress of one step on standard error; None where nobody looks at it."""
    if not sys.stderr.isatty():
        return None

    def progress(share: float) -> None:
        end = "\r\x1b[K" if share >= 1 else ""
        sys.stderr.write(f"\r{name}: {share:4.0%}{end}")
        sys.stderr.flush()

    return progress


def _compare(args: argparse.Namespace) -> int:
    from mien.bench import compare

    (before, after), threshold = args.compare, args.threshold
    if not threshold > 0:
        raise MienError(f"--threshold is {threshold:g}; give more than 0, such as 1.2")
    ratios = compare.compare(before, after)
    missing = compare.missing(before, after)
    caveats = compare.caveats(before, after) + [f"{after} has not measured: {name}" for name in missing]
    past = [ratio.name for ratio in ratios if ratio.gate and ratio.value > threshold] + missing
    if args.json:
        rows = [{"name": r.name, "before": r.before, "after": r.after, "ratio": r.value} for r in ratios]
        report = {"threshold": threshold, "past": past, "caveats": caveats, "ratios": rows}
        _print(json.dumps(report, indent=1, ensure_ascii=False) + "\n")
    else:
        _print("".join(f"NOTE {caveat}\n" for caveat in caveats) + compare.text(ratios, threshold) + "\n")
    return 1 if past else 0


def _print(text: str) -> None:
    """Print lines of which standard output may not know every sign: a measurement is not lost for a degree sign."""
    from mien.outputs.names import writable

    sys.stdout.write(writable(text, sys.stdout))


def _write(path: Path, text: str, mode: str = "w") -> None:
    try:
        with path.open(mode, encoding="utf-8") as file:
            file.write(text)
    except OSError as error:
        raise MienError(f"{path}: cannot be written ({error.strerror}); check the folder") from None
