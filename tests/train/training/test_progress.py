from __future__ import annotations

import fcntl
import io
import os
import pty
import struct
import subprocess
import sys
import termios

import pytest

from mien_train.training import progress as module
from mien_train.training.progress import Progress, progress, say


class Clock:
    """A monotonic clock that only a test moves."""

    def __init__(self) -> None:
        self.now = 100.0

    def monotonic(self) -> float:
        return self.now


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> Clock:
    made = Clock()
    monkeypatch.setattr(module, "time", made)
    return made


def test_without_a_terminal_a_line_comes_about_every_half_minute(
    clock: Clock, capsys: pytest.CaptureFixture[str]
) -> None:
    seen = []
    for number in progress(range(10), "epoch 3", unit="steps"):
        seen.append(number)
        clock.now += 11
    assert seen == list(range(10))
    assert capsys.readouterr().err == (
        "epoch 3: 3 of 10 steps, 33 s\nepoch 3: 6 of 10 steps, 66 s\nepoch 3: 9 of 10 steps, 99 s\n"
    )


def test_short_work_says_nothing(clock: Clock, capsys: pytest.CaptureFixture[str]) -> None:
    for _ in progress(range(5), "crops"):
        clock.now += 5
    assert capsys.readouterr().err == ""


def test_a_stream_of_unknown_length_and_a_note_are_shown(clock: Clock, capsys: pytest.CaptureFixture[str]) -> None:
    bar = progress((n for n in range(2)), "frames", unit="frames")
    for _ in bar:
        clock.now += 31
        bar.note("loss 0.5")
    assert capsys.readouterr().err == "frames: 1 frames, 31 s, loss 0.5\nframes: 2 frames, 62 s, loss 0.5\n"


def test_work_without_an_iterable_is_counted_by_steps(clock: Clock, capsys: pytest.CaptureFixture[str]) -> None:
    bar: Progress[None]
    with progress(desc="train", total=4, unit="recipes") as bar:
        clock.now += 40
        bar.step(2)
    assert capsys.readouterr().err == "train: 2 of 4 recipes, 40 s\n"


def test_short_bars_within_a_long_one_leave_the_word_to_it(clock: Clock, capsys: pytest.CaptureFixture[str]) -> None:
    for _ in progress(range(2), "outer"):
        for _ in progress(range(4), "inner"):
            clock.now += 5
        clock.now += 5
    assert capsys.readouterr().err == "outer: 2 of 2 steps, 50 s\n"


def test_of_several_processes_the_first_alone_speaks(
    clock: Clock, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("RANK", "1")
    for _ in progress(range(3), "epoch 1"):
        clock.now += 60
    assert capsys.readouterr().err == ""
    monkeypatch.setenv("RANK", "0")
    for _ in progress(range(1), "epoch 1"):
        clock.now += 60
    assert capsys.readouterr().err == "epoch 1: 1 of 1 steps, 60 s\n"


def test_on_a_terminal_there_is_a_bar() -> None:
    ours, theirs = pty.openpty()
    fcntl.ioctl(theirs, termios.TIOCSWINSZ, struct.pack("HHHH", 24, 80, 0, 0))
    code = "from mien_train.training.progress import progress\nfor n in progress(range(3), 'epoch 7'): pass"
    subprocess.run([sys.executable, "-c", code], stderr=theirs, check=True, timeout=120)
    shown = os.read(ours, 4096).decode()
    os.close(theirs)
    os.close(ours)
    assert "epoch 7" in shown
    assert "0/3" in shown


def test_a_line_of_a_result_is_in_the_pipe_at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    raw = io.BytesIO()
    monkeypatch.setattr(sys, "stdout", io.TextIOWrapper(io.BufferedWriter(raw), write_through=False))
    say("epoch 1 loss 0.5")
    assert raw.getvalue() == b"epoch 1 loss 0.5\n"
