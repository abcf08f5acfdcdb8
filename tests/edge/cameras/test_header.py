"""Sizes are read from a picture's header, and too large a picture costs no memory."""

from __future__ import annotations

import os
import subprocess
import sys
import time
import zlib
from pathlib import Path

import cv2
import numpy as np
import pytest

from mien.cameras import header
from mien.cameras.luma import read_image
from mien.errors import MienError

FORMATS = ("bmp", "jpg", "pgm", "png", "ppm", "tiff", "webp")
RAMP = np.tile(np.linspace(20, 235, 52, dtype=np.uint8), (37, 1))
PEAK = """
import sys
from pathlib import Path
from mien.cameras.{module} import {name}
from mien.errors import MienError
def peak():  # getrusage would count the parent's memory from before this program was loaded
    (line,) = (line for line in open("/proc/self/status") if line.startswith("VmHWM"))
    return int(line.split()[1])
before = peak()
try:
    {name}(Path(sys.argv[1]))
except MienError as error:
    print(error)
print((peak() - before) // 1024)
"""


def encoded(kind: str, picture: np.ndarray = RAMP, *flags: int) -> bytes:
    colour = picture if kind == "pgm" or picture.ndim == 3 else np.repeat(picture[..., None], 3, axis=2)
    return bytes(cv2.imencode(f".{kind}", colour, list(flags))[1])


def peak_of(path: Path, module: str, name: str) -> tuple[str, int]:
    """What reading says, and by how many MiB it grew a process of its own."""
    code = PEAK.format(module=module, name=name)
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join(place for place in sys.path if place)}
    ran = subprocess.run(
        [sys.executable, "-c", code, str(path)], capture_output=True, text=True, check=True, env=environment
    )
    *said, grown = ran.stdout.splitlines()
    return "\n".join(said), int(grown)


def png_of(width: int, height: int) -> bytes:
    """Black pixels of one bit: as many as are wanted, in a file of next to nothing."""

    def chunk(kind: bytes, content: bytes) -> bytes:
        return len(content).to_bytes(4) + kind + content + zlib.crc32(kind + content).to_bytes(4)

    squeezer = zlib.compressobj()
    row = bytes(1 + (width + 7) // 8)
    pixels = b"".join(squeezer.compress(row) for _ in range(height)) + squeezer.flush()
    size = width.to_bytes(4) + height.to_bytes(4) + b"\1\0\0\0\0"
    return b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", size) + chunk(b"IDAT", pixels) + chunk(b"IEND", b"")


@pytest.mark.parametrize("kind", FORMATS)
def test_the_size_stands_in_the_header_as_the_decoder_will_find_it(kind: str) -> None:
    assert header.size(encoded(kind)) == (37, 52)


def test_every_flavour_of_a_format_states_its_size() -> None:
    assert header.size(encoded("jpg", RAMP, cv2.IMWRITE_JPEG_PROGRESSIVE, 1)) == (37, 52)
    assert header.size(encoded("webp", RAMP, cv2.IMWRITE_WEBP_QUALITY, 101)) == (37, 52)  # VP8L
    with_alpha = np.dstack([RAMP] * 3 + [RAMP])
    assert header.size(encoded("webp", with_alpha, cv2.IMWRITE_WEBP_QUALITY, 50)) == (37, 52)  # VP8X
    # An old BMP has sizes of two bytes; a negative height says that the top row comes first.
    assert header.size(b"BM" + bytes(12) + (12).to_bytes(4, "little") + b"\x34\0\x25\0" + bytes(20)) == (37, 52)
    upside_down = b"BM" + bytes(12) + (40).to_bytes(4, "little") + (52).to_bytes(4, "little")
    assert header.size(upside_down + (-37).to_bytes(4, "little", signed=True) + bytes(20)) == (37, 52)
    assert header.size(b"P5 # a comment with 9 9\n52\n#another\n37 255\n") == (37, 52)
    # Big-endian TIFF: one directory at 8 with two entries, width (SHORT) and height (LONG).
    entries = b"\1\0\0\3\0\0\0\1\0\x34\0\0" + b"\1\1\0\4\0\0\0\1\0\0\0\x25"
    assert header.size(b"MM\0*\0\0\0\x08\0\x02" + entries) == (37, 52)
    # A tile larger than its picture is what gets allocated.
    tile = b"\1\x42\0\4\0\0\0\1\0\1\0\0"
    assert header.size(b"MM\0*\0\0\0\x08\0\x03" + entries + tile) == (37, 65536)


@pytest.mark.parametrize("kind", FORMATS)
def test_a_header_cut_short_has_no_size_and_is_no_error(kind: str) -> None:
    whole = encoded(kind)
    sizes = {header.size(whole[:length]) for length in range(len(whole))}
    assert sizes <= {None, (37, 52), (3, 52)}  # of a PGM's text, "37" cut to "3" is a number too
    assert header.size(b"") is None
    assert header.size(b"GIF89a" + bytes(100)) is None


@pytest.mark.parametrize(("kind", "expected"), [("png", (37, 52)), ("jpg", (37, 52))])
def test_a_picture_is_read_up_to_the_limit_and_not_beyond(kind: str, expected: tuple[int, int], tmp_path: Path) -> None:
    path = tmp_path / f"ramp.{kind}"
    path.write_bytes(encoded(kind))
    assert read_image(path, 37 * 52).shape == expected
    with pytest.raises(MienError, match=r"states 52×37 pixels, 0\.0 million; at most 0\.001923 million are read"):
        read_image(path, 37 * 52 - 1)


def test_a_decompression_bomb_costs_no_memory(tmp_path: Path) -> None:
    bomb = tmp_path / "bomb.png"
    bomb.write_bytes(png_of(30_000, 30_000))
    assert bomb.stat().st_size < 1_000_000
    said, grown = peak_of(bomb, "luma", "read_image")
    assert "states 30000×30000 pixels, 900.0 million; at most 64 million are read" in said
    assert grown < 20


def test_a_part_of_a_png_that_states_gigabytes_costs_no_memory(tmp_path: Path) -> None:
    whole = encoded("png")
    assert header.intact(whole)
    place = whole.index(b"IDAT") - 4
    path = tmp_path / "part.png"
    path.write_bytes(whole[:place] + b"\x7f\xff\xff\xff" + whole[place + 4 :])
    said, grown = peak_of(path, "luma", "read_image")
    assert "not a picture that OpenCV can decode; it is damaged" in said
    assert grown < 20


def test_a_picture_of_the_largest_size_takes_250_megabytes_at_most(tmp_path: Path) -> None:
    large = tmp_path / "large.png"
    large.write_bytes(png_of(8_000, 8_000))
    said, grown = peak_of(large, "luma", "read_image")
    assert said == ""
    assert 60 < grown < 250


def test_a_video_that_states_huge_frames_costs_no_memory(tmp_path: Path) -> None:
    path = tmp_path / "large.avi"
    writer = cv2.VideoWriter(str(path), cv2.VideoWriter.fourcc(*"MJPG"), 25.0, (8_000, 8_000))
    writer.write(np.zeros((8_000, 8_000, 3), np.uint8))
    writer.release()
    said, grown = peak_of(path, "video", "VideoCamera")
    assert "states frames of 8000×8000 pixels, 64.0 million; at most 36 million are read" in said
    assert grown < 60


def test_a_jpeg_with_hundreds_of_passes_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "slow.jpg"
    whole = encoded("jpg")
    assert header.scans(whole, 100) == 1
    path.write_bytes(whole[:-2] + b"\xff\xda\0\0" * 200 + whole[-2:])
    with pytest.raises(MienError, match="passes more than 100 times over its pixels"):
        read_image(path)


@pytest.mark.parametrize("kind", FORMATS)
def test_a_picture_cut_short_is_an_error_and_never_half_a_picture(kind: str, tmp_path: Path) -> None:
    path = tmp_path / f"cut.{kind}"
    whole = encoded(kind)
    for length in range(0, len(whole) - 20, max(1, len(whole) // 40)):
        path.write_bytes(whole[:length])
        with pytest.raises(MienError, match=r"not a picture|million"):
            read_image(path)


def test_what_is_no_file_is_not_opened(tmp_path: Path) -> None:
    pipe = tmp_path / "pipe.png"
    os.mkfifo(pipe)
    (tmp_path / "folder.png").mkdir()
    for path, message in (
        (pipe, "is a pipe or a device"),
        (Path("/dev/zero"), "is a pipe or a device"),
        (tmp_path / "folder.png", "is a folder"),
        (tmp_path / "absent.png", "check the path"),
        (Path("a\0b.png"), "no file has such a name"),
    ):
        with pytest.raises(MienError, match=message) as caught:
            read_image(path)
        assert "\n" not in str(caught.value)


def test_a_film_behind_a_photograph_is_none_of_its_passes(tmp_path: Path) -> None:
    picture = encoded("jpg", RAMP, cv2.IMWRITE_JPEG_PROGRESSIVE, 1)
    passes = header.scans(picture, 100)
    assert passes > 1
    assert header.scans(picture + b"\xff\xda" * 500, 100) == passes
    # As the mark of a segment's content, such as of a thumbnail with passes of its own.
    comment = b"\xff\xfe" + (2 + 1000).to_bytes(2) + b"\xff\xda" * 500
    assert header.scans(picture[:2] + comment + picture[2:], 100) == passes
    (tmp_path / "moving.jpg").write_bytes(picture + np.random.default_rng(0).bytes(9_000_000))
    assert read_image(tmp_path / "moving.jpg").shape == RAMP.shape


@pytest.mark.parametrize("largest", [100, 255, 1023, 4095, 65535])
@pytest.mark.parametrize("colour", [False, True])
def test_a_pgms_own_largest_value_is_white(largest: int, colour: bool, tmp_path: Path) -> None:
    values = np.round(RAMP / 255 * largest).astype(">u2" if largest > 255 else np.uint8)
    values = np.repeat(values[..., None], 3, axis=2) if colour else values
    start = f"P{6 if colour else 5}\n# by hand\n{RAMP.shape[1]} {RAMP.shape[0]}\n{largest}\n".encode()
    (tmp_path / "a.pgm").write_bytes(start + values.tobytes())
    assert np.abs(read_image(tmp_path / "a.pgm").astype(int) - RAMP).max() <= (2 if largest == 100 else 1)


def test_passes_behind_a_mark_that_is_none_are_counted() -> None:
    # Decoders pass over such a mark among the pixels, and over no length behind it.
    picture = encoded("jpg", RAMP, cv2.IMWRITE_JPEG_RST_INTERVAL, 1)
    header_of_pass = picture[picture.index(b"\xff\xda") :][:14]
    hidden = b"\xff\x02\xff\xff" + header_of_pass * 20
    assert header.scans(picture[:-2] + hidden + picture[-2:], 100) == 21


@pytest.mark.parametrize("filling", [b"\xff\x01", b"\xff\xd8", b"\xff\xfe\0\2", b"\xff\x02"])
def test_a_file_of_nothing_but_marks_is_looked_through_at_once(filling: bytes) -> None:
    picture = encoded("jpg")
    before = time.process_time()
    header.scans(picture, 100)
    plain = time.process_time() - before
    before = time.process_time()
    header.scans(picture[:2] + filling * 2_000_000 + picture[2:], 100)
    assert time.process_time() - before < 20 * plain + 1
