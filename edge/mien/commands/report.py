"""`mien report`: what was recorded lately, in numbers, hour by hour, and as a picture."""

from __future__ import annotations

import argparse
import dataclasses
import json
import sys
import time
from pathlib import Path
from typing import TYPE_CHECKING

from mien.commands.options import Subparsers
from mien.errors import MienError

if TYPE_CHECKING:
    from mien.history.summary import Summary

NAME = "report"


def add(subparsers: Subparsers) -> None:
    """Describe the command line."""
    parser = subparsers.add_parser(NAME, help="sum up what a database recorded", description=__doc__)
    parser.add_argument("--since", default="1d", metavar="SPAN", help="how far back: 30m, 12h, 7d, 4w (default: 1d)")
    parser.add_argument("--db", type=Path, metavar="PATH", help="of `--sink sqlite:PATH` (default: the settings' one)")
    parser.add_argument("--config", type=Path, metavar="FILE", help="settings of `mien run` in TOML (the service's)")
    parser.add_argument("--json", action="store_true", help="one JSON object")
    parser.add_argument("--png", type=Path, metavar="FILE", help="draw the timeline there too")
    parser.set_defaults(main=main)


def main(args: argparse.Namespace) -> int:
    """Report; an empty span is no error."""
    from mien.history.spans import milliseconds
    from mien.history.summary import summarise, text

    now = time.time_ns() // 1_000_000
    summary = summarise(args.db or _configured(args.config), now - milliseconds(args.since), now + 1)
    sys.stdout.write(json.dumps(_document(summary), indent=2) + "\n" if args.json else text(summary))
    if args.png is not None:
        from mien.history.picture import timeline
        from mien.outputs.overlay import write_picture

        write_picture(args.png, timeline(summary))
        sys.stderr.write(f"wrote {args.png}\n")
    return 0


def _configured(config_file: Path | None) -> Path:
    from mien import config
    from mien.history.purging import recordings
    from mien.service.unit import CONFIG

    if config_file is None:
        config_file = Path(CONFIG)  # of the service
        if not config_file.exists():
            raise MienError("report: which database? Give --db PATH, or --config FILE with a sink sqlite:PATH")
    settings = config.build(config.read(config_file), {})
    for recording in recordings(settings.sinks, config_file):
        if recording.kind == "sqlite":
            return recording.path
    raise MienError(f"{config_file}: has no sink sqlite:PATH; give --db PATH")


def _document(summary: Summary) -> dict[str, object]:
    from mien.history.summary import local_time

    document = dataclasses.asdict(summary)
    document["since"], document["until"] = local_time(summary.since_ms), local_time(summary.until_ms)
    for hour, of in zip(document["hours"], summary.hours, strict=True):
        hour["began"] = local_time(of.began_ms)
    return document
