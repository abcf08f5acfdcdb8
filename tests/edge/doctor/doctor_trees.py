"""File systems as the doctor may find them, laid out in a folder."""

from __future__ import annotations

from pathlib import Path

BOARD = "Raspberry Pi 4 Model B Rev 1.5\0"


def lay(root: Path, files: dict[str, str | None]) -> Path:
    """Write files under a root; None makes a folder."""
    for name, text in files.items():
        path = root / name
        if text is None:
            path.mkdir(parents=True, exist_ok=True)
        else:
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(text)
    return root


def hold(root: Path, pid: int, program: str, device: str) -> None:
    """A process that has a device open."""
    lay(root, {f"proc/{pid}/comm": f"{program}\n", f"proc/{pid}/fd": None})
    (root / f"proc/{pid}/fd/0").symlink_to("/dev/null")
    (root / f"proc/{pid}/fd/7").symlink_to(device)
