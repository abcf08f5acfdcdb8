"""What the privacy tests read: the demo clip, photographs, and every piece of luma that a run makes of them."""

from __future__ import annotations

import shutil
import zipfile
from pathlib import Path

import cv2
import numpy as np
import pixels
from numpy.typing import NDArray

from mien import FaceReader, open_source
from mien.cameras.demo import photograph
from mien.emotions import align

PHOTOGRAPHS = ("groups.zip", "portraits.zip", "events.zip")
"""Archives of the real data, of which each gives three pictures."""


def astronaut(folder: Path) -> Path:
    """A folder with the demo's photograph, as PNG and as JPEG."""
    folder.mkdir()
    shutil.copy(photograph(), folder / "astronaut.png")
    cv2.imwrite(str(folder / "astronaut.jpg"), cv2.imread(str(photograph())))
    return folder


def real(data: Path, folder: Path) -> Path:
    """A folder with nine real photographs."""
    folder.mkdir()
    for archive in PHOTOGRAPHS:
        with zipfile.ZipFile(data / "faces" / archive) as opened:
            for name in sorted(opened.namelist())[:3]:
                (folder / f"{archive}-{Path(name).name}").write_bytes(opened.read(name))
    assert len(list(folder.iterdir())) == 3 * len(PHOTOGRAPHS)
    return folder


def fragments(source: str, frames: int) -> frozenset[bytes]:
    """Of everything that a run on a source holds in memory: frames, what the detector sees of them, and face crops."""
    planes: list[NDArray[np.uint8]] = []
    with open_source(source) as camera, FaceReader() as reader:
        for frame in camera.frames():
            luma = frame.luma.copy()
            planes.append(luma)
            scale = min(320 / luma.shape[1], 256 / luma.shape[0])
            size = (round(luma.shape[1] * scale), round(luma.shape[0] * scale))
            planes.append(np.asarray(cv2.resize(luma, size, interpolation=cv2.INTER_AREA), dtype=np.uint8))
            faces = tuple(reading.face for reading in reader.read(luma).readings)
            if faces:
                planes += list(align.crop(luma, align.landmarks_of(faces), reader.template))
            if frame.sequence + 1 == frames:
                break
    assert len(planes) > 2, f"{source} gave no frame"
    return pixels.fragments(planes)
