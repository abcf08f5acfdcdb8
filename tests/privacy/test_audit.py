"""The whole path in a process that watches itself: no socket, and no file written but those asked for."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]

WATCH = """
import json, os, sys
seen = []
def watch(event, arguments):
    if event.startswith("socket."):
        seen.append([event, repr(arguments)[:200]])
    elif event == "open":
        path, mode, flags = arguments
        writing = (flags or 0) & (os.O_WRONLY | os.O_RDWR | os.O_CREAT)
        if writing and str(path) not in ("/dev/null", os.devnull):
            seen.append(["write", str(path)])
    elif event in ("subprocess.Popen", "os.exec", "os.posix_spawn"):
        seen.append([event, repr(arguments)[:200]])
sys.addaudithook(watch)
sys.dont_write_bytecode = True
"""


def _watched(code: str, folder: Path) -> tuple[str, list[list[str]]]:
    """Run code under the watch; its standard output, and what the watch saw."""
    report = "\nsys.stdout.flush(); sys.stderr.write('SEEN' + json.dumps(seen))"
    ran = subprocess.run(
        [sys.executable, "-c", WATCH + code + report],
        capture_output=True,
        text=True,
        check=True,
        cwd=folder,
        env={"PYTHONPATH": str(ROOT / "edge"), "PATH": "", "HOME": str(folder)},
    )
    return ran.stdout, json.loads(ran.stderr.rpartition("SEEN")[2])


RUN = """
from mien.cli import main
assert main(["run", "--source", "demo", "--max-frames", "10", "--sink", "jsonl:-"]) == 0
"""


def test_a_run_opens_no_socket_starts_no_program_and_writes_no_file(tmp_path: Path) -> None:
    printed, seen = _watched(RUN, tmp_path)
    assert len(printed.splitlines()) >= 9
    assert seen == []
    assert list(tmp_path.iterdir()) == []


def test_readings_hold_no_pixels(tmp_path: Path) -> None:
    lines = _watched(RUN, tmp_path)[0].splitlines()
    assert len(lines) >= 9
    for line in lines:
        assert len(line) < 1000
        assert set(json.loads(line)) == {
            "time", "run", "frame", "track", "captured_ms", "latency_ms", "box", "score", "landmarks", "emotion", "top",
            "reason", "probabilities", "expression",
        }  # fmt: skip


@pytest.mark.parametrize(
    ("violation", "event"),
    [
        ("import socket; socket.socket().close()", "socket.__new__"),
        ("import numpy as np; np.full((8, 8), 7).tofile('frame.bin')", "write"),
        ("import subprocess; subprocess.run(['/bin/true'])", "subprocess.Popen"),
    ],
)
def test_the_watch_catches_a_planted_violation(violation: str, event: str, tmp_path: Path) -> None:
    _, seen = _watched(violation, tmp_path)
    assert event in {kind for kind, *_ in seen}
