"""`mien service`: run it as a service of systemd, from the machine's start on."""

from __future__ import annotations

import argparse
import sys
from pathlib import Path

from mien.commands.options import Subparsers

NAME = "service"


def add(subparsers: Subparsers) -> None:
    """Describe the command line."""
    parser = subparsers.add_parser(NAME, help="run as a service of systemd", description=__doc__)
    parser.add_argument(
        "action",
        choices=("install", "uninstall", "status"),
        metavar="install|uninstall|status",
        help="write the units and start; stop and take them away; say how it is",
    )
    parser.add_argument(
        "--config", default="/etc/mien/mien.toml", metavar="FILE", help="settings (/etc/mien/mien.toml)"
    )
    parser.add_argument(
        "--allow", action="append", default=[], metavar="ADDRESS", help="IP address a sink may send to; repeatable"
    )
    parser.add_argument("--page", default="", metavar="IP:PORT", help="where systemd listens for the page (no page)")
    parser.add_argument(
        "--reboot-after",
        type=int,
        default=0,
        metavar="N",
        help="restart the machine when the service has started N times within an hour, at the next start (never)",
    )
    parser.add_argument(
        "--program", default=_program(Path(sys.prefix)), metavar="PATH", help="what the unit starts (this one)"
    )
    parser.add_argument("--root", type=Path, default=Path("/"), metavar="DIR", help="of another file system")
    parser.set_defaults(main=main)


def _program(prefix: Path) -> str:
    """The `mien` of an environment; in a bundle's, by the link that also leads to it after an upgrade."""
    current = prefix.parent.parent / "current"
    if prefix.parent.name == "versions" and current.is_symlink() and current.resolve() == prefix.resolve():
        prefix = current
    return f"{prefix}/bin/mien"


def main(args: argparse.Namespace) -> int:
    """Do it; 1 if the service does not run."""
    from mien.service import installation, unit

    if args.action == "status":
        found = installation.status()
        for name, value in found.items():
            sys.stdout.write(f"{name:<22}{value or '-'}\n")
        return 0 if found.get("ActiveState") == "active" else 1
    if args.action == "install":
        for path in installation.install(
            args.program,
            args.config,
            hosts=args.allow,
            page=args.page,
            reboot_after=args.reboot_after,
            root=args.root,
        ):
            sys.stdout.write(f"wrote {path}\n")
        return 0
    for path in installation.uninstall(args.root):
        sys.stdout.write(f"removed {path}\n")
    sys.stdout.write(f"settings and what was recorded stay: {unit.CONFIG}, {unit.STATE}\n")
    return 0
