from __future__ import annotations

import io
import json
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from edge_fakes import FakeClassifier, FakeDetector, face

from mien.bench import cold, result
from mien.bench.measure import ALL_STAGES, FACES, measure
from mien.bench.rounds import FRAMES_A_TURN, Call, take_turns
from mien.bench.scene import HEIGHT, MOST_FACES, WIDTH, MemoryCamera, placed, scene
from mien.cli import main
from mien.commands.bench import step
from mien.errors import MienError
from mien.laps import summary


def opened(*_: object) -> tuple[FakeDetector, FakeClassifier]:
    return FakeDetector([face()]), FakeClassifier()


@pytest.fixture
def fake_models(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("mien.bench.measure.bundled", opened)
    monkeypatch.setattr(cold, "measure", lambda *_: [{"engine": "litert", "error": "no model"}])


def test_percentiles_are_in_milliseconds() -> None:
    figures = summary([n * 1_000_000 for n in range(101)])
    assert figures == {"p25": 25, "p50": 50, "p75": 75, "p90": 90, "p95": 95, "p99": 99, "max": 100}


def test_everybody_gets_the_same_number_of_frames_and_the_warm_up_is_forgotten() -> None:
    order: list[str] = []
    one, other = Call(lambda: order.append("one")), Call(lambda: order.append("other"))
    shares: list[float] = []
    take_turns([one, other], 0.002, shares.append)
    assert len(one.nanoseconds) == len(other.nanoseconds) >= FRAMES_A_TURN
    assert len(order) > 2 * len(one.nanoseconds)  # the warm-up's calls are not counted
    assert shares == sorted(shares)
    assert shares[-1] == 1
    # The second round goes backwards.
    assert order[-len(one.nanoseconds) * 2 :][:FRAMES_A_TURN] == ["one"] * FRAMES_A_TURN


def test_placed_faces_lie_inside_the_frame_and_do_not_overlap() -> None:
    boxes = [f.box for f in placed(MOST_FACES)]
    assert len(boxes) == 20
    assert all(0 <= b[0] < b[2] <= WIDTH and 0 <= b[1] < b[3] <= HEIGHT for b in boxes)
    apart = [
        a[2] <= b[0] or b[2] <= a[0] or a[3] <= b[1] or b[3] <= a[1]
        for i, a in enumerate(boxes)
        for b in boxes[i + 1 :]
    ]
    assert all(apart)
    with pytest.raises(MienError, match="21 faces do not fit"):
        placed(21)


def test_the_frame_in_memory_is_the_scene_again() -> None:
    shown = scene()
    assert shown.luma.shape == (HEIGHT, WIDTH)
    for limited, most in ((False, 0), (True, 1)):  # limited range holds 220 of 256 steps
        camera = MemoryCamera(shown.luma, limited)
        frame = next(camera.frames())
        difference = np.abs(frame.luma.astype(int) - shown.luma)
        assert difference.max() == most
        assert set(camera.laps.stages) == {"capture", "luma"}


def test_every_stage_is_measured_for_every_number_of_faces_and_threads() -> None:
    shares: list[float] = []
    runs, models = measure(opened, ["litert"], [1, 2], scene(), 0.02, shares.append)
    assert [(run["threads"], run["faces"]) for run in runs] == [(n, faces) for n in (1, 2) for faces in FACES]
    assert FACES == (0, 1, 4, 10, 20)
    for run in runs:
        assert set(run["stages"]) == set(ALL_STAGES) - (set() if run["faces"] else {"align", "classify"})
        assert run["frames"] >= FRAMES_A_TURN
        assert run["whole"]["p50"] <= run["whole"]["p90"] <= run["whole"]["p99"] <= run["whole"]["max"]
        assert run["readings"]["p50"] <= run["whole"]["p50"]
    assert models == {"fake": {"tflite": "00"}}
    assert shares[-1] == 1


def test_bench_prints_a_table_and_writes_its_json(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], fake_models: None
) -> None:
    out = tmp_path / "bench.json"
    assert main(["bench", "--engine", "litert", "--threads", "1", "--seconds", "0.02", "--out", str(out)]) == 0
    shown = capsys.readouterr().out
    assert "classify" in shown
    assert "not measured: no model" in shown
    written = json.loads(out.read_text())
    assert [(run["engine"], run["faces"]) for run in written["runs"]] == [("litert", n) for n in FACES]
    assert written["machine"]["kernel"]
    assert "temperature" in written["state_after"]
    assert isinstance(written["remarks"], list)
    assert written["models"] == {"fake": {"tflite": "00"}}
    assert "p99" in shown


@pytest.mark.parametrize("options", [[], ["--json"]])
def test_a_terminal_that_knows_few_signs_gets_the_result_too(
    options: list[str], monkeypatch: pytest.MonkeyPatch, fake_models: None
) -> None:
    measured = result.run

    def in_a_warm_room(*arguments: Any) -> Any:
        found = measured(*arguments)
        found["machine"]["board"] = "Rüstung – 5"
        return found

    monkeypatch.setattr(result, "run", in_a_warm_room)
    for encoding in ("latin-1", "ascii"):
        stdout = io.TextIOWrapper(io.BytesIO(), encoding=encoding)
        monkeypatch.setattr("sys.stdout", stdout)
        assert main(["bench", "--engine", "litert", "--threads", "1", "--seconds", "0.02", *options]) == 0
        stdout.seek(0)
        shown = stdout.read()
        assert "R\\u00fcstung \\u2013 5" in shown
        if options:
            assert json.loads(shown)["machine"]["board"] == "Rüstung – 5"
        else:
            (none,) = [line for line in shown.splitlines() if line.split()[:3] == ["litert", "1", "0"] and "-" in line]
            assert none.split().count("-") == 2  # nothing is aligned or classified where there is no face


def test_the_number_of_threads_is_bounded(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], fake_models: None
) -> None:
    for threads in (0, 257, 99999999999):
        assert main(["bench", "--threads", "1", "--threads", str(threads), "--seconds", "0.02"]) == 2
        assert f"--threads is {threads}; give 1 to 256" in capsys.readouterr().err
    # A machine of more cores is no mistake of whoever asks for all of them.
    monkeypatch.setattr("mien.machine.usable_cores", lambda: 384)
    asked: list[result.Settings] = []

    def run(_models: Any, settings: result.Settings, *_: Any) -> Any:
        asked.append(settings)
        raise MienError("asked")

    monkeypatch.setattr(result, "run", run)
    assert main(["bench", "--seconds", "0.02"]) == 2
    assert [settings.threads for settings in asked] == [(1, 256)]


def test_progress_is_shown_on_a_terminal_alone(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    assert step("frames") is None
    monkeypatch.setattr("sys.stderr.isatty", lambda: True)
    progress = step("frames")
    assert progress is not None
    progress(0.5)
    progress(1.0)
    shown = capsys.readouterr().err
    assert "\rframes:  50%" in shown
    assert shown.endswith("\x1b[K")  # the line is cleared for what follows


@pytest.mark.parametrize(
    "program",
    ["", "print('a line', flush=True); ", "import os; os.close(1); "],
    ids=["silent", "after its line", "without standard output"],
)
def test_a_process_that_does_not_end_is_killed(program: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(cold, "_TIMEOUT", 0.5)
    began = time.monotonic()
    with pytest.raises(subprocess.TimeoutExpired):
        cold._timed([sys.executable, "-c", f"{program}import time; time.sleep(20)"])
    assert time.monotonic() - began < 10


def test_a_cold_start_that_takes_too_long_is_an_entry(monkeypatch: pytest.MonkeyPatch) -> None:
    def late(command: list[str]) -> tuple[float, str]:
        raise subprocess.TimeoutExpired(command, 120)

    monkeypatch.setattr(cold, "_timed", late)
    (start,) = cold.measure(["litert"], scene(), 1)
    assert "longer than 120 s" in start["error"]


def test_a_cold_start_that_fails_says_why(tmp_path: Path) -> None:
    (start,) = cold.measure(["nonsense"], scene(), 1)
    assert start["engine"] == "nonsense"
    assert "status 2" in start["error"]


def test_a_cold_start_is_set_against_the_baseline(monkeypatch: pytest.MonkeyPatch) -> None:
    steps = {"import": 0.1, "load": 0.01, "first_reading": 0.02}

    def timed(command: list[str]) -> tuple[float, str]:
        if command[2] == cold.BASELINE:
            return 0.1, ""
        return (0.2, '{"faces": [{}]}\n') if command[1] == "-m" else (0.3, json.dumps(steps))

    monkeypatch.setattr(cold, "_timed", timed)
    monkeypatch.setattr(cold, "_said", lambda command: '{"faces": [{}]}\n50000\n')
    (start,) = cold.measure(["litert"], scene(), 3)
    assert start["ratio"] == 2
    assert start["steps_ms"] == pytest.approx({"import": 100, "load": 10, "first_reading": 20})
    assert start["peak_rss_mb"] == pytest.approx(51.2)
    assert start["faces"] == 1


def test_an_unusable_engine_is_said_before_anything_is_measured(monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(*_: object) -> Any:
        raise MienError("unknown engine 'x'")

    monkeypatch.setattr(cold, "measure", lambda *_: pytest.fail("measured"))
    with pytest.raises(MienError, match="unknown engine"):
        result.run(refuse, result.Settings(("x",), (1,), 1.0, 1), ["mien", "bench"])
