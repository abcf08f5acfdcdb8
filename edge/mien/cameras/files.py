"""Recordings as sources: a picture, a folder of pictures, a video. Nothing of them is dropped."""

from __future__ import annotations

import os
import time
from collections.abc import Iterator, Sequence
from pathlib import Path

import cv2
import numpy as np

from mien.cameras.base import Camera
from mien.cameras.luma import from_bgr, read_image
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
        """One frame a picture; an unreadable picture raises `MienError`. See `Camera.frames`."""
        for sequence, path in enumerate(self._paths):
            if self._closed:
                return
            luma = read_image(path)
            yield Frame(luma, time.monotonic_ns(), sequence, str(path))

    def close(self) -> None:
        """End `frames` after the present one."""
        self._closed = True


class VideoCamera(Camera):
    """A video file.

    Args:
        path: any container that OpenCV decodes.

    Raises:
        MienError: the file is no video.
    """

    def __init__(self, path: Path) -> None:
        # FFmpeg would write its own lines about a broken file before ours.
        os.environ.setdefault("OPENCV_FFMPEG_LOGLEVEL", "-8")
        self._path = path
        self._capture = cv2.VideoCapture(str(path), cv2.CAP_FFMPEG)
        self._closed = False
        if not self._capture.isOpened():
            raise MienError(f"{path}: neither a picture nor a video that OpenCV can decode; give JPEG, PNG or MP4")
        rate = self._capture.get(cv2.CAP_PROP_FPS)
        self._period = round(1e9 / rate) if rate > 0 else 40_000_000
        self.period_ns = self._period
        self.description = f"video {path}, {rate:g} frames/s"

    def frames(self) -> Iterator[Frame]:
        """Every frame of the video; see `Camera.frames`."""
        sequence = 0
        while not self._closed:
            good, picture = self._capture.read()
            if not good:
                break
            # FFmpeg has already expanded limited range on the way to BGR.
            luma = from_bgr(np.asarray(picture, dtype=np.uint8))
            yield Frame(luma, time.monotonic_ns(), sequence, str(self._path), sequence * self._period)
            sequence += 1
        if not self._closed and sequence == 0:
            raise MienError(f"{self._path}: holds no frame that can be decoded; convert it to MP4 first")

    def close(self) -> None:
        """End `frames`; see `Camera.close`."""
        self._closed = True
        self._capture.release()
