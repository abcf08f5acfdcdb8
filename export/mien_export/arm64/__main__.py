"""`python -m mien_export.arm64`: count what Raspberry Pis' processors execute; see `make bench-arm64`."""

from __future__ import annotations

import argparse
import shlex
import sys
from collections.abc import Sequence
from pathlib import Path

from mien.errors import MienError
from mien_export import files
from mien_export.arm64 import bench, page, result
from mien_train.face.detectors import peers_folder


def main(arguments: Sequence[str] | None = None) -> int:
    """Count; exit status 0, 2 and one line if that is impossible, 130 after Ctrl-C."""
    options = _parser().parse_args(arguments)
    command = shlex.join(["python", "-m", "mien_export.arm64", *(sys.argv[1:] if arguments is None else arguments)])
    peers = options.peers or peers_folder()
    try:
        if options.model:
            found = bench.chosen(options.model, peers, options.inferences, command, _told)
        else:
            found = bench.bundled(peers, options.inferences, command, _told)
            files.write_text(options.page, page.text(found), "--page")
        out = options.out or (None if options.model else Path("docs/results/bench-arm64.json"))
        if out is not None:
            result.write(found, out)
    except MienError as error:
        sys.stderr.write(f"bench-arm64: {error}\n")
        return 2
    except KeyboardInterrupt:
        return 130
    sys.stdout.write(page.report(found))
    return 0


def _told(line: str) -> None:
    sys.stderr.write(f"bench-arm64: {line}\n")


def _positive(text: str) -> int:
    if not text.isdecimal() or int(text) < 1:
        raise argparse.ArgumentTypeError(f"{text!r} is not a whole number above 0")
    return int(text)


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m mien_export.arm64", description=__doc__)
    parser.add_argument(
        "--model",
        type=Path,
        nargs="+",
        metavar="PATH",
        help="count only these networks, sidecars or TFLite files, beside mini_XCEPTION (default: everything bundled)",
    )
    parser.add_argument(
        "--out", type=Path, metavar="FILE", help="default: docs/results/bench-arm64.json; with --model none"
    )
    parser.add_argument("--page", type=Path, default=Path("docs/arm64.md"), metavar="FILE", help="not with --model")
    parser.add_argument(
        "--peers", type=Path, metavar="DIR", help="other people's models (default: $MIEN_PEERS, else ../shared/peers)"
    )
    parser.add_argument(
        "--inferences", type=_positive, default=3, metavar="N", help="of each, and twice as many (default: 3)"
    )
    return parser


if __name__ == "__main__":
    sys.exit(main())
