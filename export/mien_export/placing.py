"""Putting a bundle's files in place: all of them or none, and nothing strange among the models whatever happens."""

from __future__ import annotations

import contextlib
import os
import re
import shutil
import tempfile
from collections.abc import Iterator, Sequence
from pathlib import Path

from mien.errors import MienError
from mien_train.data.files import PARTIAL

_PREFIX = "mien-export-"
_OWNED = re.compile(rf"(?:^{_PREFIX}(\d+)-)|(?:\.(\d+){re.escape(PARTIAL)}$)")
_EARLIER = ".export-*"
"""Folders that killed builds of earlier versions left among the models."""


@contextlib.contextmanager
def workshop() -> Iterator[Path]:
    """A folder for the work, in the system's folder for temporary files.

    It does not lie among the models: what a killed build leaves there would be packed into the wheel. What builds
    that were killed left here is removed.
    """
    with contextlib.suppress(OSError):
        _sweep(Path(tempfile.gettempdir()), f"{_PREFIX}*")
    with tempfile.TemporaryDirectory(prefix=f"{_PREFIX}{os.getpid()}-") as folder:
        yield Path(folder)


def put(files: Sequence[Path], out: Path) -> None:
    """Copy files into a folder, over those of the same names.

    Each is copied beside its place first, so that the disk is full before anything was replaced; then all are
    renamed. If a renaming fails, those before it are undone. A kill between two renamings leaves files of two builds:
    their sidecar's hashes then do not fit, and the runtime refuses them; of sidecars alone `verify` tells.

    Args:
        files: in the order in which they are to be put in place; sidecars last, they vouch for the others.
        out: folder, made if absent; what killed builds left in it is removed.

    Raises:
        MienError: the folder cannot be written; its files are as they were.
    """
    fresh = [out / f".{file.name}.{os.getpid()}{PARTIAL}" for file in files]
    before = [out / f".{file.name}.before.{os.getpid()}{PARTIAL}" for file in files]
    done = 0
    try:
        out.mkdir(parents=True, exist_ok=True)
        _sweep(out, f".*{PARTIAL}", _EARLIER)
        for file, copy, kept in zip(files, fresh, before, strict=True):
            shutil.copyfile(file, copy)
            if (place := out / file.name).exists():
                shutil.copyfile(place, kept)
        for file, copy in zip(files, fresh, strict=True):
            os.replace(copy, out / file.name)
            done += 1
    except OSError as error:
        for file, kept in list(zip(files, before, strict=True))[:done]:
            if kept.exists():
                os.replace(kept, out / file.name)
            else:
                (out / file.name).unlink()
        raise MienError(f"{out}: cannot be written ({error.strerror or error}); choose another --out") from None
    finally:
        for path in (*fresh, *before):
            with contextlib.suppress(OSError):
                path.unlink(missing_ok=True)


def _sweep(folder: Path, *patterns: str) -> None:
    """Remove what processes that are gone have left."""
    for path in [found for pattern in patterns for found in folder.glob(pattern)]:
        owner = _OWNED.search(path.name)
        # A folder of such a name that names no process is somebody's own, but where earlier versions worked.
        if _alive(int(owner[1] or owner[2])) if owner else not path.match(_EARLIER):
            continue
        if path.is_dir():
            shutil.rmtree(path, ignore_errors=True)
        elif owner:
            with contextlib.suppress(OSError):
                path.unlink()


def _alive(process: int) -> bool:
    try:
        os.kill(process, 0)
    except ProcessLookupError:
        return False
    except (OSError, OverflowError):  # it belongs to somebody else, or no process has such a number
        return True
    return True
