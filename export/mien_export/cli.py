"""The commands of `python -m mien_export`."""

from __future__ import annotations

import argparse
import re
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import NoReturn

from mien.errors import MienError

_METHODS = ("minmax", "percentile", "entropy")


def main(arguments: Sequence[str] | None = None) -> int:
    """Run one command; exit status 0, 1 when a model fails a check, 2 on bad input, 130 after Ctrl-C."""
    options = _parser().parse_args(arguments)
    try:
        status: int = options.run(options)
    except MienError as error:
        print(f"mien_export: {error}", file=sys.stderr)  # noqa: T201
        return 2
    except KeyboardInterrupt:
        return 130
    return status


def _build(options: argparse.Namespace) -> int:
    from mien_export import build
    from mien_export.sidecar import Calibration, settings

    checkpoint = build.read(options.checkpoint)
    settings(checkpoint)
    size = build.input_size(checkpoint, options.size)
    name = options.name or f"{checkpoint.task}-{checkpoint.recipe.get('name', 'model')}"
    calibration = Calibration(options.calibration_size, options.method, options.seed, options.qat)
    from mien_export.sets import source

    path = build.build(checkpoint, options.out, name, calibration, source(options.data, calibration), size)
    return _report((path,))


def _calibrations(options: argparse.Namespace) -> int:
    from mien_export.quantization import calibration_study
    from mien_train.data import store

    print(calibration_study.write(options.checkpoint, store.folder(options.data), options.out, options.sizes))  # noqa: T201
    return 0


def _results(options: argparse.Namespace) -> int:
    from mien_export import results
    from mien_train.data import store

    print(results.write(options.model, store.folder(options.data), options.out))  # noqa: T201
    return 0


def _card(options: argparse.Namespace) -> int:
    from mien_export.pages import card

    for model in options.models:
        print(card.write(model, options.results, options.out))  # noqa: T201
    return 0


def _tables(options: argparse.Namespace) -> int:
    from mien_export.pages import tables

    text = tables.fill(options.readme, options.results)
    if options.check:
        return 0 if text == options.readme.read_text(encoding="utf-8") else 1
    options.readme.write_text(text, encoding="utf-8")
    return 0


def _peers(options: argparse.Namespace) -> int:
    from mien.commands.bench import step
    from mien_export.pages import bench_picture
    from mien_export.peers import benchmark, catalogue

    seconds, starts = (3.0, 1) if options.quick else (options.seconds, 7)
    command = ["python -m mien_export", *sys.argv[1:]]
    document = benchmark.measure(seconds, starts, options.peers or catalogue.folder(), command, step)
    benchmark.write(document, options.out)
    drawn = bench_picture.draw(document, options.out.parent)
    benchmark.write({**document, "picture": drawn.name if drawn else None}, options.out)
    print(benchmark.text(document))  # noqa: T201
    return 0


def _verify(options: argparse.Namespace) -> int:
    from mien_export.proof.verify import find

    return _report(find(options.path))


def _report(sidecars: Sequence[Path]) -> int:
    from mien_export.proof.verify import verify

    failed = False
    for path in sidecars:
        checks = verify(path)
        failed |= any(check.passed is False for check in checks)
        print(path, *(f"  {check}" for check in checks), sep="\n")  # noqa: T201
    return 1 if failed else 0


def _size(text: str) -> tuple[int, int]:
    found = re.fullmatch(r"(\d+)[x×](\d+)", text)
    if found is None:
        raise argparse.ArgumentTypeError(f"{text!r} is no size; give HEIGHTxWIDTH, such as 256x320")
    return int(found[1]), int(found[2])


def _sizes(text: str) -> tuple[int, ...]:
    return tuple(_positive(part) for part in text.split(","))


def _positive(text: str) -> int:
    if not text.isdecimal() or int(text) < 1:
        raise argparse.ArgumentTypeError(f"{text!r} is not a whole number above 0")
    return int(text)


def _parser() -> argparse.ArgumentParser:
    parser = _Parser(prog="python -m mien_export", description=__doc__)
    commands = parser.add_subparsers(dest="command", required=True)

    build = commands.add_parser("build", help="export a training run as int8 ONNX and TFLite with their sidecar")
    build.add_argument("checkpoint", type=Path, metavar="RUN", help="folder with checkpoint.pt, or a .pt file")
    build.add_argument("--out", type=Path, required=True, metavar="DIR", help="folder for the model's three files")
    build.add_argument("--name", help="of the model (default: TASK-RECIPE)")
    build.add_argument(
        "--data", type=Path, metavar="DIR", help="data folder (default: $MIEN_DATA, else ../shared/data)"
    )
    build.add_argument("--calibration-size", type=_positive, default=512, metavar="N", help="images (default: 512)")
    build.add_argument("--method", choices=_METHODS, default="entropy", help="of calibration (default: entropy)")
    build.add_argument("--seed", type=int, default=0, help="of the calibration images (default: 0)")
    build.add_argument(
        "--qat",
        type=_positive,
        default=0,
        metavar="EPOCHS",
        help="quantization-aware fine-tuning first (default: none)",
    )
    build.add_argument("--size", type=_size, metavar="HxW", help="detector's input (default: the recipe's)")
    build.set_defaults(run=_build)

    compare = commands.add_parser("calibrations", help="compare calibration methods and sizes on the validation split")
    compare.add_argument("checkpoint", type=Path, metavar="RUN", help="folder with checkpoint.pt, or a .pt file")
    compare.add_argument("--sizes", type=_sizes, default=(128, 512, 2048), metavar="N,…", help="default: 128,512,2048")
    compare.add_argument("--out", type=Path, metavar="FILE", help="default: docs/results/calibration-TASK.json")
    compare.add_argument(
        "--data", type=Path, metavar="DIR", help="data folder (default: $MIEN_DATA, else ../shared/data)"
    )
    compare.set_defaults(run=_calibrations)

    results = commands.add_parser(
        "results", help="final report of a bundled model: every protocol, test split included"
    )
    results.add_argument("model", help="name of a bundled model, or path of a sidecar")
    results.add_argument("--out", type=Path, metavar="FILE", help="default: docs/results/NAME.json")
    results.add_argument(
        "--data", type=Path, metavar="DIR", help="data folder (default: $MIEN_DATA, else ../shared/data)"
    )
    results.set_defaults(run=_results)

    card = commands.add_parser("card", help="write model cards from docs/results")
    card.add_argument("models", nargs="+", metavar="MODEL", help="name of a bundled model, or path of a sidecar")
    card.add_argument("--results", type=Path, default=Path("docs/results"), metavar="DIR")
    card.add_argument("--out", type=Path, default=Path("docs/models"), metavar="DIR")
    card.set_defaults(run=_card)

    tables = commands.add_parser("tables", help="write the README's tables from docs/results")
    tables.add_argument("--readme", type=Path, default=Path("README.md"), metavar="FILE")
    tables.add_argument("--results", type=Path, default=Path("docs/results"), metavar="DIR")
    tables.add_argument("--check", action="store_true", help="change nothing; status 1 if the tables are out of date")
    tables.set_defaults(run=_tables)

    beside = commands.add_parser("peers", help="time mien beside other people's models, as JSON; see `make bench`")
    beside.add_argument("--out", type=Path, default=Path("docs/results/bench.json"), metavar="FILE")
    beside.add_argument(
        "--peers", type=Path, metavar="DIR", help="their files (default: $MIEN_PEERS, else ../shared/peers)"
    )
    beside.add_argument(
        "--seconds", type=_positive, default=40, metavar="S", help="time budget of each of the two parts (default: 40)"
    )
    beside.add_argument("--quick", action="store_true", help="a few seconds, for a first look")
    beside.set_defaults(run=_peers)

    verify = commands.add_parser("verify", help="prove models from nothing but their files; status 1 if one disagrees")
    verify.add_argument("path", type=Path, metavar="DIR|NAME.json", help="a sidecar, or a folder of them")
    verify.set_defaults(run=_verify)
    return parser


class _Parser(argparse.ArgumentParser):
    """Says what is wrong in one line, without repeating the usage."""

    def error(self, message: str) -> NoReturn:
        self.exit(2, f"{self.prog}: {message}; see --help\n")
