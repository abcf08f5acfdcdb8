"""Pictures on disk as sources: one, or a folder of them. Nothing of them is dropped."""

from __future__ import annotations

import logging
import time
from collections.abc import Iterator, Sequence
from pathlib import Path

from mien.cameras.base import Camera
from mien.cameras.luma import read_image
from mien.errors import MienError
from mien.frame import Frame

PICTURES = frozenset({".bmp", ".jpeg", ".jpg", ".pgm", ".png", ".ppm", ".tif", ".tiff", ".webp"})
"""Suffixes, in lower case, by which a folder's pictures are known."""


def pictures_in(folder: Path) -> list[Path]:
    """The pictures of a folder (not of its subfolders), by name.

    Raises:
        MienError: the folder cannot be read or holds none.
    """
    try:
        found = sorted(p for p in folder.iterdir() if p.suffix.lower() in PICTURES and p.is_file())
    except OSError as error:
        raise MienError(f"{folder}: cannot be read ({error.strerror}); check its permissions") from None
    if not found:
        raise MienError(f"{folder}: holds no picture; expected files ending in {', '.join(sorted(PICTURES))}")
    return found


def open_path(path: Path) -> Camera:
    """The source that fits an existing path: a picture or a video by its suffix, or a folder.

    Raises:
        MienError: an empty folder, or a file that is neither.
    """
    if path.is_dir():
        return PictureCamera(pictures_in(path), f"folder {path}")
    if path.suffix.lower() in PICTURES:
        return PictureCamera([path], f"picture {path}")
    from mien.cameras.video import VideoCamera

    return VideoCamera(path)


class PictureCamera(Camera):
    """Pictures, one frame each.

    Args:
        paths: at least one picture.
        description: for the user.
    """

    related = False

    def __init__(self, paths: Sequence[Path], description: str) -> None:
        self._paths = tuple(paths)
        self._closed = False
        self.description = description

    def frames(self) -> Iterator[Frame]:
        """One frame a picture. Of several, a damaged one is logged as a warning, counted and left out.

        Raises:
            MienError: none of them can be read.
        """
        for sequence, path in enumerate(self._paths):
            if self._closed:
                return
            try:
                luma = read_image(path)
            except MienError as error:
                self.damaged += 1
                if len(self._paths) == 1:
                    raise
                if self.damaged == len(self._paths):
                    raise MienError(f"{self.description}: none of {len(self._paths)} can be read; {error}") from None
                logging.getLogger(__name__).warning("mien: %s", error)
                continue
            yield Frame(luma, time.monotonic_ns(), sequence, str(path))

    def close(self) -> None:
        """End `frames` after the present one."""
        self._closed = True
