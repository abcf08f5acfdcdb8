"""The search for pictures finds each way in which one may have been written, and nothing in what is none."""

from __future__ import annotations

import base64
import bz2
import gzip
import json
import lzma
import zlib

import cv2
import numpy as np
import pixels
import pytest

LUMA = np.random.default_rng(3).integers(0, 256, (48, 64), dtype=np.uint8)
WANTED = pixels.fragments([LUMA])
ROW = LUMA[7, 5:40]


@pytest.mark.parametrize(
    ("content", "what"),
    [
        (LUMA.tobytes(), "rows of luma"),
        (b"reading " + ROW.tobytes() + b" end", "rows of luma"),
        (cv2.imencode(".jpg", LUMA)[1].tobytes(), "a JPEG picture"),
        (cv2.imencode(".png", LUMA)[1].tobytes(), "a PNG picture"),
        (b"x" + base64.b64encode(cv2.imencode(".png", LUMA)[1]), "a PNG picture in base64"),
        (base64.b64encode(ROW.tobytes()), "rows of luma in base64"),
        (base64.urlsafe_b64encode(LUMA.tobytes()), "rows of luma in base64"),
        (b"7" + ROW.tobytes().hex().encode(), "rows of luma in hexadecimal"),
        (json.dumps({"face": ROW.tolist()}).encode(), "rows of luma in decimal numbers"),
        (str(LUMA).encode() + repr(ROW.tolist()).encode(), "rows of luma in decimal numbers"),
        (b"log" + zlib.compress(LUMA.tobytes()), "rows of luma in a packed stream"),
        (gzip.compress(LUMA.tobytes()), "rows of luma in a packed stream"),
        (base64.b64encode(zlib.compress(LUMA.tobytes())), "rows of luma in base64 in a packed stream"),
        (np.ascontiguousarray(LUMA[:, ::-1]).tobytes(), "rows of luma"),
        (np.ascontiguousarray(LUMA.T).tobytes(), "rows of luma"),
        ((LUMA ^ 0x80).tobytes(), "rows of luma"),
        (b"crop %r" % ROW.tobytes(), "rows of luma in escapes"),
        (ROW.tobytes().hex(" ").encode(), "rows of luma in hexadecimal"),
        (str((ROW.astype(np.int16) - 128).tolist()).encode(), "rows of luma in decimal numbers"),
        (str((ROW / 255).round(4).tolist()).encode(), "rows of luma in decimal numbers"),
        (str(((ROW - 128.0) / 64).tolist()).encode(), "rows of luma in decimal numbers"),
        (b"x" + (ROW / np.float32(255)).astype(np.float32).tobytes(), "rows of luma in float32"),
        (ROW.astype(np.float32).tobytes(), "rows of luma in float32"),
        (LUMA.astype(np.uint16).tobytes(), "rows of luma in 16 bits each"),
        (bz2.compress(LUMA.tobytes()), "rows of luma in a packed stream"),
        (lzma.compress(LUMA.tobytes()), "rows of luma in a packed stream"),
    ],
)
def test_a_picture_is_found_however_it_is_written(content: bytes, what: str) -> None:
    assert what in pixels.found_in(content, WANTED)


def test_readings_and_noise_are_no_picture() -> None:
    line = json.dumps({"time": "2026-11-26T05:33:04Z", "box": [1.5, 20.25, 300.0, 9.0], "run": "0123456789abcdef" * 8})
    assert pixels.found_in(line.encode() * 50, WANTED) == []
    assert pixels.found_in(np.random.default_rng(4).integers(32, 127, 5000, dtype=np.uint8).tobytes(), WANTED) == []


def test_a_plane_without_variety_is_refused_rather_than_never_found() -> None:
    with pytest.raises(AssertionError, match="without a single varied row"):
        pixels.fragments([np.full((48, 64), 9, dtype=np.uint8)])
