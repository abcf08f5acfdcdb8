"""`mien doctor`: can this machine run mien?"""

from __future__ import annotations

import argparse
import dataclasses
import json
import sys

from mien.commands.options import Subparsers

NAME = "doctor"


def add(subparsers: Subparsers) -> None:
    """Describe the command line."""
    parser = subparsers.add_parser(NAME, help="check engine, models and camera", description=__doc__)
    parser.add_argument("--json", action="store_true", help="one JSON object")
    parser.set_defaults(main=main)


def main(args: argparse.Namespace) -> int:
    """Report; 1 if something required is missing."""
    from mien import doctor, machine

    checks = doctor.examine()
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
            mark = "ok" if check.ok else "MISSING" if check.required else "absent"
            sys.stdout.write(f"{mark:<8} {check.name:<26} {check.detail}\n")
        sys.stdout.write("mien can run here\n" if good else "mien cannot run here: see MISSING above\n")
    return 0 if good else 1
