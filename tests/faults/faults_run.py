"""Runs `mien` in a process of its own, with a fault in it if one is named, and tells how that ended."""

from __future__ import annotations

import json
import os
import re
import signal
import subprocess
import sys
import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

PROGRAM = Path(__file__).with_name("faults_program.py")
SECONDS = 60
"""After which a run counts as hanging."""


@dataclass(frozen=True, slots=True)
class Ended:
    """How a run ended.

    Attributes:
        status: exit status; below 0 the number of a signal.
        output, errors: what it printed.
        seconds: it took, from the start or from the signal.
    """

    status: int
    output: str
    errors: str
    seconds: float

    @property
    def last(self) -> str:
        """The last line of mien's on standard error, without the folders of this machine."""
        lines = [line for line in self.errors.splitlines() if line.startswith("mien: ")]
        return re.sub(r"/\S*/(?:kiosk|site-packages|models)/", "", lines[-1]) if lines else ""

    def check(self) -> None:
        """No traceback, and at most one line by which mien gives up."""
        assert "Traceback" not in self.errors, self.errors
        assert "Exception ignored" not in self.errors, self.errors
        assert self.status in (0, 2, 3, 130) or self.status < 0, (self.status, self.errors)
        if self.status in (2, 3):
            assert self.last, self.errors


def command(fault: str, arguments: Sequence[str]) -> list[str]:
    """`mien ARGUMENTS`, with a fault of `faults_program.FAULTS`; none if empty."""
    return [sys.executable, str(PROGRAM), fault, *arguments]


class Started:
    """A run under way.

    Args:
        words: the command line.
        folder: to run in.
    """

    def __init__(self, words: Sequence[str], folder: Path) -> None:
        environment = {**os.environ, "PYTHONPATH": os.pathsep.join(path for path in sys.path if path)}
        pipe = subprocess.PIPE
        self._began = time.monotonic()
        self._process = subprocess.Popen(
            words, cwd=folder, env=environment, stdin=subprocess.DEVNULL, stdout=pipe, stderr=pipe, text=True
        )

    def send(self, number: signal.Signals) -> None:
        """Send a signal; the time counts from here."""
        self._began = time.monotonic()
        self._process.send_signal(number)

    @property
    def running(self) -> bool:
        """Whether it has not ended."""
        return self._process.poll() is None

    def ended(self) -> Ended:
        """Wait for the end.

        Raises:
            subprocess.TimeoutExpired: it hangs.
        """
        output, errors = self._process.communicate(timeout=SECONDS)
        return Ended(self._process.returncode, output, errors, time.monotonic() - self._began)

    def kill(self) -> None:
        """End it, however it is."""
        if self.running:
            self._process.kill()
            self._process.communicate()


def run(fault: str, arguments: Sequence[str], folder: Path, before: Sequence[str] = ()) -> Ended:
    """`mien ARGUMENTS` to its end, checked; `before` is put before the command line, such as a sandbox."""
    started = Started([*before, *command(fault, arguments)], folder)
    try:
        ended = started.ended()
    finally:
        started.kill()
    ended.check()
    return ended


def seconds_to_first_line(folder: Path) -> float:
    """How long a run takes on this machine, as busy as it is, until it has written a line."""
    folder.mkdir(exist_ok=True)
    path = folder / "readings.jsonl"
    began = time.monotonic()
    started = Started(command("", ["run", "--sink", f"jsonl:{path}"]), folder)
    try:
        while not (path.exists() and path.stat().st_size):
            assert time.monotonic() - began < SECONDS, "no line is written"
            time.sleep(0.01)
        return time.monotonic() - began
    finally:
        started.kill()


def records(path: Path) -> list[dict[str, object]]:
    """The lines of a file of readings, every one whole."""
    text = path.read_text(encoding="utf-8")
    assert text == "" or text.endswith("\n")
    return [json.loads(line) for line in text.splitlines()]
