"""A disk that is full or read-only, memory that runs out, and signals at any moment."""

from __future__ import annotations

import os
import random
import signal
import socket
import sys
import time
from contextlib import suppress
from pathlib import Path
from urllib.request import urlopen

import pytest
from faults_page import DEGRADED, ENDS, GOES_ON, RECOVERS, STOPS
from faults_run import SECONDS, Started, command, records, run, seconds_to_first_line

from conftest import Note

SEED = 20261126
RUN = ["run", "--sink", "jsonl:readings.jsonl", "--config", "../mien.toml"]
TRIES = 6
"""Of each signal, each at another moment of starting, reading and ending."""

_EARLY = "by the signal itself, or 130, while mien is still starting"


@pytest.fixture(autouse=True)
def every_frame(tmp_path: Path) -> None:
    """Lines of every frame: as much as there can be to lose."""
    (tmp_path / "mien.toml").write_text("[jsonl]\ninterval = 0\n")


def _bwrap(*more: str) -> list[str]:
    return ["bwrap", "--ro-bind", "/", "/", "--dev-bind", "/dev", "/dev", "--die-with-parent", *more]


def test_a_disk_that_fills_up_is_told_and_no_line_is_torn(folder: Path, note: Note) -> None:
    # The sandbox's own small disk goes with it: what arrived there is printed before.
    full = _bwrap("--size", "16384", "--tmpfs", str(folder), "--chdir", str(folder))
    script = '"$@"; status=$?; cat readings.jsonl; exit $status'
    words = [*RUN[:-1], str(folder.parent / "mien.toml"), "--max-frames", "100"]
    ended = run("", words, folder, [*full, "bash", "-c", script, "bash"])
    arrived = folder / "arrived"
    whole, _, torn = ended.output.rpartition("\n")
    arrived.write_text(whole + "\n")
    assert len(records(arrived)) > 5
    assert len(torn) < 1000
    assert (ended.status, "No space left" in ended.errors) == (3, True), ended.errors
    assert ": 100 frames" in ended.errors
    note("System", "the disk of a sink is full", DEGRADED, ended)


def test_a_read_only_disk_is_one_line_and_status_2(folder: Path, note: Note) -> None:
    ended = run("", [*RUN, "--max-frames", "5"], folder, _bwrap())
    assert (ended.status, "Read-only file system" in ended.last) == (2, True), ended.errors
    note("System", "the disk of a sink is read-only", STOPS, ended)


def test_a_run_without_any_file_works_on_a_read_only_disk(folder: Path, note: Note) -> None:
    ended = run("", ["run", "--max-frames", "5", "--sink", "text"], folder, _bwrap())
    assert ended.status == 0, ended.errors
    note("System", "every disk is read-only, and no sink is a file", GOES_ON, ended)


def test_little_memory_is_one_line_and_status_3(folder: Path, note: Note) -> None:
    # Frames of 48 million pixels, under limits of address space that fall until the libraries, but no more frames, fit.
    for megabytes in (2000, 580, 540, 500, 460, 420, 380, 340):
        limited = ["prlimit", f"--as={megabytes << 20}", "--"]
        ended = run("huge", ["run", "--max-frames", "3", "--sink", "null"], folder, limited)
        if ended.status:
            break
    assert megabytes < 2000
    assert (ended.status, "not enough memory" in ended.last) == (3, True), ended.errors
    note("System", "memory runs out under way", STOPS, ended)


def test_a_library_that_does_not_fit_into_memory_is_one_line_and_status_2(folder: Path, note: Note) -> None:
    words = ["prlimit", f"--as={200 << 20}", "--", sys.executable, "-m", "mien", "run", "--source", "demo"]
    ended = Started(words, folder).ended()
    ended.check()
    assert (ended.status, "a library cannot be loaded" in ended.last) == (2, True), ended.errors
    note("System", "too little memory to load the libraries", STOPS, ended)
    served = Started(["env", "NOTIFY_SOCKET=/run/systemd/notify", *words], folder).ended()
    served.check()
    assert (served.status, served.last) == (3, ended.last), served.errors
    note("System", "the same, as a service", STOPS, served)


def test_a_camera_without_permission_is_one_line_and_status_2(folder: Path, note: Note) -> None:
    node = folder.parent / "video0"
    node.touch(mode=0)
    node.chmod(0)
    closed = ["bwrap", "--bind", "/", "/", "--dev", "/dev", "--bind", str(node), "/dev/video0", "--cap-drop", "ALL"]
    ended = run("", ["run", "--source", "v4l2:0", "--max-frames", "5"], folder, closed)
    assert (ended.status, "usermod -aG video" in ended.last) == (2, True), ended.errors
    note("Camera", "may not be opened by this user", STOPS, ended)


def test_a_throttled_board_is_told_on_the_page(folder: Path, started: list[Started], note: Note) -> None:
    (folder / "get_throttled").write_text("c000c\n")  # at present, and since the start
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]
    one = Started(command("throttled", ["run", "--sink", "null", "--preview", f"127.0.0.1:{port}"]), folder)
    started.append(one)
    metrics = _asked(f"http://127.0.0.1:{port}/metrics")
    one.send(signal.SIGTERM)
    ended = one.ended()
    ended.check()
    assert ended.status == 0, ended.errors
    told = {"mien_throttled 1.0", f"mien_throttled_bits {float(0xC000C)}"}
    assert told <= set(metrics.splitlines())
    note("System", "the board is throttled", DEGRADED, ended, "mien_throttled 1.0 in /metrics, and on the page")


def _asked(url: str) -> str:
    """The page's answer, as soon as it answers and a frame was processed."""
    deadline = time.monotonic() + SECONDS
    while True:
        with suppress(OSError), urlopen(url, timeout=5) as answer:
            text: str = answer.read().decode()
            if "mien_healthy 1.0" in text:
                return text
        assert time.monotonic() < deadline, f"{url} does not answer"
        time.sleep(0.05)


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT, signal.SIGHUP])
def test_a_signal_at_any_moment_ends_or_is_taken_in_good_order(
    number: signal.Signals, folder: Path, started: list[Started], note: Note
) -> None:
    moments = random.Random(SEED + number)
    path = folder / "readings.jsonl"
    start = seconds_to_first_line(folder.parent / "before")
    for after in (*(moments.uniform(0.0, 2.5 * start) for _ in range(TRIES)), None):
        before = path.stat().st_size if path.exists() else 0
        one = Started(command("", [*RUN, "--max-frames", "60"]), folder)
        started.append(one)
        if after is None:  # and once when it surely reads
            _wait_for(path, before)
            assert one.running, "60 frames were over before the first line was seen"
        else:
            time.sleep(after)
        reading = path.exists() and path.stat().st_size > before
        one.send(number)
        ended = one.ended()
        # Before mien has set itself up a signal ends it as the system has it; once it reads, never.
        assert ended.status in ((0,) if reading else (0, 130, -number)), (after, ended.status, ended.errors)
        assert ended.seconds < 10 or number == signal.SIGHUP  # which ends nothing
        if ended.status >= 0:
            ended.check()
        if path.exists():
            records(path)
        if ended.status == 0:  # how many end otherwise is a matter of the machine's speed
            outcome = GOES_ON if number == signal.SIGHUP else ENDS
            note("System", f"{number.name} at {TRIES} random moments ({_EARLY})", outcome, ended)
    assert path.exists()
    assert records(path)


def test_a_hang_up_in_the_middle_opens_files_anew(folder: Path, started: list[Started], note: Note) -> None:
    path, renamed = folder / "readings.jsonl", folder / "readings.jsonl.old"
    one = Started(command("", RUN), folder)
    started.append(one)
    _wait_for(path)
    path.rename(renamed)
    one.send(signal.SIGHUP)
    _wait_for(path)
    one.send(signal.SIGTERM)
    ended = one.ended()
    ended.check()
    assert ended.status == 0, ended.errors
    before, after = records(renamed), records(path)
    assert [line["frame"] for line in before + after] == sorted({int(str(line["frame"])) for line in before + after})
    note("System", "SIGHUP after its file was renamed", GOES_ON, ended)


def _wait_for(path: Path, held: int = 0) -> None:
    """Until there is something in a file, or more than the bytes that it held."""
    deadline = time.monotonic() + SECONDS
    while not path.exists() or path.stat().st_size <= held:
        assert time.monotonic() < deadline, f"nothing is written to {path.name}"
        time.sleep(0.02)


def test_after_kills_at_any_moment_every_line_is_whole_and_the_next_run_goes_on(
    folder: Path, started: list[Started], note: Note
) -> None:
    moments = random.Random(SEED)
    path = folder / "readings.jsonl"
    kept = 0
    start = seconds_to_first_line(folder.parent / "before")
    for _ in range(TRIES):
        one = Started(command("", RUN), folder)
        started.append(one)
        time.sleep(moments.uniform(0.5 * start, 2.5 * start))
        one.send(signal.SIGKILL)
        assert one.ended().status == -signal.SIGKILL
        if path.exists():
            found = len(records(path))
            assert found >= kept, "a line that was written is lost"
            kept = found
    assert kept
    ended = run("", [*RUN, "--max-frames", "5"], folder)
    assert ended.status == 0, ended.errors
    assert len(records(path)) > kept
    assert os.listdir(folder) == ["readings.jsonl"]
    note("System", f"SIGKILL, at {TRIES} random moments, and a restart", RECOVERS, ended)
