"""Secrets in files that root alone may read: systemd hands the service copies of them (`LoadCredential`)."""

from __future__ import annotations

import os
from pathlib import Path


def name(path: str) -> str:
    """What systemd calls the copy of a file."""
    return path.strip("/").replace("/", "-")


def held(path: Path) -> Path:
    """The copy of a file that this service was handed, else the file itself."""
    folder = os.environ.get("CREDENTIALS_DIRECTORY")
    copy = Path(folder or "/", name(str(path)))
    return copy if folder and copy.is_file() else path
