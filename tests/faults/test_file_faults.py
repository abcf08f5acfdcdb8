"""Pictures and videos that are cut short, damaged, empty, locked, or state more pixels than a memory holds."""

from __future__ import annotations

import os
import struct
import zlib
from collections.abc import Callable
from pathlib import Path

import cv2
import numpy as np
import pytest
from faults_page import DEGRADED, GOES_ON, STOPS
from faults_run import records, run

from conftest import Note
from mien.cameras.demo import DemoCamera

FRAMES = 30


def _read(source: str) -> list[str]:
    return ["run", "--source", source, "--sink", "jsonl:readings.jsonl"]


def _picture(path: Path) -> None:
    """The demo's first frame, which shows a face."""
    luma = next(DemoCamera().frames()).luma
    _, encoded = cv2.imencode(".jpg", luma)
    path.write_bytes(encoded.tobytes())


def _video(path: Path, coding: str) -> None:
    writer = cv2.VideoWriter(str(path), cv2.VideoWriter.fourcc(*coding), 25.0, (640, 480))
    for frame in DemoCamera(FRAMES).frames():
        writer.write(cv2.cvtColor(frame.luma, cv2.COLOR_GRAY2BGR))
    writer.release()


def _half(path: Path) -> None:
    os.truncate(path, path.stat().st_size // 2)


def _chunk(name: bytes, content: bytes) -> bytes:
    return struct.pack(">I", len(content)) + name + content + struct.pack(">I", zlib.crc32(name + content))


def _huge_png(path: Path) -> None:
    header = struct.pack(">IIBBBBB", 60_000, 60_000, 8, 0, 0, 0, 0)
    pixels = _chunk(b"IDAT", zlib.compress(bytes(100)))
    path.write_bytes(b"\x89PNG\r\n\x1a\n" + _chunk(b"IHDR", header) + pixels + _chunk(b"IEND", b""))


def _cut_mp4(path: Path) -> None:
    _video(path, "mp4v")
    _half(path)


def _cut_picture(path: Path) -> None:
    _picture(path)
    os.truncate(path, 300)


def _noise(path: Path) -> None:
    path.write_bytes(np.random.default_rng(0).bytes(20_000))


@pytest.mark.parametrize(
    ("name", "make", "words", "message"),
    [
        ("cut.jpg", _cut_picture, "a picture cut short", "cut.jpg"),
        ("noise.jpg", _noise, "a picture of random bytes", "noise.jpg"),
        ("empty.png", Path.touch, "a picture of zero bytes", "empty.png"),
        ("huge.png", _huge_png, "60000×60000 pixels stated by a picture of 200 bytes", "3600.0 million"),
        ("empty.mp4", Path.touch, "a video of zero bytes", "empty.mp4"),
        ("cut.mp4", _cut_mp4, "a video cut short, whose index is at its end", "cut.mp4"),
        ("a\nb.jpg", _noise, "a damaged picture whose name holds a line end", "a\\nb.jpg"),
    ],
)
def test_a_file_that_cannot_be_read_is_one_line_and_status_2(
    name: str, make: Callable[[Path], None], words: str, message: str, folder: Path, note: Note
) -> None:
    make(folder / name)
    ended = run("", _read(str(folder / name)), folder)
    assert (ended.status, message in ended.last) == (2, True), ended.errors
    assert ended.errors.count("\n") == 1
    note("Files", words, STOPS, ended)


def test_a_video_cut_short_is_read_up_to_there(folder: Path, note: Note) -> None:
    _video(folder / "cut.avi", "MJPG")
    _half(folder / "cut.avi")
    ended = run("", _read("cut.avi"), folder)
    assert ended.status == 0, ended.errors
    frames = {line["frame"] for line in records(folder / "readings.jsonl")}
    assert FRAMES // 3 < len(frames) < FRAMES
    note("Files", "a video cut short, whose frames stand one after the other", GOES_ON, ended)


def test_a_damaged_picture_in_a_folder_is_named_and_left_out(folder: Path, note: Note) -> None:
    pictures = folder / "pictures"
    pictures.mkdir()
    _picture(pictures / "1.jpg")
    _cut_picture(pictures / "2.jpg")
    _picture(pictures / "3.jpg")
    ended = run("", _read("pictures"), folder)
    assert ended.status == 0, ended.errors
    assert "1 damaged frames were left out" in ended.errors
    found = {str(line["image"]).rpartition("/")[2] for line in records(folder / "readings.jsonl")}
    assert found == {"1.jpg", "3.jpg"}
    note("Files", "a damaged picture in a folder of whole ones", DEGRADED, ended)


def test_a_picture_whose_name_holds_a_line_end_makes_one_line_of_output(folder: Path, note: Note) -> None:
    _picture(folder / "a\nb.jpg")
    ended = run("", [*_read("a\nb.jpg"), "--sink", "text"], folder)
    assert ended.status == 0, ended.errors
    (line,) = records(folder / "readings.jsonl")
    assert str(line["image"]) == "a\nb.jpg"
    assert ended.output.count("\n") == 1
    note("Files", "a picture whose name holds a line end", GOES_ON, ended)


@pytest.mark.parametrize(
    ("name", "make", "words"),
    [
        ("closed.jpg", _picture, "a picture that may not be read"),
        ("closed.avi", lambda path: _video(path, "MJPG"), "a video that may not be read"),
        ("closed", Path.mkdir, "a folder that may not be read"),
    ],
)
def test_a_file_without_permission_is_one_line_and_status_2(
    name: str, make: Callable[[Path], None], words: str, folder: Path, note: Note
) -> None:
    make(folder / name)
    (folder / name).chmod(0)
    # Who runs the tests may be root, to whom nothing is closed: without its capabilities root is a user as others are.
    sandbox = ["bwrap", "--bind", "/", "/", "--dev", "/dev", "--cap-drop", "ALL", "--die-with-parent"]
    ended = run("", _read(name), folder, sandbox)
    (folder / name).chmod(0o700)
    assert (ended.status, f"{name}: cannot be read (Permission denied)" in ended.last) == (2, True), ended.errors
    note("Files", words, STOPS, ended)
