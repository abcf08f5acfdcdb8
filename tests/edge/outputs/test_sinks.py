from __future__ import annotations

import io
import json
import os
import resource
import signal
import subprocess
import sys
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest
from edge_fakes import face

from mien.errors import MienError, RunError
from mien.outputs.records import JsonLines
from mien.outputs.sinks import open_sinks
from mien.outputs.stream import StreamSink
from mien.outputs.text import TextLines
from mien.reading import FrameResult, Reading


def reading(track: int = 3, emotion: str = "happiness") -> Reading:
    shares = {"neutral": 0.15, "happiness": 0.8, "surprise": 0.05}
    return Reading(track, face(), emotion, "happiness", None, shares)


def result(sequence: int = 7, name: str = "", *readings: Reading) -> FrameResult:
    return FrameResult(sequence, name, 160, 120, 1_000_000, 3_500_000, readings or (reading(),))


def test_jsonl_has_one_object_a_reading_at_once_and_is_appended_to(tmp_path: Path) -> None:
    path = tmp_path / "readings.jsonl"
    with open_sinks([f"jsonl:{path}"]) as sinks:
        sinks.write(result(7))
        assert sinks.flush()
        # Already on disk, with the sink still open: a crash loses nothing.
        assert len(path.read_text().splitlines()) == 1
        sinks.write(result(8))
    with open_sinks([f"jsonl:{path}"]) as sinks:
        sinks.write(result(0, "a.png"))
    first, second, third = (json.loads(line) for line in path.read_text().splitlines())
    assert [line["frame"] for line in (first, second, third)] == [7, 8, 0]
    assert "image" not in first
    assert third["image"] == "a.png"
    assert first["run"] == second["run"] != third["run"], "tracks count anew in each run"


def test_the_sinks_of_a_run_share_its_id(tmp_path: Path) -> None:
    paths = [tmp_path / "one.jsonl", tmp_path / "two.jsonl"]
    with open_sinks([f"jsonl:{path}" for path in paths]) as sinks:
        sinks.write(result())
    one, two = (json.loads(path.read_text()) for path in paths)
    assert one["run"] == two["run"]


def test_the_line_after_a_torn_one_stands_by_itself(tmp_path: Path) -> None:
    path = tmp_path / "readings.jsonl"

    def run() -> None:
        with open_sinks([f"jsonl:{path}"]) as sinks:
            sinks.write(result())

    run()
    whole = path.read_bytes()
    path.write_bytes(whole + whole[:40])  # the power was cut
    run()
    lines = path.read_text().splitlines()
    assert len(lines) == 3
    assert lines[1] == whole[:40].decode()
    assert json.loads(lines[0])["track"] == json.loads(lines[2])["track"] == 3
    run()  # a whole file gets no empty line
    assert len(path.read_text().splitlines()) == 4
    assert "" not in path.read_text().splitlines()


def test_the_line_after_one_torn_by_a_full_disk_stands_by_itself(tmp_path: Path) -> None:
    path = tmp_path / "readings.jsonl"
    code = f"""
import sys
sys.path.insert(0, {str(Path(__file__).parents[1])!r})
from edge_fakes import face
from mien.outputs.sinks import open_sinks
from mien.reading import FrameResult, Reading
reading = Reading(3, face(), "happiness", "happiness", None, {{"happiness": 1.0}})
with open_sinks(["jsonl:" + sys.argv[1]]) as sinks:
    for sequence in range(100):
        sinks.write(FrameResult(sequence, "", 160, 120, 0, 0, (reading,)))
"""

    def limit() -> None:
        signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
        resource.setrlimit(resource.RLIMIT_FSIZE, (1000, 1000))

    environment = {**os.environ, "PYTHONPATH": os.pathsep.join(sys.path)}
    ended = subprocess.run(
        [sys.executable, "-c", code, str(path)], preexec_fn=limit, env=environment, capture_output=True, text=True
    )
    assert "cannot be written any more (File too large); free some space" in ended.stderr
    assert path.stat().st_size == 1000
    torn = path.read_text().splitlines()[-1]
    with pytest.raises(json.JSONDecodeError):
        json.loads(torn)
    with open_sinks([f"jsonl:{path}"]) as sinks:
        sinks.write(result())
    *_, before, last = path.read_text().splitlines()
    assert before == torn
    assert json.loads(last)["track"] == 3


def test_a_pipe_is_opened_without_being_read(tmp_path: Path) -> None:
    path, read = tmp_path / "pipe", []
    os.mkfifo(path)
    reader = threading.Thread(target=lambda: read.append(path.read_text()))
    reader.start()
    with open_sinks([f"jsonl:{path}"]) as sinks:
        sinks.write(result())
    reader.join(10)
    assert json.loads(read[0])["track"] == 3


def test_text_and_jsonl_share_standard_output(capsys: pytest.CaptureFixture[str]) -> None:
    with open_sinks(["text", "jsonl:-", "null"]) as sinks:
        sinks.write(result())
    # Each sink has a thread of its own: either may be first, and neither breaks the other's line.
    text, line = sorted(capsys.readouterr().out.splitlines(), key=lambda line: line.startswith("{"))
    assert text == ("frame      7  track   3  happiness 80%               score 0.90     2.5 ms  box 10,20 50,60")
    assert json.loads(line)["track"] == 3


def test_lines_of_text_keep_their_columns_whatever_the_caption(capsys: pytest.CaptureFixture[str]) -> None:
    sure = Reading(1, face(), "happiness", "happiness", None, {"neutral": 0.0, "happiness": 1.0})
    unsure = Reading(23, face(100), "uncertain", "happiness", "ambiguous", {"neutral": 0.0, "happiness": 1.0})
    short = Reading(4, face(), "neutral", "neutral", None, {"neutral": 0.95, "happiness": 0.05})
    with open_sinks(["text"]) as sinks:
        sinks.write(result(99_999, "", sure, unsure, short))
    lines = capsys.readouterr().out.splitlines()
    assert len(lines) == 3
    assert "uncertain (happiness 100%)  score" in lines[1]
    assert {line.index("score") for line in lines} == {lines[0].index("score")}
    assert {line.index("box") for line in lines} == {lines[0].index("box")}


def test_text_tells_only_changes_and_jsonl_tells_all(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    frames = [
        result(0, "", reading(1, "neutral")),  # a new face
        result(1, "", reading(1, "neutral")),
        result(2, "", reading(1, "surprise")),  # another emotion
        result(26, "", reading(1, "surprise")),
        result(27, "", reading(1, "surprise")),  # 25 frames later
        result(28, "", reading(2, "surprise")),  # another face
        result(29, "b.png", reading(2, "surprise")),  # another picture
    ]
    with open_sinks(["text", f"jsonl:{tmp_path / 'all.jsonl'}"]) as sinks:
        for frame in frames:
            sinks.write(frame)
    told = [int(line.split()[1]) for line in capsys.readouterr().out.splitlines()]
    assert told == [0, 2, 27, 28, 29]
    assert len((tmp_path / "all.jsonl").read_text().splitlines()) == 7


def test_a_face_that_stays_is_no_news_however_many_pass_by(capsys: pytest.CaptureFixture[str]) -> None:
    with open_sinks(["text"]) as sinks:
        for sequence in range(20):
            passing = [reading(2 + 20 * sequence + index) for index in range(20)]
            sinks.write(result(sequence, "", reading(1), *passing))
    tracks = [int(line.split()[3]) for line in capsys.readouterr().out.splitlines()]
    assert tracks.count(1) == 1
    assert len(tracks) == 401


def test_a_frame_without_a_face_writes_nothing(capsys: pytest.CaptureFixture[str]) -> None:
    with open_sinks(["text", "jsonl:-"]) as sinks:
        sinks.write(FrameResult(0, "", 160, 120, 0, 0, ()))
    assert capsys.readouterr().out == ""


@pytest.mark.parametrize("spec", ["jsnol:x", "jsonl:", "jsonl", "text:x", ""])
def test_an_unknown_sink_is_named(spec: str) -> None:
    with pytest.raises(MienError, match="unknown sink"):
        open_sinks([spec])


@pytest.mark.parametrize("name", ["absent/x.jsonl", "a\0b", "x" * 300])
def test_an_output_that_cannot_be_written_is_an_error_before_anything_runs(tmp_path: Path, name: str) -> None:
    with pytest.raises(MienError, match="cannot be written") as caught:
        open_sinks([f"jsonl:{tmp_path / name}"])
    assert "\n" not in str(caught.value)


def test_a_full_disk_is_one_clear_error() -> None:
    if not Path("/dev/full").exists():
        pytest.skip("this system has no /dev/full")
    with open_sinks(["jsonl:/dev/full"]) as sinks:
        sinks.write(result())
        with pytest.raises(RunError, match="cannot be written any more") as caught:
            sinks.finish()
    assert "1 results lost" in str(caught.value)


def test_a_pipe_gets_each_line_at_once() -> None:
    pipe = io.BytesIO()
    sink = StreamSink(io.TextIOWrapper(pipe, encoding="utf-8"), "a pipe", JsonLines())
    sink.write(result())
    assert pipe.getvalue().count(b"\n") == 1


@pytest.fixture
def ascii_stream() -> Iterator[tuple[io.BytesIO, io.TextIOWrapper]]:
    raw = io.BytesIO()
    stream = io.TextIOWrapper(raw, encoding="ascii")
    yield raw, stream
    stream.close()


def test_a_terminal_that_knows_ascii_only_gets_json_all_the_same(
    ascii_stream: tuple[io.BytesIO, io.TextIOWrapper],
) -> None:
    raw, stream = ascii_stream
    StreamSink(stream, "a terminal", JsonLines()).write(result(0, "Zoë 😀.png"))
    assert json.loads(raw.getvalue())["image"] == "Zoë 😀.png"
    StreamSink(stream, "a terminal", TextLines()).write(result(0, "Zoë.png"))
    assert raw.getvalue().count(b"\n") == 2


def test_a_name_that_is_not_utf_8_reaches_file_and_standard_output(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    log = os.fsdecode(os.fsencode(tmp_path) + b"/log-\xff.jsonl")
    with open_sinks([f"jsonl:{log}", "jsonl:-"]) as sinks:
        sinks.write(result(0, os.fsdecode(b"caf\xe9.png")))
    written = Path(log).read_text(encoding="utf-8")
    assert json.loads(written)["image"] == r"caf\udce9.png"
    assert capsys.readouterr().out == written


def test_sinks_load_no_opencv() -> None:
    names = "sinks lines queued thinning stream records text changes names files captions"
    code = (
        f"import sys; [__import__('mien.outputs.' + name) for name in '{names}'.split()]; print('cv2' in sys.modules)"
    )
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join(sys.path)}
    ended = subprocess.run([sys.executable, "-c", code], env=environment, capture_output=True, text=True, check=True)
    assert ended.stdout == "False\n"
