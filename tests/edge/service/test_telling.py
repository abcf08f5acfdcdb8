"""`mien pause` and `mien resume`: a run under way is told by a signal, and nobody else is."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from mien.cli import main
from mien.service import installation, telling
from mien.signals import Signals


@pytest.fixture
def run(tmp_path: Path) -> Iterator[tuple[subprocess.Popen[bytes], Path]]:
    lines = tmp_path / "lines.jsonl"
    (tmp_path / "mien.toml").write_text("[jsonl]\ninterval = 0\n")
    words = ["--source", "demo", "--loop", "--realtime", "--sink", f"jsonl:{lines}"]
    command = [sys.executable, "-m", "mien", "run", "--config", str(tmp_path / "mien.toml"), *words]
    with subprocess.Popen(command, stderr=subprocess.DEVNULL) as process:
        try:
            until(lambda: lines.exists() and lines.stat().st_size > 0)
            yield process, lines
        finally:
            process.terminate()


def until(true: object) -> None:
    deadline = time.monotonic() + 30
    while not true():  # type: ignore[operator]
        assert time.monotonic() < deadline
        time.sleep(0.05)


def grown(lines: Path, seconds: float) -> int:
    before = lines.stat().st_size
    time.sleep(seconds)
    return lines.stat().st_size - before


def test_a_run_pauses_and_goes_on(
    run: tuple[subprocess.Popen[bytes], Path], capsys: pytest.CaptureFixture[str]
) -> None:
    process, lines = run
    assert main(["pause", "--pid", str(process.pid)]) == 0
    assert capsys.readouterr().out == f"told process {process.pid}\n"
    until(lambda: grown(lines, 0.5) == 0)
    assert grown(lines, 1.0) == 0
    assert main(["pause", "--pid", str(process.pid)]) == 0  # twice is as good as once
    assert main(["resume", "--pid", str(process.pid)]) == 0
    until(lambda: grown(lines, 0.5) > 0)
    process.terminate()  # a paused or resumed run ends as any other
    assert process.wait(30) == 0


def test_the_last_word_counts_also_for_a_run_that_was_busy_when_both_came(
    run: tuple[subprocess.Popen[bytes], Path],
) -> None:
    process, lines = run
    os.kill(process.pid, signal.SIGSTOP)
    threading.Timer(0.5, os.kill, (process.pid, signal.SIGCONT)).start()
    assert main(["pause", "--pid", str(process.pid)]) == 0
    assert main(["resume", "--pid", str(process.pid)]) == 0
    until(lambda: grown(lines, 0.5) > 0)
    assert grown(lines, 1.0) > 0


def test_a_paused_run_ends_when_it_is_told_to(run: tuple[subprocess.Popen[bytes], Path]) -> None:
    process, lines = run
    assert main(["pause", "--pid", str(process.pid)]) == 0
    until(lambda: grown(lines, 0.5) == 0)
    process.terminate()
    assert process.wait(30) == 0


def test_what_comes_before_there_is_a_run_is_not_lost_and_the_order_is_kept() -> None:
    turns: list[bool] = []
    with Signals(terminal=False) as signals:
        os.kill(os.getpid(), telling.PAUSE)
        signals.told_to(turns.append)
        for _ in range(50):
            os.kill(os.getpid(), telling.RESUME)
            os.kill(os.getpid(), telling.PAUSE)
        until(lambda: len(turns) == 101)
    assert turns == [True] + [False, True] * 50


BUSY = """
import hashlib, os, signal, sys, threading, time
from mien.signals import Signals

turns = []
with Signals(terminal=False) as signals:
    signals.told_to(turns.append)

    def tell():
        for number in (signal.SIGUSR2, signal.SIGUSR1):
            time.sleep(0.2)
            os.kill(os.getpid(), number)

    telling = threading.Thread(target=tell)
    telling.start()
    rounds = 1_000_000
    while telling.is_alive():  # one call of C's, in which Python runs no handler, until both have come in one
        hashlib.pbkdf2_hmac("sha256", b"", b"", rounds)
    telling.join()
print(turns, threading.active_count())
"""


def test_the_order_is_kept_though_python_is_busy_elsewhere_and_nothing_stays_behind() -> None:
    done = subprocess.run([sys.executable, "-c", BUSY], capture_output=True, text=True, timeout=120, check=True)
    assert done.stdout.split() == ["[False,", "True]", "1"]


def test_a_function_that_fails_is_called_again(caplog: pytest.LogCaptureFixture) -> None:
    turns: list[bool] = []

    def turn(paused: bool) -> None:
        turns.append(paused)
        if paused:
            raise ValueError("not now")

    with Signals(terminal=False) as signals:
        signals.told_to(turn)
        for number in (telling.PAUSE, telling.RESUME):
            os.kill(os.getpid(), number)
        until(lambda: len(turns) == 2)
    assert turns == [True, False]
    assert "pausing or resuming failed (ValueError: not now)" in caplog.text


def test_another_program_that_handles_the_signal_is_not_told(tmp_path: Path) -> None:
    script = tmp_path / "mien-like.py"
    script.write_text(
        "import signal, time\nsignal.signal(signal.SIGUSR1, lambda *_: exit(9))\nprint(1, flush=True)\ntime.sleep(60)"
    )
    with subprocess.Popen([sys.executable, str(script)], stdout=subprocess.PIPE) as other:
        assert other.stdout is not None
        other.stdout.readline()
        assert main(["pause", "--pid", str(other.pid)]) == 2
        assert other.poll() is None
        other.terminate()


def test_a_program_that_the_signal_would_end_is_not_told(capsys: pytest.CaptureFixture[str]) -> None:
    with subprocess.Popen(["sleep", "60"]) as other:
        assert main(["pause", "--pid", str(other.pid)]) == 2
        assert other.poll() is None
        other.terminate()
    assert "is no run of mien that can be paused" in capsys.readouterr().err
    assert main(["resume", "--pid", str(other.pid)]) == 2


def test_without_an_id_it_is_the_service(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    monkeypatch.setattr(installation, "status", lambda: {"MainPID": "0"})
    assert main(["pause"]) == 2
    assert capsys.readouterr().err == "mien: the service does not run; start it, or give --pid of another run\n"
    with subprocess.Popen(["sleep", "60"]) as other:
        monkeypatch.setattr(installation, "status", lambda: {"MainPID": str(other.pid)})
        assert main(["pause"]) == 2
        assert f"process {other.pid}" in capsys.readouterr().err
        other.terminate()
