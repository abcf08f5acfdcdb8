"""`verify`: prove models from nothing but their files."""

from __future__ import annotations

import argparse
from pathlib import Path

from mien_export.commands.options import Commands, say


def add(commands: Commands) -> None:
    """Add the command."""
    verify = commands.add_parser("verify", help="prove models from nothing but their files; status 1 if one disagrees")
    verify.add_argument("path", type=Path, metavar="DIR|NAME.json", help="a sidecar, or a folder of them")
    verify.set_defaults(run=_run)


def _run(options: argparse.Namespace) -> int:
    from mien_export.proof.verify import find, verify

    failed = False
    for path in find(options.path):
        checks = verify(path)
        failed |= any(check.passed is False for check in checks)
        say([path, *(f"  {check}" for check in checks)])
    return 1 if failed else 0
