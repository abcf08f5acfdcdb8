"""A camera that is absent, late, silent, unplugged, mistaken about its frames, or far from the usual size and rate."""

from __future__ import annotations

import re
import signal
import time
from pathlib import Path

import pytest
from faults_page import DEGRADED, ENDS, GOES_ON, STOPS
from faults_run import Started, command, records, run, seconds_to_first_line

from conftest import Note

FRAMES = 20


def _read(fault: str, folder: Path, frames: int = FRAMES, *more: str) -> list[str]:
    return ["run", "--max-frames", str(frames), "--sink", "jsonl:readings.jsonl", *more]


@pytest.mark.parametrize(
    ("fault", "words", "faces"),
    [
        ("late", "opens two seconds late", True),
        ("other-size", "changes the size of its frames", True),
        ("strides", "pads its rows, spreads its pixels, or stores them bottom up", True),
        ("black", "black frames", False),
        ("frozen", "the same frame with the same time stamp, again and again", True),
        ("backwards", "time stamps that go backwards", True),
        ("future", "time stamps an hour ahead", True),
        ("pixel", "frames of 1×1", False),
        ("line", "frames of 4000×1", False),
    ],
)
def test_an_odd_camera_is_read(fault: str, words: str, faces: bool, folder: Path, note: Note) -> None:
    ended = run(fault, _read(fault, folder), folder)
    assert ended.status == 0, ended.errors
    # In each of them, not in the first alone.
    assert f"a camera double: {FRAMES} frames, {FRAMES if faces else 0} with a face" in ended.errors
    assert bool(records(folder / "readings.jsonl")) == faces
    note("Camera", words, GOES_ON, ended)


def test_a_picture_that_never_changes_is_told(folder: Path, note: Note) -> None:
    ended = run("still", _read("still", folder, 110), folder)
    assert ended.status == 0, ended.errors
    assert ended.errors.count("the picture has stayed the same to the last bit for 10 s") == 1
    note("Camera", "the same picture for ten seconds, with new time stamps", DEGRADED, ended)


def test_huge_frames_are_read(folder: Path, note: Note) -> None:
    ended = run("huge", _read("huge", folder, 5), folder)
    assert ended.status == 0, ended.errors
    assert ": 5 frames, 5 with" in ended.errors or ": 5 frames, 0 with" in ended.errors
    note("Camera", "frames of 8000×6000", GOES_ON, ended)


@pytest.mark.parametrize(
    ("fault", "words", "frames"), [("slow", "one frame a second", 3), ("fast", "200 frames a second", 200)]
)
def test_any_rate_is_read_and_every_frame_counted(
    fault: str, words: str, frames: int, folder: Path, note: Note
) -> None:
    settings = folder.parent / "every.toml"
    settings.write_text("[jsonl]\ninterval = 0.0\n")
    ended = run(fault, [*_read(fault, folder, frames), "--config", str(settings)], folder)
    assert ended.status == 0, ended.errors
    (found,) = re.findall(r": (\d+) frames, .*, (\d+) dropped", ended.errors)
    assert int(found[0]) == frames
    last = records(folder / "readings.jsonl")[-1]
    # Frames are numbered as they were captured; those that were neither processed nor dropped do not exist.
    assert isinstance(last["frame"], int)
    assert last["frame"] == frames - 1 + int(found[1])
    note("Camera", words, GOES_ON, ended)


@pytest.mark.parametrize(
    ("fault", "words", "status", "message"),
    [
        ("absent", "is absent", 2, "/dev/video99: no such camera"),
        ("unplugged-at-once", "fails at its first frame", 3, "unplugged"),
        ("unplugged", "fails under way", 3, "unplugged"),
        ("driver-bug", "its driver fails in a way of its own", 3, "division by zero in the driver"),
        ("colour", "hands over colour", 3, "convert a colour picture with to_luma"),
        ("floats", "hands over floats", 3, "not float32"),
        ("empty", "hands over a frame without a pixel", 3, "holds no pixel"),
    ],
)
def test_a_camera_that_fails_is_one_line_and_a_status(
    fault: str, words: str, status: int, message: str, folder: Path, note: Note
) -> None:
    ended = run(fault, _read(fault, folder), folder)
    assert (ended.status, message in ended.last) == (status, True), ended.errors
    note("Camera", words, STOPS, ended)


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
@pytest.mark.parametrize(("fault", "words"), [("silent", "never gives a frame"), ("stalls", "stops giving frames")])
def test_a_camera_that_hangs_does_not_keep_a_run_from_ending(
    fault: str, words: str, number: signal.Signals, folder: Path, started: list[Started], note: Note
) -> None:
    start = seconds_to_first_line(folder.parent / "before")
    started.append(Started(command(fault, _read(fault, folder)), folder))
    time.sleep(2 * start + 1)
    assert started[0].running
    started[0].send(number)
    ended = started[0].ended()
    ended.check()
    assert ended.status == 0, ended.errors
    assert ended.seconds < 10
    assert (": 5 frames" in ended.errors) == (fault == "stalls")
    note("Camera", f"{words}; SIGTERM or SIGINT", ENDS, ended)
