from __future__ import annotations

from pathlib import Path

import pytest

from mien_train.cli import main
from mien_train.training import checkpoint, history

TINY = ["--set", "epochs=2", "--set", "widths=4,8", "--set", "blocks=1,1", "--set", "batch=32"]
TEACHER = [word.replace("--set", "--teacher-set") for word in TINY]


@pytest.fixture(autouse=True)
def here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """An empty working directory with a cache of its own."""
    monkeypatch.setenv("MIEN_CACHE", str(tmp_path / "cache"))
    monkeypatch.setattr(history, "draw", lambda *_: None)  # which takes longer than all the rest
    (tmp_path / "work").mkdir()
    monkeypatch.chdir(tmp_path / "work")
    return tmp_path / "work"


def test_teachers_are_trained_once_and_then_taught_by(small_data: Path, capsys: pytest.CaptureFixture[str]) -> None:
    words = ["distil", "--data", str(small_data), "--teacher", "base:4", "--teacher", "teacher:5", *TEACHER, *TINY]
    assert main([*words, "--out", "first"]) == 0
    teachers = [checkpoint.finished(Path(f"runs/emotion-{name}/checkpoint.pt")) for name in ("base-4", "teacher-5")]
    assert [(t.recipe["name"], t.seed, t.recipe["taught"]) for t in teachers] == [("base", 4, 0), ("teacher", 5, 0)]
    student = checkpoint.finished(Path("first/checkpoint.pt"))
    assert (student.recipe["name"], student.seed, student.recipe["taught"], student.epoch > 0) == ("base", 0, 0.6, True)
    assert sorted(t["seed"] for t in student.metrics["teachers"].values()) == [4, 5]
    assert '"loss_taught"' in Path("first/history.json").read_text()
    before = [Path(f"runs/emotion-{name}/checkpoint.pt").read_bytes() for name in ("base-4", "teacher-5")]
    capsys.readouterr()
    finished = ["distil", "--data", str(small_data), "--teacher", "runs/emotion-base-4", *TEACHER, *TINY]
    assert main(finished) == 2
    assert "--teacher-set changes how teachers are trained, and all of these are finished" in capsys.readouterr().err
    more = ["--set", "unlabelled=0.5", "--set", "taught=0.8"]  # of which the small data have no faces
    assert main([*words, "--out", "second", "--seed", "1", *more]) == 0
    assert capsys.readouterr().out.count("complete already") == 2
    assert before == [Path(f"runs/emotion-{name}/checkpoint.pt").read_bytes() for name in ("base-4", "teacher-5")]
    assert checkpoint.finished(Path("second/checkpoint.pt")).recipe["taught"] == 0.8
    assert len(list(Path("../cache").glob("answers-*.npz"))) == 2  # of two epochs, for both students
    # A finished run is named by its folder, and a student that is there is not begun again.
    again = ["distil", "--data", str(small_data), "--teacher", "first", *TINY, "--out", "second", "--seed", "1"]
    assert main(again) == 2
    assert "add --resume" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (["--teacher", "nowhere"], "--teacher nowhere: no such run; give a run folder, a .pt file or RECIPE:SEED"),
        (
            ["--teacher", "base:99999999999"],
            "--teacher base:99999999999: '99999999999' is not a whole number from 0 to",
        ),
        (["--teacher", "bass:1"], "unknown recipe 'bass'; did you mean 'base'?"),
        (["--teacher", "base:1", "--teacher-set", "eopchs=2"], "recipe base has no field 'eopchs'; did you mean 'ep"),
        (["--teacher", "base:1", "--recipe", "quick"], "recipe quick keeps training images that are near copies of"),
        (["--teacher", "base:1", "--set", "mixup=0.2"], "teachers answer for each image as it is shown, once an epoch"),
        (["--teacher", "base:1", "--set", "taught=0"], "taught is 0, so that nobody would teach; leave it out"),
        (["--teacher", "quick:0"], "--teacher quick:0: the student has a second head and the teacher has none"),
        (
            ["--teacher", "quick:0", "--teacher-set", "searched=0.5"],
            "--teacher quick:0: is trained on other images (near_copies)",
        ),
    ],
)
def test_a_wrong_word_is_told_in_one_line(
    words: list[str], message: str, small_data: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["distil", "--data", str(small_data), *TINY, *words]) == 2
    error = capsys.readouterr().err
    assert message in error
    assert error.startswith("mien_train: ")
    assert error.count("\n") == 1
    assert not list(Path("runs").rglob("checkpoint.pt"))  # not even a teacher was trained


def test_a_plain_training_has_no_teachers(small_data: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["emotion", "--data", str(small_data), "--set", "taught=0.5"]) == 2
    assert "taught is 0.5, but `emotion` has no teachers; use `distil`" in capsys.readouterr().err
    assert main(["emotion", "--data", str(small_data), "--set", "unlabelled=0.5"]) == 2
    assert "unlabelled is 0.5, but nobody says what these faces show" in capsys.readouterr().err
