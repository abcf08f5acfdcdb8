"""`mien models`: what is in the package, and whether it is whole."""

from __future__ import annotations

import argparse
import json
import sys
from collections.abc import Mapping
from typing import TYPE_CHECKING, NotRequired, TypedDict

from mien.commands.options import Subparsers
from mien.errors import MienError

if TYPE_CHECKING:
    from mien.models.bundle import Bundle

NAME = "models"


class _Row(TypedDict):
    """What is said of a model; of one whose sidecar cannot be read, its name and the error alone."""

    name: str
    verified: bool
    task: NotRequired[str]
    bytes: NotRequired[Mapping[str, int]]
    sha256: NotRequired[Mapping[str, str]]
    metrics: NotRequired[object]
    expressions: NotRequired[Mapping[str, tuple[str, ...]]]
    error: NotRequired[str]


def add(subparsers: Subparsers) -> None:
    """Describe the command line."""
    parser = subparsers.add_parser(NAME, help="list the bundled models", description=__doc__)
    parser.add_argument("--json", action="store_true", help="one JSON list")
    parser.set_defaults(main=main)


def main(args: argparse.Namespace) -> int:
    """List the models; 1 if one of them fails its check."""
    from mien.models import bundle

    rows: list[_Row] = []
    for path in sorted(bundle.MODELS.glob("*.json")):
        try:
            rows.append(_row(bundle.load(path)))
        except MienError as error:
            rows.append({"name": path.stem, "verified": False, "error": str(error)})
    if args.json:
        sys.stdout.write(json.dumps(rows, indent=2) + "\n")
    elif not rows:
        raise MienError(f"{bundle.MODELS}: holds no model; reinstall mien")
    else:
        for row in rows:
            sys.stdout.write(_line(row) + "\n")
    return 0 if all(row["verified"] for row in rows) else 1


def _row(model: Bundle) -> _Row:
    from mien.models import bundle

    files = model.sidecar.files
    row: _Row = {
        "name": model.name,
        "task": model.task,
        "bytes": {kind: entry.bytes for kind, entry in files.items()},
        "sha256": {kind: entry.sha256 for kind, entry in files.items()},
        "verified": True,
        "metrics": model.sidecar.document["metrics"],
    }
    if model.expressions:
        row["expressions"] = {one.name: one.labels for one in model.expressions}
    try:
        for kind in files:
            model.artefact(kind)
        bundle.portrait(model)
    except MienError as error:
        row["verified"], row["error"] = False, str(error)
    return row


def _line(row: _Row) -> str:
    if not row["verified"]:
        return f"{row['name']:<20} NOT VERIFIED  {row['error']}"
    sizes = ", ".join(f"{kind} {size / 1000:.0f} kB" for kind, size in row["bytes"].items())
    ways = [f"{name} ({len(labels)} labels)" for name, labels in row.get("expressions", {}).items()]
    if len(ways) > 1:
        ways[0] = ways[0].replace(")", ", default)")
    return f"{row['name']:<20} verified  {row['task']:<8} {', '.join([sizes, *ways])}"
