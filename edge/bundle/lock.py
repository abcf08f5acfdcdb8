"""What a kiosk's packages need in turn, each pinned with its SHA-256, and their licences: `make lock`.

Writes constraints/SUITE.lock, which `make bundle` installs from and `pip install --require-hashes -r` understands, and
docs/licences.md, from the wheels that pip chooses under the pins of SUITE.txt.
"""

from __future__ import annotations

import hashlib
import sys
import tempfile
import tomllib
import zipfile
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from build import EDGE, EXTRAS, SYSTEMS, download, licence, metadata

ROOT = EDGE.parent


@dataclass(frozen=True, slots=True)
class Package:
    """A wheel that pip chose.

    Attributes:
        name, version: of the package.
        sha256: of its file, hexadecimal.
        licence: as its metadata says it.
    """

    name: str
    version: str
    sha256: str
    licence: str


def resolved(suite: str) -> tuple[Package, ...]:
    """What pip would install of the project's dependencies and the kiosk's extras on a release, by name."""
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    extras = [line for extra in EXTRAS.split(",") for line in project["optional-dependencies"][extra]]
    with tempfile.TemporaryDirectory() as folder:
        download(Path(folder), suite, [*project["dependencies"], *extras])
        packages = [_package(path) for path in Path(folder).glob("*.whl")]
    return tuple(sorted(packages, key=lambda package: package.name.lower()))


def _package(wheel: Path) -> Package:
    with zipfile.ZipFile(wheel) as archive:
        told = metadata(archive)
    return Package(told["Name"], told["Version"], hashlib.sha256(wheel.read_bytes()).hexdigest(), licence(told))


def lock(suite: str, packages: Sequence[Package]) -> str:
    """The file of one release."""
    lines = [
        f"# What a kiosk's packages need on Raspberry Pi OS {suite.capitalize()}, aarch64: written by `make lock`.",
        "# pip install --require-hashes -r, then pip install --no-deps mien-*.whl",
        *(f"{package.name}=={package.version} --hash=sha256:{package.sha256}" for package in packages),
    ]
    return "\n".join(lines) + "\n"


def page(sets: Mapping[str, Sequence[Package]]) -> str:
    """docs/licences.md.

    Args:
        sets: release to its packages.
    """
    rows: dict[tuple[str, str], dict[str, str]] = {}
    for suite, packages in sets.items():
        for package in packages:
            rows.setdefault((package.name, package.licence), {})[suite] = package.version
    table = [
        f"| {name} | {' | '.join(versions.get(suite, '') for suite in sets)} | {said} |"
        for (name, said), versions in sorted(rows.items(), key=lambda row: row[0][0].lower())
    ]
    head = f"""# Licences of what a kiosk installs

mien itself is MIT ([LICENSE](../LICENSE)), its models are not ([MODELS_LICENSE.md](../MODELS_LICENSE.md)). Of all other
packages that `make bundle` installs, with the extras `mqtt` and `preview`, this is what their metadata says; written by
`make lock`, with `edge/constraints/*.lock`, which pins each of them and its SHA-256. The bundle carries the texts.

| package | {" | ".join(sets)} | licence |
| --- | {" | ".join("---" for _ in sets)} | --- |
"""
    return head + "\n".join(table) + "\n"


def main() -> int:
    """Ask the index, and write the files."""
    sets = {suite: resolved(suite) for suite in SYSTEMS}
    for suite, packages in sets.items():
        (EDGE / f"constraints/{suite}.lock").write_text(lock(suite, packages), encoding="utf-8")
    (ROOT / "docs/licences.md").write_text(page(sets), encoding="utf-8")
    return 0


if __name__ == "__main__":
    sys.exit(main())
