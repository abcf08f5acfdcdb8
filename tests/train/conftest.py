"""Small data in the real formats."""

from __future__ import annotations

import io
import json
import zipfile
from collections.abc import Callable
from pathlib import Path

import cv2
import numpy as np
import pytest

VOTES_HEADER = "Usage,Image name,neutral,happiness,surprise,sadness,anger,disgust,fear,contempt,unknown,NF"


def write_fer(folder: Path, rows: int = 96) -> None:
    """A FER2013 and a FER+ CSV whose images are brighter the higher the label, two thirds of them for training."""
    rng = np.random.default_rng(0)
    pixels, votes = ["emotion,pixels,Usage"], [VOTES_HEADER]
    for row in range(rows):
        label = row % 8
        usage = ["Training", "Training", "Training", "Training", "PublicTest", "PrivateTest"][row // 8 % 6]
        image = np.clip(rng.normal(30 * label + 15, 5, 48 * 48), 0, 255).astype(int)
        pixels.append(f"{label % 7},{' '.join(map(str, image))},{usage}")
        counts = [0] * 10
        counts[label] = 10
        votes.append(f"{usage},fer{row:07d}.png,{','.join(map(str, counts))}")
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "fer2013.csv").write_text("\n".join(pixels) + "\n")
    (folder / "fer2013new.csv").write_text("\n".join(votes) + "\n")


def write_faces(folder: Path, photos: int = 12) -> None:
    """`faces.json` and two archives of bright ellipses on noise, and of noise alone."""
    (folder / "faces").mkdir(parents=True, exist_ok=True)
    rng = np.random.default_rng(0)
    rows, archives = [], {"portraits": io.BytesIO(), "rooms": io.BytesIO()}
    handles = {name: zipfile.ZipFile(file, "w") for name, file in archives.items()}
    for index in range(photos):
        kind = "rooms" if index % 4 == 3 else "portraits"
        image = rng.integers(20, 80, (120, 160), np.uint8)
        faces = []
        if kind == "portraits":
            cv2.ellipse(image, (80, 60), (25, 32), 0, 0, 360, 200, -1)
            points = [70, 50, 90, 50, 80, 62, 72, 75, 88, 75]
            faces = [
                {"box": [55, 28, 105, 92], "landmarks": points, "score": 0.95, "source": "teacher", "role": "face"}
            ]
        member = f"{index:05d}.webp"
        handles[kind].writestr(member, cv2.imencode(".webp", image, [cv2.IMWRITE_WEBP_QUALITY, 101])[1].tobytes())
        rows.append({"image": f"{kind}/{member}", "width": 160, "height": 120, "faces": faces})
    for name, handle in handles.items():
        handle.close()
        (folder / "faces" / f"{name}.zip").write_bytes(archives[name].getvalue())
    (folder / "faces" / "faces.json").write_text(json.dumps({"train": rows[: photos // 2], "val": rows[photos // 2 :]}))


@pytest.fixture(scope="session")
def fer_writer() -> Callable[..., None]:
    """`write_fer`, for fixtures that outlive a test."""
    return write_fer


@pytest.fixture
def small_data(tmp_path: Path) -> Path:
    """A data folder with both kinds of data."""
    folder = tmp_path / "data"
    write_fer(folder)
    write_faces(folder)
    return folder
