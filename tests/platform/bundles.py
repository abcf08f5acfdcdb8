"""Bundles for tests: changed ones, and small ones for this processor, with mien's wheel and no dependencies."""

from __future__ import annotations

import hashlib
import shutil
import subprocess
import sys
import zipfile
from pathlib import Path

from mien.errors import MienError
from mien_export.arm64.targets import ROOT


def seal(bundle: Path) -> None:
    """Write the checksums of a changed bundle."""
    files = sorted(path for path in bundle.rglob("*") if path.is_file() and path.name != "SHA256SUMS")
    lines = [f"{hashlib.sha256(path.read_bytes()).hexdigest()}  {path.relative_to(bundle)}\n" for path in files]
    (bundle / "SHA256SUMS").write_text("".join(lines))


def small(bundle: Path, note: str, replaced: dict[str, str] | None = None) -> None:
    """Make a bundle whose dependencies the system must have; what it installs runs on this processor.

    Args:
        bundle: folder to make.
        note: text that makes it another version than the next.
        replaced: files of the wheel, by their path in it, to their new text.

    Raises:
        MienError: there is no wheel, or pip cannot be fetched.
    """
    wheels = sorted((ROOT / "dist").glob("mien-*.whl"), key=lambda path: path.stat().st_mtime)
    if not wheels:
        raise MienError("there is no wheel in dist; run `make wheel`")
    (bundle / "wheels").mkdir(parents=True)
    with (
        zipfile.ZipFile(wheels[-1]) as source,
        zipfile.ZipFile(bundle / "wheels" / wheels[-1].name, "w", zipfile.ZIP_DEFLATED) as target,
    ):
        for entry in source.infolist():
            text = (replaced or {}).get(entry.filename)
            target.writestr(entry, source.read(entry) if text is None else text)
    shutil.copytree(_pip(), bundle / "tools")
    shutil.copy(ROOT / "edge/bundle/install.sh", bundle)
    (bundle / "target").write_text(f"SUITE=bookworm\nPYTHON=3.11\n# {note}\n")
    seal(bundle)


def _pip() -> Path:
    """A folder with pip's wheel, fetched once."""
    folder = ROOT / ".cache/systemd/tools"
    if not list(folder.glob("pip-*.whl")):
        command = [sys.executable, "-m", "pip", "download", "--quiet", "--no-deps", "--dest", str(folder), "pip"]
        ran = subprocess.run(command, capture_output=True, text=True)
        if ran.returncode:
            raise MienError(f"pip cannot be fetched, is there a network? {ran.stderr[-300:]}")
    return folder
