"""A run that is cut off, by a full disk or by Ctrl-C, leaves whole files; what is missing is said before it begins."""

from __future__ import annotations

import contextlib
import importlib.util
import resource
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pytest

from mien.errors import MienError
from mien.models import bundle
from mien_train.cli import main
from mien_train.data import crops
from mien_train.training import checkpoint, history, loop

TINY = ["--set", "epochs=1", "--set", "widths=4,8", "--set", "blocks=1,1", "--set", "batch=16"]


@contextlib.contextmanager
def files_of_at_most(size: int) -> Iterator[None]:
    """As on a disk with so many bytes left: the rest of a file cannot be written."""
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (size, hard))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))


def _content(folder: Path) -> dict[str, bytes]:
    return {path.name: path.read_bytes() for path in folder.iterdir()}


@pytest.fixture
def begun(shades: Any, tmp_path: Path) -> Path:
    """Folder of a run that was stopped after one of four epochs."""
    with pytest.raises(KeyboardInterrupt):
        loop.train(shades(stop_after=1), tmp_path / "run", seed=0, resume=False)
    return tmp_path / "run"


@pytest.mark.parametrize("size", [500, 4096])
def test_on_a_full_disk_a_run_ends_in_one_line_and_its_files_stay_whole(shades: Any, begun: Path, size: int) -> None:
    before = _content(begun)
    assert before.keys() == {"checkpoint.pt", "history.json", "curves.png"}
    assert all(len(content) > 500 for content in before.values())
    with (
        files_of_at_most(size),
        pytest.raises(MienError, match=r"checkpoint\.pt: cannot be written \(File too large\); free some space"),
    ):
        loop.train(shades(), begun, seed=0, resume=True)
    assert _content(begun) == before
    loop.train(shades(), begun, seed=0, resume=True)
    assert checkpoint.finished(begun / "checkpoint.pt").task == "emotion"


def test_a_picture_that_cannot_be_written_leaves_the_earlier_one(tmp_path: Path) -> None:
    rows = [{"epoch": 1.0, "loss_a": 1.0}]
    history.write(tmp_path, "emotion", {"name": "x"}, 0, rows)
    before = _content(tmp_path)
    with files_of_at_most(1000), pytest.raises(MienError, match=r"curves\.png: cannot be written"):
        history.write(tmp_path, "emotion", {"name": "x"}, 0, rows)
    assert _content(tmp_path) == before


def test_ctrl_c_in_the_middle_of_a_file_leaves_the_earlier_one(
    shades: Any, begun: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    before, write = _content(begun), Path.write_bytes

    def half(self: Path, content: Any) -> int:
        write(self, content[: len(content) // 2])
        raise KeyboardInterrupt

    monkeypatch.setattr(Path, "write_bytes", half)
    with pytest.raises(KeyboardInterrupt):
        loop.train(shades(), begun, seed=0, resume=True)
    monkeypatch.undo()
    assert _content(begun) == before


def test_on_the_command_line_a_full_disk_is_status_2(small_data: Path, tmp_path: Path) -> None:
    words = ["emotion", "--data", str(small_data), *TINY]
    assert main([*words, "--out", str(tmp_path / "first")]) == 0  # which caches the decoded images
    code = f"""
import resource, sys
from mien_train.cli import main
resource.setrlimit(resource.RLIMIT_FSIZE, (2000, 2000))
sys.exit(main({[*words, "--out", str(tmp_path / "second")]!r}))
"""
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, timeout=280)
    assert done.returncode == 2
    assert done.stderr.count("\n") == 1, done.stderr
    assert "second/checkpoint.pt: cannot be written (File too large)" in done.stderr
    assert list((tmp_path / "second").iterdir()) == []


def test_a_folder_whose_name_is_no_utf_8_is_trained_into(small_data: Path, tmp_path: Path) -> None:
    odd = str(tmp_path / "r\udcffn")
    words = [
        sys.executable,
        "-m",
        "mien_train",
        "emotion",
        "--data",
        str(small_data),
        *TINY,
        "--report",
        f"{odd}/report",
    ]
    assert subprocess.run([*words, "--out", odd], capture_output=True, timeout=280).returncode == 0
    again = subprocess.run([*words, "--init", odd, "--out", f"{odd}/2"], capture_output=True, timeout=280)
    assert (again.returncode, again.stderr) == (0, b"")
    assert b"r\xffn/2/checkpoint.pt" in again.stdout
    assert checkpoint.finished(Path(odd) / "2" / "checkpoint.pt").recipe["init"] == f"{odd}/checkpoint.pt"


def test_a_run_needs_no_bundled_model(
    small_data: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(bundle, "MODELS", tmp_path)
    crops.template_of.cache_clear()
    assert main(["emotion", "--data", str(small_data), "--out", str(tmp_path / "run"), *TINY]) == 0
    crops.template_of.cache_clear()
    assert (
        "no crop template: emotion-base is not bundled; measure one with `mien_train align`" in capsys.readouterr().out
    )
    metrics = checkpoint.finished(tmp_path / "run" / "checkpoint.pt").metrics
    assert "expressions" in metrics
    assert "alignment" not in metrics


def test_the_template_of_the_bundled_model_is_read_before_training(
    small_data: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    whole = loop.train_epoch

    def then_gone(run: Any, epoch: int) -> dict[str, float]:
        monkeypatch.setattr(bundle, "MODELS", tmp_path)
        crops.template_of.cache_clear()
        return whole(run, epoch)

    monkeypatch.setattr(loop, "train_epoch", then_gone)
    assert main(["emotion", "--data", str(small_data), "--out", str(tmp_path / "run"), *TINY]) == 0
    alignment = checkpoint.finished(tmp_path / "run" / "checkpoint.pt").metrics["alignment"]
    assert alignment["taken_from"] == "emotion-base"
    assert np.array(alignment["template"]).shape == (5, 2)


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (["--report", "{file}"], "cannot be made a folder (File exists); choose another --report"),
        (["--report", "{file}/report"], "choose another --report"),
        (["--out", "{file}"], "choose another --out"),
        (["--exclude", "{file}.csv"], "exclude={file}.csv: "),
        (["--init", "{file}.pt"], "{file}.pt: no such checkpoint"),
    ],
)
def test_a_place_that_cannot_be_used_is_said_before_training(
    small_data: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str], words: list[str], message: str
) -> None:
    file = tmp_path / "file"
    file.write_text("")
    words = [word.format(file=file) for word in words]
    assert main(["emotion", "--data", str(small_data), "--out", str(tmp_path / "run"), *TINY, *words]) == 2
    said = capsys.readouterr()
    assert message.format(file=file) in said.err
    assert said.err.count("\n") == 1
    assert said.out == ""
    assert not (tmp_path / "run" / "checkpoint.pt").exists()


def test_a_lack_of_memory_is_one_line(small_data: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    words = ["emotion", "--data", str(small_data), "--out", str(tmp_path / "run"), "--set", "blocks=1,1"]
    assert main([*words, "--set", "widths=9000000,9000000"]) == 2
    assert capsys.readouterr().err == (
        "mien_train: there is not memory enough for this; lower batch or widths with --set\n"
    )


def test_a_missing_matplotlib_is_said_before_training(
    shades: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(importlib.util, "find_spec", lambda name: None)
    with pytest.raises(MienError, match="matplotlib is not installed; install it"):
        loop.train(shades(stop_after=0), tmp_path, seed=0, resume=False)


def test_the_curve_of_one_epoch_is_a_point(tmp_path: Path) -> None:
    history.draw(tmp_path / "one.png", "one", [{"epoch": 1.0, "loss_a": 0.5, "val_accuracy": 0.5}])
    picture = cv2.imread(str(tmp_path / "one.png"))
    assert picture is not None
    for half in np.array_split(picture, 2, axis=1):
        blue = (np.abs(half.astype(int) - (180, 119, 31)).sum(axis=2) < 30).astype(np.uint8)
        count, _, stats, _ = cv2.connectedComponentsWithStats(blue)
        # The legend's line, and the point, which is about 8 pixels wide.
        assert count - 1 == 2
        assert any(6 <= width <= 10 and 6 <= height <= 10 for _, _, width, height, _ in stats[1:])
