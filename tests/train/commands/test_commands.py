from __future__ import annotations

import json
from pathlib import Path

import cv2
import numpy as np
import pytest

from mien_train.cli import main
from mien_train.training import checkpoint

TINY_EMOTION = ["--set", "epochs=1", "--set", "widths=4,8", "--set", "blocks=1,1", "--set", "batch=16"]
TINY_FACE = ["--set", "epochs=1", "--set", "batch=2", "--set", "height=64", "--set", "width=64"]
TINY_FACE += ["--set", "stem=4,4", "--set", "channels=8", "--set", "blocks=1,1,1"]


@pytest.fixture
def here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """An empty working directory."""
    folder = tmp_path / "work"
    folder.mkdir()
    monkeypatch.chdir(folder)
    return folder


def test_an_emotion_run_trains_and_is_evaluated_under_each_protocol(
    small_data: Path, here: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["emotion", "--data", str(small_data), "--out", "run", *TINY_EMOTION]) == 0
    stored = checkpoint.load(here / "run" / "checkpoint.pt")
    assert {way["name"] for way in stored.metrics["expressions"]} == {"perceived", "intended", "mixed"}
    capsys.readouterr()
    (here / "docs" / "results").mkdir(parents=True)
    for protocol, labels in (("strict", 8), ("loose", 8), ("fer2013", 7)):
        command = ["evaluate", "--model", "run/checkpoint.pt", "--data", str(small_data), "--split", "test"]
        assert main([*command, "--protocol", protocol, "--json"]) == 0
        found = json.loads(capsys.readouterr().out)
        assert found["n"] == 16
        assert len(found["per_class"]) == len(found["confusion"]) == labels
        assert {"accuracy", "macro_f1", "ece"} <= found.keys()
    log = [json.loads(line) for line in Path("docs/results/test-log.jsonl").read_text().splitlines()]
    assert [line["protocol"] for line in log] == ["strict", "loose", "fer2013"]
    assert len({line["sha256"] for line in log}) == 1


def test_robustness_comes_with_an_emotion_models_evaluation(
    small_data: Path, here: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["emotion", "--data", str(small_data), "--out", "run", *TINY_EMOTION]) == 0
    capsys.readouterr()
    command = ["evaluate", "--model", "run/checkpoint.pt", "--data", str(small_data), "--robustness"]
    assert main([*command, "--json", "--report", "report"]) == 0
    found = json.loads(capsys.readouterr().out)
    assert found["robustness"]["clean"]["accuracy"] == found["accuracy"]
    assert 0 <= found["robustness"]["shift"]["changed"] <= 1
    assert Path("report/robustness.png").is_file()
    assert main(command) == 0
    printed = capsys.readouterr().out
    assert "macro-F1" in printed.splitlines()[-9]
    assert "a shift by one pixel changes" in printed.splitlines()[-1]


def test_the_full_path_counts_faces_that_are_not_found_as_errors(
    small_data: Path, here: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["emotion", "--data", str(small_data), "--out", "run", *TINY_EMOTION]) == 0
    capsys.readouterr()
    command = ["evaluate", "--model", "run/checkpoint.pt", "--data", str(small_data), "--full-path"]
    assert main([*command, "--json"]) == 0
    found = json.loads(capsys.readouterr().out)["full_path"]
    assert (found["n"], found["scenes"], found["detector"]) == (16, 2, "face-base")
    assert len(found["frames"]) == 2
    for row in found["frames"]:
        assert row["found"] < 0.2  # the pictures are of noise
        assert row["accuracy"] <= row["found"]
    assert main(command) == 0
    assert "full path, faces of 160 to 240 pixels in scenes" in capsys.readouterr().out.splitlines()[-3]
    assert main([*command, "--json", "--detector", "face-small"]) == 0
    other = json.loads(capsys.readouterr().out)["full_path"]
    assert (other["detector"], other["detector_sha256"] == found["detector_sha256"]) == ("face-small", False)
    assert main([*command[:-1], "--detector", "face-small"]) == 2
    assert "--detector face-small: finds the faces of --full-path" in capsys.readouterr().err


def test_evaluating_leaves_nothing_in_the_folder_of_the_caller(
    small_data: Path, here: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    run = small_data.parent / "run"
    assert main(["emotion", "--data", str(small_data), "--out", str(run), *TINY_EMOTION]) == 0
    command = ["evaluate", "--model", str(run / "checkpoint.pt"), "--data", str(small_data)]
    for split in ("val", "test"):
        assert main([*command, "--split", split]) == 0
        assert list(here.iterdir()) == []
    assert main([*command, "--split", "val", "--log", "looks.jsonl"]) == 0
    assert list(here.iterdir()) == []
    assert main([*command, "--split", "test", "--log", "notes/looks.jsonl"]) == 0
    assert json.loads((here / "notes" / "looks.jsonl").read_text())["split"] == "test"
    capsys.readouterr()


def test_looks_at_the_test_images_of_a_users_own_classes_are_not_noted_unasked(
    here: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    own = here.parent / "own"
    for name, luma in (("circle", 40), ("square", 200)):
        (own / name).mkdir(parents=True)
        for index in range(20):
            image = np.random.default_rng(index).normal(luma, 9, (48, 48)).clip(0, 255).astype(np.uint8)
            cv2.imwrite(str(own / name / f"{index}.png"), image)
    run = here.parent / "run"
    assert main(["emotion", "--data", str(own), "--out", str(run), *TINY_EMOTION]) == 0
    (here / "docs" / "results").mkdir(parents=True)
    command = ["evaluate", "--model", str(run / "checkpoint.pt"), "--data", str(own), "--split", "test"]
    assert main(command) == 0
    assert list((here / "docs" / "results").iterdir()) == []
    assert main([*command, "--log", "docs/results/test-log.jsonl"]) == 0
    assert (here / "docs" / "results" / "test-log.jsonl").read_text().count("\n") == 1
    capsys.readouterr()


def test_a_face_run_trains_and_is_evaluated(small_data: Path, here: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["face", "--data", str(small_data), "--out", "run", *TINY_FACE]) == 0
    capsys.readouterr()
    command = ["evaluate", "--model", "run/checkpoint.pt", "--data", str(small_data), "--split", "val"]
    assert main([*command, "--json"]) == 0
    found = json.loads(capsys.readouterr().out)
    assert found["n"] == 6
    assert found["input"] == [64, 64]
    assert 0 <= found["ap50"] <= 1
    assert found["false_positives"]["of"] == 2
    assert not Path("docs/results/test-log.jsonl").exists()

    taught = ["face", "--data", str(small_data), "--out", "student", "--teacher", "run", *TINY_FACE]
    assert main(taught) == 0
    assert checkpoint.load(Path("student/checkpoint.pt")).recipe["taught"] == 0.5


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["emotion", "--recipe", "bass"], "did you mean 'base'"),
        (["emotion", "--data", "nowhere"], "no data folder at nowhere"),
        (["face", "--recipe", "quick", "--init", "none.pt"], "none.pt: no such checkpoint"),
        (["face", "--recipe", "quick", "--teacher", "none"], "--teacher none: no such run"),
        (["face", "--recipe", "quick", "--teacher", "none", "--set", "taught=0"], "leave one of the two out"),
        (["face", "--recipe", "quick", "--set", "taught=0.5"], "nobody teaches; name a run with --teacher"),
        (["face", "--recipe", "quick", "--set", "hinted=2"], "hinted is 2, but nobody teaches; name a run with"),
        (["face", "--recipe", "quick", "--set", "tiles=2"], "tiles is 2; give 0 to 1"),
        (["evaluate", "--model", "none.tflite"], "none.tflite: no such model file"),
        (["evaluate", "--model", "none.pt", "--split", "test"], "none.pt: no such model file"),
        (["align", "none"], "none: no such checkpoint"),
        (["explore", "--max-frames", "3"], "--max-frames is of a clip; name one with --video"),
        (["distil", "--teacher", "base:0", "--teachers", "cores"], "--teachers says who teaches where no --teacher"),
        (["emotion", "--set", "epochs=1" + "0" * 400], "expected a value like"),
    ],
)
def test_bad_input_is_one_line_and_status_2(
    small_data: Path, here: Path, capsys: pytest.CaptureFixture[str], arguments: list[str], message: str
) -> None:
    if "--data" not in arguments:
        arguments = [*arguments, "--data", str(small_data)]
    assert main(arguments) == 2
    error = capsys.readouterr().err
    assert message in error
    assert error.count("\n") == 1


def test_a_split_that_faces_do_not_have_is_named(
    small_data: Path, here: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["face", "--data", str(small_data), "--out", "run", *TINY_FACE]) == 0
    capsys.readouterr()
    command = ["evaluate", "--model", "run/checkpoint.pt", "--data", str(small_data), "--split", "test"]
    assert main(command) == 2
    assert "has no split 'test'; it has train, val" in capsys.readouterr().err
    for option in ("--robustness", "--full-path", "--protocol"):
        assert main([*command[:-2], option, *(["strict"] if option == "--protocol" else [])]) == 2
        assert f"{option} is for emotion models" in capsys.readouterr().err


def test_every_command_has_help(capsys: pytest.CaptureFixture[str]) -> None:
    for command in ("emotion", "face", "evaluate", "align"):
        with pytest.raises(SystemExit) as stopped:
            main([command, "--help"])
        assert stopped.value.code == 0
        assert "--data" in capsys.readouterr().out
