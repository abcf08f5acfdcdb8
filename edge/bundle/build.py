"""Archives that install mien on a Raspberry Pi without internet: `make bundle`.

One for each release of Raspberry Pi OS, beside the wheel it holds: install.sh, the wheels of mien and of all that it
needs, pip, the unit, the settings, the licences, and the SHA-256 of each file.
"""

from __future__ import annotations

import email
import gzip
import hashlib
import io
import shutil
import subprocess
import sys
import tarfile
import tempfile
import zipfile
from collections.abc import Sequence
from pathlib import Path

HERE = Path(__file__).parent
EDGE = HERE.parent
PLATFORMS = ("manylinux2014_aarch64", "manylinux_2_27_aarch64", "manylinux_2_28_aarch64", "manylinux_2_34_aarch64")
SYSTEMS = {"bookworm": "3.11", "trixie": "3.13"}
"""Debian's name of a release to the version of its Python."""

EXTRAS = "mqtt,preview"
"""What a kiosk may want to be there without a network."""

PIP = "pip==25.3 --hash=sha256:9655943313a94722b7774661c21049070f6bbb0a1516bf02f7c8d5d9201514cd\n"
_TIME = 1577836800
"""Of every file in an archive, as in the wheel."""


def build(wheel: Path, suite: str) -> Path:
    """Make the archive of one release, beside the wheel.

    Args:
        wheel: of mien.
        suite: a name of `SYSTEMS`.

    Returns:
        The archive.
    """
    with tempfile.TemporaryDirectory() as folder:
        root = Path(folder)
        # What `make lock` has written down, file by file, and nothing that has come up since.
        download(root / "wheels", suite, _locked(EDGE / f"constraints/{suite}.lock"))
        shutil.copy(wheel, root / "wheels")
        tools = root / "tools.lock"
        tools.write_text(PIP)
        download(root / "tools", suite, _locked(tools))
        tools.unlink()
        # The wheels that came with ours are named in the checksums, so that nothing else is ever installed.
        (root / "install.sh").write_bytes((HERE / "install.sh").read_bytes())
        (root / "target").write_text(f"SUITE={suite}\nPYTHON={SYSTEMS[suite]}\n")
        (root / "constraints.txt").write_bytes((EDGE / f"constraints/{suite}.txt").read_bytes())
        _units(root)
        _licences(root)
        files = sorted(path for path in root.rglob("*") if path.is_file())
        sums = [f"{hashlib.sha256(path.read_bytes()).hexdigest()}  {path.relative_to(root)}\n" for path in files]
        (root / "SHA256SUMS").write_text("".join(sums))
        name = f"{'-'.join(wheel.name.split('-')[:2])}-{suite}-aarch64"
        archive = wheel.parent / f"{name}.tar.gz"
        archive.write_bytes(_packed(root, name))
        return archive


def download(folder: Path, suite: str, what: Sequence[str]) -> None:
    """Fetch the wheels that pip chooses for a release, of its pins; none that would have to be built.

    Args:
        folder: for the wheels.
        suite: a name of `SYSTEMS`.
        what: requirements, or options by which pip finds them.
    """
    python = SYSTEMS[suite]
    command = [sys.executable, "-m", "pip", "download", "--quiet", "--disable-pip-version-check", "--dest", str(folder)]
    if "--require-hashes" not in what:  # pins without a hash may not stand beside those with one
        command += ["--constraint", str(EDGE / f"constraints/{suite}.txt")]
    command += ["--only-binary=:all:", "--implementation=cp", *(f"--platform={platform}" for platform in PLATFORMS)]
    command += [f"--python-version={python}", f"--abi=cp{python.replace('.', '')}", "--abi=abi3", "--abi=none"]
    subprocess.run([*command, *what], check=True)


def _locked(lock: Path) -> list[str]:
    return ["--require-hashes", "--no-deps", "--requirement", str(lock)]


def _units(root: Path) -> None:
    """The unit and the settings as `mien service install` writes them, for those who put them in place themselves."""
    command = [sys.executable, "-m", "mien", "service", "install", "--program", "/opt/mien/current/bin/mien"]
    with tempfile.TemporaryDirectory() as folder:
        subprocess.run([*command, "--root", folder], check=True, capture_output=True, env={"PYTHONPATH": str(EDGE)})
        for path in ("etc/systemd/system/mien.service", "etc/mien/mien.toml"):
            (root / Path(path).name).write_bytes((Path(folder) / path).read_bytes())


def _licences(root: Path) -> None:
    """LICENCES.md names each package's licence; the texts that the packages carry lie in licences/."""
    rows = []
    for path in sorted([*(root / "wheels").glob("*.whl"), *(root / "tools").glob("*.whl")]):
        with zipfile.ZipFile(path) as wheel:
            told = metadata(wheel)
            texts = [
                name
                for name in wheel.namelist()
                if not name.endswith("/")
                and Path(name).name.upper().startswith(("LICEN", "COPYING", "NOTICE", "MODELS_LICEN"))
            ]
            for number, name in enumerate(texts):
                place = root / "licences" / told["Name"] / f"{number}-{Path(name).name}"
                place.parent.mkdir(parents=True, exist_ok=True)
                place.write_bytes(wheel.read(name))
        rows.append(f"| {told['Name']} | {told['Version']} | {licence(told)} | {len(texts)} |")
    head = ["| package | version | licence | texts in licences/ |", "| --- | --- | --- | --: |"]
    (root / "LICENCES.md").write_text("\n".join(["# Licences of what this bundle installs", "", *head, *rows]) + "\n")


def metadata(wheel: zipfile.ZipFile) -> email.message.Message:
    """What a wheel says of its package."""
    (name,) = (name for name in wheel.namelist() if name.endswith(".dist-info/METADATA"))
    return email.message_from_bytes(wheel.read(name))


def licence(told: email.message.Message) -> str:
    """What a package's metadata says of its licence, in one of their three ways."""
    named = [line.rpartition(" :: ")[2] for line in told.get_all("Classifier", []) if line.startswith("License ::")]
    first = (told["License"] or "").strip().splitlines()[:1]
    return told["License-Expression"] or "; ".join(named) or "".join(first) or "not said; see its texts"


def _packed(root: Path, name: str) -> bytes:
    """The folder as tar.gz, the same bytes for the same files."""
    plain = io.BytesIO()
    with tarfile.open(fileobj=plain, mode="w", format=tarfile.PAX_FORMAT) as archive:
        for path in sorted(path for path in root.rglob("*") if path.is_file()):
            entry = tarfile.TarInfo(f"{name}/{path.relative_to(root)}")
            entry.size, entry.mtime, entry.mode = path.stat().st_size, _TIME, 0o755 if path.suffix == ".sh" else 0o644
            with path.open("rb") as file:
                archive.addfile(entry, file)
    return gzip.compress(plain.getvalue(), compresslevel=1, mtime=0)  # wheels are packed already


def main(arguments: Sequence[str]) -> int:
    """`build.py WHEEL [SUITE...]`: an archive of each release beside the wheel; of all if none is named."""
    for suite in arguments[1:] or SYSTEMS:
        sys.stdout.write(f"{build(Path(arguments[0]), suite)}\n")
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
