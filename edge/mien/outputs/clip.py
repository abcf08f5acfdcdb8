"""An annotated clip of a run, with a contact sheet: written only where somebody asks for it by name."""

from __future__ import annotations

import os
from pathlib import Path

import cv2
import numpy as np
from numpy.typing import NDArray

from mien.closing import Closing
from mien.errors import MienError
from mien.frame import Frame
from mien.outputs.files import discard, make_folder, partial, place, unwritten
from mien.outputs.names import shown
from mien.outputs.overlay import annotate, marks, write_picture
from mien.outputs.sheet import contact_sheet, contain
from mien.reading import FrameResult

_SHEET = 12


class Clip(Closing):
    """A `Preview` that draws every frame's readings and writes them.

    The files appear when the run ends, whole or not at all; those of an earlier run stay until then.

    Args:
        folder: made if it is not there.
        rate: frames per second of the clip.

    Raises:
        MienError: the folder cannot be made or written.
    """

    def __init__(self, folder: Path, rate: float) -> None:
        try:
            str(folder).encode("utf-8")
        except UnicodeEncodeError:
            raise MienError(f"{shown(folder)}: OpenCV writes no clip where a name is not UTF-8; rename it") from None
        make_folder(folder)
        # FFmpeg would write its own lines about a full disk before ours; read when OpenCV first calls it.
        os.environ.setdefault("OPENCV_FFMPEG_LOGLEVEL", "-8")
        self._video, self._sheet = folder / "annotated.mp4", folder / "contact-sheet.png"
        self._beside = partial(self._video).absolute()  # FFmpeg takes a relative a:b for a place of the network's
        self._rate = rate
        self._writer: cv2.VideoWriter | None = None
        self._size = (0, 0)
        self._stills: list[NDArray[np.uint8]] = []
        self._every = 1
        self._count = 0

    def __call__(self, frame: Frame, result: FrameResult) -> None:
        """Add a frame, in grey, and its result."""
        picture = annotate(frame.luma, marks(result, numbered=True))
        if self._writer is None:
            self._size = (picture.shape[1], picture.shape[0])
            codec = cv2.VideoWriter.fourcc(*"mp4v")
            self._writer = cv2.VideoWriter(str(self._beside), cv2.CAP_FFMPEG, codec, self._rate, self._size)
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

    def finish(self) -> tuple[Path, ...]:
        """Put the files in their places.

        Returns:
            What was written: the clip, unless OpenCV has no encoder for it, and the contact sheet; nothing if
            no frame was added.

        Raises:
            MienError: one of them cannot be written; the clip of an earlier run is still there then.
        """
        written = []
        try:
            if self._writer is not None and self._writer.isOpened():
                self._writer.release()
                self._check()
                try:
                    place(self._beside, self._video)
                except OSError as error:
                    raise unwritten(self._video, error.strerror) from None
                written.append(self._video)
            if self._stills:
                chosen = np.unique(np.linspace(0, len(self._stills) - 1, min(_SHEET, len(self._stills))).round())
                write_picture(self._sheet, contact_sheet([self._stills[int(i)] for i in chosen]))
                written.append(self._sheet)
        finally:
            self.close()
        return tuple(written)

    def close(self) -> None:
        """Remove what is unfinished."""
        if self._writer is not None:
            self._writer.release()
            self._writer = None
        self._stills.clear()
        discard(self._beside)

    def _check(self) -> None:
        """OpenCV says nothing of frames that it could not write: the file must open, and hold them to the last one.

        Raises:
            MienError: it does not.
        """
        capture = cv2.VideoCapture(str(self._beside), cv2.CAP_FFMPEG)
        try:
            stated = int(capture.get(cv2.CAP_PROP_FRAME_COUNT)) if capture.isOpened() else 0
            capture.set(cv2.CAP_PROP_POS_FRAMES, self._count - 1)
            if stated != self._count or not capture.read()[0]:
                raise unwritten(self._video, f"of {self._count} frames {stated} arrived")
        finally:
            capture.release()
