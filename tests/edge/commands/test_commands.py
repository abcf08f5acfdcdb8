from __future__ import annotations

import errno
import json
import os
import signal
import subprocess
import sys
import zlib
from collections.abc import Callable
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pytest
from edge_fakes import FakeClassifier, FakeDetector, face

from mien.cli import main
from mien.errors import MienError
from mien.models import bundle
from mien.reader import FaceReader


@pytest.fixture(autouse=True)
def fake_models(monkeypatch: pytest.MonkeyPatch) -> Callable[[FakeDetector], None]:
    """Every command gets one face a picture, unless a test installs another detector."""

    def install(detector: FakeDetector) -> None:
        for user in ("mien.reader", "mien.bench.measure"):
            monkeypatch.setattr(f"{user}.FaceDetector", lambda *_, **__: detector)
            monkeypatch.setattr(f"{user}.EmotionClassifier", lambda *_, **__: FakeClassifier())

    install(FakeDetector([face()]))
    return install


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """Two bright pictures of 100 × 80."""
    path = tmp_path / "pictures"
    path.mkdir()
    for name in ("a.png", "b.png"):
        cv2.imwrite(str(path / name), np.full((80, 100), 204, np.uint8))
    return path


def fails(capsys: pytest.CaptureFixture[str], *arguments: str) -> str:
    """Run a command line that must exit with 2 and one line on standard error, which is returned."""
    try:
        status = main(arguments)
    except SystemExit as exit_:
        status = exit_.code  # type: ignore[assignment]
    captured = capsys.readouterr()
    assert status == 2
    assert captured.err.startswith("mien")
    assert captured.err.count("\n") == 1, captured.err
    return captured.err


def test_detect_prints_the_contracts_json(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["detect", str(folder), "--json"]) == 0
    lines = [json.loads(line) for line in capsys.readouterr().out.splitlines()]
    assert [line["image"] for line in lines] == [str(folder / "a.png"), str(folder / "b.png")]
    assert set(lines[0]) == {"image", "width", "height", "faces"}
    assert (lines[0]["width"], lines[0]["height"]) == (100, 80)
    (found,) = lines[0]["faces"]
    assert set(found) == {"box", "score", "landmarks", "emotion", "top", "reason", "expression", "probabilities"}
    assert found["box"] == [10, 20, 50, 60]
    assert found["score"] == 0.9
    assert np.shape(found["landmarks"]) == (5, 2)
    # Luma 204 is four fifths of 255.
    assert found["emotion"] == "happiness"
    assert found["probabilities"] == {"neutral": 0.2, "happiness": 0.8}


def test_detect_goes_on_after_an_unreadable_picture_and_exits_with_1(
    folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (folder / "aa.png").write_bytes(b"not a picture")
    (folder / "ab.png").touch()
    assert main(["detect", str(folder / "absent.png"), str(folder), "--json"]) == 1
    captured = capsys.readouterr()
    absent, *lines = [json.loads(line) for line in captured.out.splitlines()]
    assert absent["image"] == str(folder / "absent.png")
    assert "check the path" in absent["error"]
    assert [sorted(line) for line in lines[1:3]] == [["error", "image"]] * 2
    assert "faces" in lines[0]
    assert "faces" in lines[3]
    assert captured.err == ""
    assert main(["detect", str(folder)]) == 1
    captured = capsys.readouterr()
    assert captured.out.splitlines()[0] == f"{folder / 'a.png'}: happiness 80%, box 10,20 50,60, score 0.90"
    assert captured.err.count("\n") == 2


def test_detect_writes_annotated_copies_and_crops_and_leaves_the_originals(
    folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    other = folder / "other"
    other.mkdir()
    cv2.imwrite(str(other / "a.png"), np.zeros((80, 100), np.uint8))
    before = (folder / "a.png").read_bytes()
    assert main(["detect", str(folder), str(other), "--out", str(folder)]) == 0
    names = {path.name for path in folder.iterdir() if path.is_file()}
    assert names == {
        *("a.png", "b.png"),
        *("a-annotated.png", "a-face0.png", "b-annotated.png", "b-face0.png"),
        *("a-2-annotated.png", "a-2-face0.png"),
    }
    assert (folder / "a.png").read_bytes() == before
    crop = cv2.imread(str(folder / "a-face0.png"))
    assert crop is not None
    assert crop.shape == (192, 192, 3)


def test_detect_goes_on_after_a_path_that_cannot_be_looked_at(
    folder: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    good, closed = str(folder / "a.png"), folder / "closed"
    stat = Path.stat

    def refused(path: Path, **how: bool) -> os.stat_result:
        if path == closed:  # root may enter every folder
            raise PermissionError(errno.EACCES, "Permission denied", str(path))
        return stat(path, **how)

    monkeypatch.setattr(Path, "stat", refused)
    assert main(["detect", good, 300 * "a", str(closed), good, "--json"]) == 1
    lines = [json.loads(line) for line in capsys.readouterr().out.splitlines()]
    assert [sorted(line)[0] for line in lines] == ["faces", "error", "error", "faces"]
    assert "File name too long" in lines[1]["error"]
    assert "Permission denied" in lines[2]["error"]


def test_detect_shortens_names_that_its_own_would_make_too_long(folder: Path, tmp_path: Path) -> None:
    names = [folder / f"a{'ä' * 119}{number}.png" for number in range(2)]
    for name in names:
        (folder / "a.png").rename(name)
        (folder / "b.png").rename(folder / "a.png") if name is names[0] else None
    assert main(["detect", *map(str, names), "--out", str(tmp_path / "out")]) == 0
    written = sorted(path.name for path in (tmp_path / "out").glob("*-annotated.png"))
    assert written == [f"a{'ä' * 99}-2-annotated.png", f"a{'ä' * 99}-annotated.png"]


def test_detect_takes_no_word_for_the_present_folder(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit, match="2"):
        main(["detect", ""])
    assert "empty; give a picture or a folder" in capsys.readouterr().err


def test_without_memory_for_one_picture_the_others_are_read(
    folder: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    read = Path.read_bytes

    def starved(path: Path) -> bytes:
        if path.name == "a.png":
            raise MemoryError
        return read(path)

    monkeypatch.setattr(Path, "read_bytes", starved)
    assert main(["detect", str(folder / "a.png"), str(folder / "b.png"), "--json"]) == 1
    first, second = [json.loads(line) for line in capsys.readouterr().out.splitlines()]
    assert "there is no memory; free some" in first["error"]
    assert second["faces"]


def test_detect_without_a_face_says_so(folder: Path, fake_models: Any, capsys: pytest.CaptureFixture[str]) -> None:
    fake_models(FakeDetector())
    assert main(["detect", str(folder / "a.png")]) == 0
    assert capsys.readouterr().out == f"{folder / 'a.png'}: no face\n"
    assert main(["detect", str(folder / "a.png"), "--json"]) == 0
    assert json.loads(capsys.readouterr().out)["faces"] == []


def test_run_reads_a_folder_into_several_sinks_and_sums_up(
    folder: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    log = tmp_path / "log.jsonl"
    options = ["--sink", f"jsonl:{log}", "--sink", "text", "--annotate", str(tmp_path / "out")]
    assert main(["run", "--source", str(folder), *options]) == 0
    captured = capsys.readouterr()
    assert len(log.read_text().splitlines()) == 2
    assert captured.out.count("happiness") == 2
    assert "2 frames, 2 with a face (100.0%), 2 readings, 0 dropped" in captured.err
    for stage in ("capture", "resize", "detect", "decode", "align", "classify", "track", "sink", "whole"):
        assert f"\n{stage} " in captured.err
    assert f"wrote {tmp_path / 'out' / 'annotated.mp4'}" in captured.err
    assert (tmp_path / "out" / "contact-sheet.png").is_file()


def test_run_stops_after_max_frames_and_the_command_line_wins_over_the_file(
    folder: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    config = tmp_path / "kiosk.toml"
    config.write_text(f'source = "{folder}"\nmax_frames = 2\nsinks = ["null"]\n')
    assert main(["run", "--config", str(config), "--max-frames", "1"]) == 0
    captured = capsys.readouterr()
    assert captured.out == ""
    assert "1 frames" in captured.err


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_run_ends_well_on_ctrl_c_and_sigterm(
    folder: Path, fake_models: Any, capsys: pytest.CaptureFixture[str], number: int
) -> None:
    class Stopped(FakeDetector):
        calls = 0

        def detect(self, luma: Any, laps: Any = None) -> Any:
            self.calls += 1
            if self.calls == 2:
                os.kill(os.getpid(), number)
            return super().detect(luma, laps)

    before = signal.getsignal(signal.SIGTERM)
    fake_models(Stopped([face()]))
    assert main(["run", "--source", str(folder)]) == 0
    captured = capsys.readouterr()
    assert "1 frames, 1 with a face" in captured.err
    assert captured.out.count("happiness") == 1
    assert signal.getsignal(signal.SIGTERM) == before


def test_run_goes_on_after_a_damaged_picture_and_says_so(
    folder: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (folder / "ab.png").write_bytes(b"not a picture")
    log = tmp_path / "log.jsonl"
    assert main(["run", "--source", str(folder), "--sink", f"jsonl:{log}"]) == 0
    assert [json.loads(line)["frame"] for line in log.read_text().splitlines()] == [0, 2]
    said = capsys.readouterr().err
    assert "2 frames, 2 with a face (100.0%), 2 readings, 0 dropped" in said
    assert said.splitlines()[-1] == "1 damaged frames were left out"


def test_run_over_nothing_but_damaged_pictures_is_one_line_and_status_2(
    folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    for path in folder.iterdir():
        path.write_bytes(b"not a picture")
    assert main(["run", "--source", str(folder)]) == 2
    assert capsys.readouterr().err.splitlines()[-1].startswith(f"mien: folder {folder}: none of 2 can be read; ")


def test_an_empty_folder_is_reported_in_its_turn(
    folder: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    empty = tmp_path / "empty"
    empty.mkdir()
    assert main(["detect", str(empty), str(folder)]) == 1
    said = capsys.readouterr()
    assert len(said.out.splitlines()) == len(list(folder.iterdir()))
    assert said.err.startswith(f"mien: {empty}: holds no picture")
    assert said.err.count("\n") == 1


def test_bad_usage_and_bad_input_are_one_line_and_status_2(
    folder: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    empty = tmp_path / "empty"
    empty.mkdir()
    (tmp_path / "bad.png").write_bytes(b"x")
    (tmp_path / "bad.toml").write_text("engin = 'litert'")
    blocked = str(tmp_path / "bad.png" / "x")
    cases = [
        ([], "give a command"),
        (["detekt"], "invalid choice"),
        (["detect"], "required"),
        (["detect", "--nonsense", "x"], "unrecognized arguments: --nonsense"),
        (["detect", str(folder), "--out", blocked], "cannot be written"),
        (["run", "--source", "nonsense"], "no source of that name"),
        (["run", "--source", "v4l2:63"], "no such camera"),
        (["run", "--source", str(empty)], "holds no picture"),
        (["run", "--source", str(tmp_path / "bad.png")], "not a picture"),
        (["run", "--source", str(folder), "--sink", "smoke"], "unknown sink"),
        (["run", "--source", str(folder), "--sink", f"jsonl:{blocked}"], "cannot be written"),
        (["run", "--source", str(folder), "--annotate", blocked], "cannot be written"),
        (["run", "--source", str(folder), "--max-frames", "-1"], "max_frames is -1"),
        (["run", "--config", str(tmp_path / "bad.toml")], "did you mean 'engine'"),
        (["run", "--config", str(tmp_path / "absent.toml")], "cannot be read"),
        (["bench", "--seconds", "0"], "more than 0"),
        (["bench", "--out", blocked], "cannot be written"),
    ]
    for arguments, message in cases:
        assert message in fails(capsys, *arguments), arguments


def test_an_error_of_the_models_is_one_line(
    folder: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(*_: object, **__: object) -> Any:
        raise MienError("onnxruntime is not usable here; install it: pip install onnxruntime")

    monkeypatch.setattr("mien.reader.FaceDetector", refuse)
    assert "pip install" in fails(capsys, "detect", str(folder))
    assert "pip install" in fails(capsys, "run", "--source", str(folder))


def test_models_that_fail_their_check_are_said_and_the_status_is_1(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(bundle, "MODELS", tmp_path)
    assert "holds no model" in fails(capsys, "models")
    (tmp_path / "broken.json").write_text("{}")
    assert main(["models", "--json"]) == 1
    (row,) = json.loads(capsys.readouterr().out)
    assert row["name"] == "broken"
    assert row["verified"] is False
    assert "format" in row["error"]


def test_python_m_mien_answers_and_help_needs_no_heavy_import() -> None:
    code = "import sys, mien.cli; print(sorted({'torch', 'cv2', 'numpy', 'ai_edge_litert'} & set(sys.modules)))"
    environment = {**os.environ, "PYTHONPATH": str(Path(bundle.__file__).parents[2])}
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, env=environment, check=True)
    assert done.stdout.strip() == "[]"
    done = subprocess.run(
        [sys.executable, "-m", "mien", "run", "--source", "nonsense"],
        capture_output=True,
        text=True,
        env=environment,
    )
    assert done.returncode == 2
    assert done.stderr.count("\n") == 1
    done = subprocess.run(
        [sys.executable, "-m", "mien", "--help"], capture_output=True, text=True, env=environment, check=True
    )
    assert "detect" in done.stdout


def test_the_version_is_said_even_from_a_source_tree(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["--version"]) == 0
    assert capsys.readouterr().out.startswith("mien ")


def test_a_reader_who_leaves_early_is_no_error() -> None:
    # `true` closes its end at once; the pipe breaks on the first flush.
    environment = {**os.environ, "PYTHONPATH": str(Path(bundle.__file__).parents[2])}
    command = f"{sys.executable} -m mien doctor --json | true; exit ${{PIPESTATUS[0]}}"
    done = subprocess.run(["bash", "-c", command], capture_output=True, text=True, env=environment)
    assert done.returncode in (0, 1)
    assert done.stderr == ""


def test_what_the_system_refuses_is_one_line(capsys: pytest.CaptureFixture[str]) -> None:
    long = "x" * 300
    assert "no such file or folder" in fails(capsys, "run", "--source", long)
    with pytest.raises(MienError, match="threads is 99999999999; give 1 to 256"):
        FaceReader(threads=99999999999)


def test_a_full_disk_behind_standard_output_is_one_line() -> None:
    if not Path("/dev/full").exists():
        pytest.skip("this system has no /dev/full")
    with Path("/dev/full").open("w") as full:
        ran = subprocess.run(
            [sys.executable, "-m", "mien", "models"], stdout=full, stderr=subprocess.PIPE, text=True, check=False
        )
    assert ran.returncode == 2
    assert ran.stderr.splitlines() == ["mien: No space left on device"]


def test_closed_streams_are_no_error(tmp_path: Path) -> None:
    code = f"exec {sys.executable} -m mien models >&- 2>&-"
    assert subprocess.run(["sh", "-c", code], check=False, cwd=tmp_path).returncode == 0


def test_a_picture_that_states_too_much_is_unreadable(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    header = b"\x89PNG\r\n\x1a\n" + b"\0\0\0\rIHDR" + (60000).to_bytes(4) * 2 + b"\x08\0\0\0\0"
    crc = zlib.crc32(header[12:]).to_bytes(4)
    (tmp_path / "huge.png").write_bytes(header + crc)
    assert main(["detect", str(tmp_path / "huge.png"), "--json"]) == 1
    assert "states 60000×60000 pixels" in json.loads(capsys.readouterr().out)["error"]
