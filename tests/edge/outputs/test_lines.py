from __future__ import annotations

import json
import os
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
from sink_fakes import eventually, reading, result

from mien.errors import MienError
from mien.outputs.lines import JsonlSettings, LinesFile, rotated
from mien.outputs.records import JsonLines
from mien.outputs.sinks import SinkSettings, open_sinks


def _file(path: Path, **settings: object) -> LinesFile:
    return LinesFile(path, JsonLines("01234567"), JsonlSettings(**settings))  # type: ignore[arg-type]


def _frames(path: Path) -> list[int]:
    return [json.loads(line)["frame"] for line in path.read_text().splitlines()]


def test_after_a_rename_the_next_line_stands_in_a_new_file(tmp_path: Path) -> None:
    path, old = tmp_path / "r.jsonl", tmp_path / "r.jsonl.1"
    with _file(path) as sink:
        sink.write(result(0, reading()))
        path.rename(old)
        sink.write(result(1, reading()))
        path.unlink()
        sink.write(result(2, reading()))
    assert (_frames(old), _frames(path)) == ([0], [2])


def test_a_file_that_another_program_puts_in_its_place_is_gone_on_with(tmp_path: Path) -> None:
    path, old = tmp_path / "r.jsonl", tmp_path / "r.jsonl.1"
    with _file(path) as sink:
        sink.write(result(0, reading()))
        path.rename(old)
        path.touch()  # as logrotate's `create` does
        sink.write(result(1, reading()))
    assert (_frames(old), _frames(path)) == ([0], [1])


def test_names_that_are_not_ours_are_neither_renamed_nor_deleted(tmp_path: Path) -> None:
    path = tmp_path / "r.jsonl"
    theirs = {tmp_path / f"r.jsonl.{suffix}" for suffix in ("20261101", "01", "0", "1001", "bak")}
    for file in theirs:
        file.touch()
    with _file(path, rotate_bytes=4096, keep=1) as sink:
        for sequence in range(40):
            sink.write(result(sequence, reading()))
    assert set(tmp_path.iterdir()) == theirs | {path, tmp_path / "r.jsonl.1"}


def test_behind_a_link_the_lines_are_rotated_where_they_are_and_a_turned_link_is_followed(tmp_path: Path) -> None:
    path, stick, other = tmp_path / "r.jsonl", tmp_path / "stick", tmp_path / "other"
    for folder in (stick, other):
        folder.mkdir()
    path.symlink_to(stick / "lines")
    with _file(path, rotate_bytes=4096, keep=1) as sink:
        for sequence in range(40):
            sink.write(result(sequence, reading()))
        assert sorted(file.name for file in stick.iterdir()) == ["lines", "lines.1"]
        path.unlink()
        path.symlink_to(other / "lines")
        sink.write(result(40, reading()))
    assert _frames(path) == _frames(other / "lines") == [40]
    assert [file.name for file in tmp_path.iterdir() if file.name.startswith("r.")] == ["r.jsonl"]


def test_links_that_lead_to_each_other_are_one_line(tmp_path: Path) -> None:
    (tmp_path / "a").symlink_to(tmp_path / "b")
    (tmp_path / "b").symlink_to(tmp_path / "a")
    with pytest.raises(MienError, match="Too many levels of symbolic links"):
        open_sinks([f"jsonl:{tmp_path}/a"])


def test_a_large_file_is_rotated_and_only_so_many_stay(tmp_path: Path) -> None:
    path = tmp_path / "r[1].jsonl"  # no pattern of ours
    with _file(path, rotate_bytes=4096, keep=2) as sink:
        for sequence in range(100):
            sink.write(result(sequence, reading()))
    there = [*reversed(rotated(path)), path]
    assert [file.name for file in there] == ["r[1].jsonl.2", "r[1].jsonl.1", "r[1].jsonl"]
    assert all(file.stat().st_size <= 4096 for file in there)
    frames = [frame for file in there for frame in _frames(file)]
    assert frames == list(range(frames[0], 100)), "no line is lost between two files, and none is torn"
    assert len(frames) > 20


def test_the_policy_says_when_lines_are_forced_to_the_disk(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    synced: list[int] = []
    monkeypatch.setattr(os, "fsync", synced.append)
    counts = {}
    for fsync in ("never", "line", "seconds"):
        synced.clear()
        with _file(tmp_path / f"{fsync}.jsonl", fsync=fsync) as sink:
            for sequence in range(3):
                sink.write(result(sequence, reading()))
        counts[fsync] = len(synced)
    assert counts == {"never": 0, "line": 4, "seconds": 1}  # once at the end


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"interval": -1.0}, "interval is -1"),
        ({"rotate_bytes": 100}, "rotate_bytes is 100"),
        ({"keep": 0}, "keep is 0"),
        ({"fsync": "often"}, "give never, seconds, line"),
    ],
)
def test_settings_out_of_range_are_named(settings: dict[str, object], message: str) -> None:
    with pytest.raises(MienError, match=message):
        JsonlSettings(**settings)  # type: ignore[arg-type]


@pytest.fixture
def small_disk(tmp_path: Path) -> Iterator[Path]:
    """A disk of 128 kB."""
    folder = tmp_path / "disk"
    folder.mkdir()
    if os.geteuid() or shutil.which("mount") is None:
        pytest.skip("only root can mount a small disk; see the test with RLIMIT_FSIZE")
    if subprocess.run(["mount", "-t", "tmpfs", "-o", "size=128k", "mien-test", folder], check=False).returncode:
        pytest.skip("this machine mounts no tmpfs")
    yield folder
    subprocess.run(["umount", folder], check=True)


def test_a_disk_that_fills_stops_only_its_sink_which_recovers_when_there_is_space(
    small_disk: Path, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    full, other, ballast = small_disk / "r.jsonl", tmp_path / "r.jsonl", small_disk / "ballast"
    ballast.write_bytes(bytes(112 * 1024))
    with open_sinks([f"jsonl:{full}", f"jsonl:{other}"], live=True, settings=SinkSettings()) as sinks:
        # Each a face of its own, so that none is thinned out.
        for sequence in range(200):
            sinks.write(result(sequence, reading(sequence), seconds=1 + sequence / 30))
        assert eventually(lambda: len(other.read_text().splitlines()) == 200)
        assert eventually(lambda: sinks.states[0].state == "failing")
        assert sinks.states[1].state == "ok"
        ballast.write_bytes(b"")
        assert eventually(lambda: sinks.states[0].state == "ok")
        assert sinks.flush()
        sinks.finish()
    assert any("No space left on device" in record.getMessage() for record in caplog.records)
    whole = []
    for line in full.read_text().splitlines():
        try:
            whole.append(json.loads(line)["frame"])
        except json.JSONDecodeError:
            continue  # the one that was torn, alone in its line
    assert whole == list(range(200))


def test_a_limit_on_file_size_is_survived_likewise(tmp_path: Path) -> None:
    code = """
import resource, sys, time
sys.path.insert(0, sys.argv[2])
from sink_fakes import eventually, reading, result
from mien.outputs.sinks import open_sinks
resource.setrlimit(resource.RLIMIT_FSIZE, (1000, 10_000_000))
with open_sinks(["jsonl:" + sys.argv[1]]) as sinks:
    for sequence in range(50):
        sinks.write(result(sequence, reading()))
    assert eventually(lambda: sinks.states[0].state == "failing")
    resource.setrlimit(resource.RLIMIT_FSIZE, (10_000_000, 10_000_000))
    sinks.flush()
    assert eventually(lambda: sinks.states[0].waiting == 0)
    sinks.finish()
"""
    path = tmp_path / "r.jsonl"
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join(sys.path)}
    subprocess.run([sys.executable, "-c", code, path, Path(__file__).parents[1]], check=True, env=environment)
    lines = path.read_text().splitlines()
    assert len(lines) == 51  # one torn
    assert [json.loads(line)["frame"] for line in lines if line.endswith("}")] == list(range(50))


def test_a_run_survives_sighup_and_follows_the_renamed_file(tmp_path: Path) -> None:
    import cv2

    from mien.cameras.demo import photograph

    folder = tmp_path / "pictures"
    folder.mkdir()
    picture = cv2.resize(cv2.imread(str(photograph())), (320, 320))
    for index in range(400):
        cv2.imwrite(str(folder / f"{index:03d}.bmp"), picture)
    log = tmp_path / "r.jsonl"
    command = [sys.executable, "-m", "mien", "run", "--source", folder, "--sink", f"jsonl:{log}"]
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join(sys.path)}
    with subprocess.Popen(command, stderr=subprocess.PIPE, env=environment) as run:
        assert eventually(lambda: log.exists() and len(log.read_bytes()) > 1000, 60)
        log.rename(tmp_path / "r.jsonl.1")
        run.send_signal(signal.SIGHUP)
        assert eventually(log.exists, 60)
        time.sleep(0.2)
        run.send_signal(signal.SIGTERM)
        _, said = run.communicate(timeout=60)
    assert run.returncode == 0, said
    assert _frames(tmp_path / "r.jsonl.1")
    assert _frames(log)
    assert _frames(log)[0] == _frames(tmp_path / "r.jsonl.1")[-1] + 1
