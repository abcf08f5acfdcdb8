"""`mien pause` and `mien resume`: a run under way is told by a signal, and nobody else is."""

from __future__ import annotations

import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from mien.cli import main
from mien.service import installation


@pytest.fixture
def run(tmp_path: Path) -> Iterator[tuple[subprocess.Popen[bytes], Path]]:
    lines = tmp_path / "lines.jsonl"
    (tmp_path / "mien.toml").write_text("[jsonl]\ninterval = 0\n")
    words = ["--source", "demo", "--loop", "--realtime", "--sink", f"jsonl:{lines}"]
    command = [sys.executable, "-m", "mien", "run", "--config", str(tmp_path / "mien.toml"), *words]
    with subprocess.Popen(command, stderr=subprocess.DEVNULL) as process:
        until(lambda: lines.exists() and lines.stat().st_size > 0)
        yield process, lines
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


def test_a_paused_run_ends_when_it_is_told_to(run: tuple[subprocess.Popen[bytes], Path]) -> None:
    process, lines = run
    assert main(["pause", "--pid", str(process.pid)]) == 0
    until(lambda: grown(lines, 0.5) == 0)
    process.terminate()
    assert process.wait(30) == 0


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
