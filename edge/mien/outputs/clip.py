"""An annotated clip of a run, with a contact sheet: written only where somebody asks for it by name."""

from __future__ import annotations

from pathlib import Path

import cv2
import numpy as np
from numpy.typing import NDArray

from mien.errors import MienError
from mien.outputs.overlay import annotate, contact_sheet, contain, marks, write_picture
from mien.reading import FrameResult

_SHEET = 12


class Clip:
    """A `Preview` that draws every frame's readings and writes them.

    Args:
        folder: made if it is not there.
        rate: frames per second of the clip.

    Raises:
        MienError: the folder cannot be made or written.
    """

    def __init__(self, folder: Path, rate: float) -> None:
        make_folder(folder)
        self._video, self._sheet = folder / "annotated.mp4", folder / "contact-sheet.png"
        self._rate = rate
        self._writer: cv2.VideoWriter | None = None
        self._size = (0, 0)
        self._stills: list[NDArray[np.uint8]] = []
        self._every = 1
        self._count = 0

    def __call__(self, luma: NDArray[np.uint8], result: FrameResult) -> None:
        """Add a frame: its luma, uint8 (H, W), and its result."""
        picture = annotate(luma, marks(result))
        if self._writer is None:
            self._size = (picture.shape[1], picture.shape[0])
            codec = cv2.VideoWriter.fourcc(*"mp4v")
            self._writer = cv2.VideoWriter(str(self._video), cv2.CAP_FFMPEG, codec, self._rate, self._size)
        if self._writer.isOpened():
            same = (picture.shape[1], picture.shape[0]) == self._size
            self._writer.write(picture if same else contain(picture, *self._size))
        # Evenly spaced stills of a run of unknown length: when there are twice too many, keep every other.
        if self._count % self._every == 0:
            self._stills.append(contain(picture, 320, 240))
            if len(self._stills) == 2 * _SHEET:
                del self._stills[1::2]
                self._every *= 2
        self._count += 1

    def close(self) -> tuple[Path, ...]:
        """Finish the files.

        Returns:
            What was written: the contact sheet, and the clip unless OpenCV has no encoder for it; nothing if
            no frame was added.

        Raises:
            MienError: the contact sheet cannot be written.
        """
        written = []
        if self._writer is not None:
            if self._writer.isOpened():
                written.append(self._video)
            self._writer.release()
        if self._stills:
            chosen = np.unique(np.linspace(0, len(self._stills) - 1, min(_SHEET, len(self._stills))).round())
            if not write_picture(str(self._sheet), contact_sheet([self._stills[int(i)] for i in chosen])):
                raise MienError(f"{self._sheet}: cannot be written; check the space and permissions there")
            written.append(self._sheet)
        return tuple(written)


def make_folder(folder: Path) -> None:
    """Make a folder for output, and try that it can be written.

    Raises:
        MienError: it cannot be made, or no file can be written in it.
    """
    probe = folder / ".mien-probe"
    try:
        folder.mkdir(parents=True, exist_ok=True)
        probe.touch()
        probe.unlink()
    except OSError as error:
        raise MienError(f"{folder}: cannot be written ({error.strerror}); choose another folder") from None
