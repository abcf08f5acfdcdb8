from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from mien_train.cli import main


def _run(*words: str, stdout: int) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "mien_train", *words]
    return subprocess.run(command, stdout=stdout, stderr=subprocess.PIPE, text=True, timeout=120, check=False)


def test_a_reader_that_left_is_one_line_and_status_2(small_data: Path, tmp_path: Path) -> None:
    reading, writing = os.pipe()
    os.close(reading)
    try:
        done = _run("fer-folders", "--data", str(small_data), "--out", str(tmp_path / "pngs"), stdout=writing)
    finally:
        os.close(writing)
    assert done.returncode == 2
    assert done.stderr == "mien_train: standard output was closed before everything was said; give it a reader\n"


def test_a_full_disk_behind_standard_output_is_one_line_and_status_2(small_data: Path, tmp_path: Path) -> None:
    with Path("/dev/full").open("w") as full:
        done = _run("fer-folders", "--data", str(small_data), "--out", str(tmp_path / "pngs"), stdout=full.fileno())
    assert done.returncode == 2
    assert done.stderr == "mien_train: No space left on device; free some space or check the path\n"


def test_a_folder_whose_name_is_not_utf8_is_printed_as_it_is(small_data: Path, tmp_path: Path) -> None:
    out = os.fsencode(tmp_path) + b"/caf\xe9"
    words = [sys.executable, "-m", "mien_train", "explore", "--data", str(small_data), "--out", out]
    done = subprocess.run(words, capture_output=True, timeout=300, check=False, cwd=tmp_path)
    assert (done.returncode, done.stderr.count(b"Traceback")) == (0, 0)
    assert out + b"/explore.json" in done.stdout.splitlines()


def test_a_data_folder_that_may_not_be_read_is_one_line_and_status_2(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    loop = tmp_path / "fer2013.csv"
    loop.symlink_to(loop)  # stands for what cannot be opened; root may read everything else
    assert main(["fer-folders", "--data", str(tmp_path), "--out", str(tmp_path / "out")]) == 2
    assert capsys.readouterr().err.count("\n") == 1
