from __future__ import annotations

import io
import json
from pathlib import Path

import pytest
from edge_fakes import face

from mien.errors import MienError
from mien.outputs.sinks import StreamSink, open_sinks
from mien.pipeline import FrameResult
from mien.reading import Reading


def result(sequence: int = 7, name: str = "") -> FrameResult:
    reading = Reading(3, face(), "happiness", {"neutral": 0.2, "happiness": 0.8}, sequence, 1_000_000, 3_500_000)
    return FrameResult(sequence, name, 160, 120, 1_000_000, 3_500_000, (reading,), 0)


def test_jsonl_has_one_object_a_reading_at_once_and_is_appended_to(tmp_path: Path) -> None:
    path = tmp_path / "readings.jsonl"
    with open_sinks([f"jsonl:{path}"]) as sinks:
        sinks.write(result(7))
        # Already on disk, with the sink still open: a crash loses nothing.
        assert len(path.read_text().splitlines()) == 1
    with open_sinks([f"jsonl:{path}"]) as sinks:
        sinks.write(result(8, "a.png"))
    first, second = (json.loads(line) for line in path.read_text().splitlines())
    assert first["frame"] == 7
    assert first["track"] == 3
    assert first["emotion"] == "happiness"
    assert first["box"] == [10, 20, 50, 60]
    assert first["latency_ms"] == 2.5
    assert first["probabilities"] == {"neutral": 0.2, "happiness": 0.8}
    assert "image" not in first
    assert second["image"] == "a.png"


def test_text_and_jsonl_share_standard_output(capsys: pytest.CaptureFixture[str]) -> None:
    with open_sinks(["text", "jsonl:-", "null"]) as sinks:
        sinks.write(result())
    text, line = capsys.readouterr().out.splitlines()
    assert text == "frame     7  track   3  happiness   80%  box 10,20 50,60  score 0.90  2.5 ms"
    assert json.loads(line)["track"] == 3


def test_text_tells_only_news_and_jsonl_tells_all(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    def seen(sequence: int, emotion: str, track: int = 1) -> FrameResult:
        reading = Reading(track, face(), emotion, {"neutral": 1.0}, sequence, 0, 0)
        return FrameResult(sequence, "", 160, 120, 0, 0, (reading,), 0)

    frames = [
        seen(0, "neutral"),  # a new face
        seen(1, "neutral"),
        seen(2, "surprise"),  # another emotion
        seen(26, "surprise"),
        seen(27, "surprise"),  # 25 frames later
        seen(28, "surprise", track=2),  # another face
    ]
    with open_sinks(["text", f"jsonl:{tmp_path / 'all.jsonl'}"]) as sinks:
        for frame in frames:
            sinks.write(frame)
    told = [int(line.split()[1]) for line in capsys.readouterr().out.splitlines()]
    assert told == [0, 2, 27, 28]
    assert len((tmp_path / "all.jsonl").read_text().splitlines()) == 6


def test_a_frame_without_a_face_writes_nothing(capsys: pytest.CaptureFixture[str]) -> None:
    with open_sinks(["text"]) as sinks:
        sinks.write(FrameResult(0, "", 160, 120, 0, 0, (), 0))
    assert capsys.readouterr().out == ""


@pytest.mark.parametrize("spec", ["jsnol:x", "jsonl:", "jsonl", "text:x", ""])
def test_an_unknown_sink_is_named(spec: str) -> None:
    with pytest.raises(MienError, match="unknown sink"):
        open_sinks([spec])


def test_an_output_that_cannot_be_written_is_an_error_before_anything_runs(tmp_path: Path) -> None:
    with pytest.raises(MienError, match="cannot be written"):
        open_sinks([f"jsonl:{tmp_path / 'absent' / 'x.jsonl'}"])


def test_a_full_disk_is_one_clear_error() -> None:
    if not Path("/dev/full").exists():
        pytest.skip("this system has no /dev/full")
    with (
        pytest.raises(MienError, match="cannot be written any more"),
        open_sinks(["jsonl:/dev/full"]) as sinks,
    ):
        sinks.write(result())


def test_a_pipe_gets_each_line_at_once() -> None:
    pipe = io.BytesIO()
    sink = StreamSink(io.TextIOWrapper(pipe, encoding="utf-8"), "a pipe", jsonl=True)
    sink.write(result())
    assert pipe.getvalue().count(b"\n") == 1
