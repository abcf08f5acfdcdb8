from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import cv2
import pytest

from mien_train.cli import main
from mien_train.data import fer


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


SPACE = "[learning_rate]\nlow = 1e-3\nhigh = 1e-2\nlog = true\n"
TINY = [word for text in ("widths=4,8", "blocks=1,1", "batch=16", "epochs=1") for word in ("--set", text)]


@pytest.mark.parametrize(
    "words",
    [
        ["explore", "--out", "out"],
        ["sweep", "quick", "--space", "space.toml", "--trials", "1", "--out", "out", *TINY],
        ["fer-folders", "--out", "out", "--size", "480"],
        ["compare", "--redraw", "--out", "out", "--page", "page.md"],
    ],
    ids=lambda words: words[0],
)
def test_a_full_disk_is_one_line_and_leaves_nothing_half_written(
    small_data: Path, tmp_path: Path, words: list[str]
) -> None:
    fer.load(small_data)  # decoded and cached before the disk is full
    (tmp_path / "space.toml").write_text(SPACE)
    data = [] if "--redraw" in words else ["--data", str(small_data)]
    # No file may grow beyond 4,000 bytes: writing more fails as on a full disk.
    limit = "import resource as r; r.setrlimit(r.RLIMIT_FSIZE, (4000, r.getrlimit(r.RLIMIT_FSIZE)[1])); "
    program = f"{limit}import sys; from mien_train.cli import main; sys.exit(main({[*words, *data]!r}))"
    done = subprocess.run(
        [sys.executable, "-c", program], capture_output=True, text=True, timeout=300, check=False, cwd=tmp_path
    )
    told = [line for line in done.stderr.splitlines() if not line.startswith(("INFO", "WARNING", "W0000"))]
    assert (done.returncode, len(told)) == (2, 1), done.stderr
    assert told[0].startswith("mien_train: ")
    left = [path for path in (tmp_path / "out").rglob("*") if path.is_file()]
    assert not [path.name for path in left if path.name.endswith(".partial")]
    for path in left:
        if path.suffix == ".png":
            assert cv2.imread(str(path)) is not None
        if path.suffix == ".json":
            json.loads(path.read_text())
