"""`mien doctor`: can this machine run mien, and what mends it if not?"""

from __future__ import annotations

import argparse
import dataclasses
import json
import sys
from pathlib import Path
from typing import TYPE_CHECKING

from mien.commands.options import Subparsers

if TYPE_CHECKING:
    from mien.doctor import Check

NAME = "doctor"


def add(subparsers: Subparsers) -> None:
    """Describe the command line."""
    parser = subparsers.add_parser(NAME, help="check engine, models, camera and system", description=__doc__)
    parser.add_argument("--json", action="store_true", help="one JSON object")
    parser.add_argument(
        "--frame", action="store_true", help="also read a frame of the source: its size, exposure and faces"
    )
    parser.add_argument("--source", metavar="SOURCE", help="with --frame: as of `mien run`")
    parser.add_argument("--config", type=Path, metavar="FILE", help="with --frame: settings of `mien run` in TOML")
    parser.set_defaults(main=main)


def main(args: argparse.Namespace) -> int:
    """Report; 1 if something required is missing or faulty."""
    from mien import config, doctor, machine

    file = config.read(args.config) if args.config is not None else {}
    settings = config.build(file, {"source": args.source})
    checks = doctor.examine()
    if args.frame:
        from mien.doctor import one_frame

        checks += one_frame.examine(settings)
    good = doctor.runnable(checks)
    if args.json:
        report = {
            "runnable": good,
            "checks": [dataclasses.asdict(check) for check in checks],
            "machine": machine.facts(),
        }
        sys.stdout.write(json.dumps(report, indent=2) + "\n")
    else:
        for check in checks:
            sys.stdout.write(_line(check))
        sys.stdout.write("mien can run here\n" if good else "mien cannot run here as it should: see FAULT above\n")
    return 0 if good else 1


def _line(check: Check) -> str:
    mark = "ok" if check.ok else "FAULT" if check.required else "note"
    remedy = f"{'':<36}mend: {check.remedy}\n" if check.remedy and not check.ok else ""
    return f"{mark:<8} {check.name:<26} {check.detail}\n{remedy}"
