"""Every command that reads pictures, under strace: no socket, no file but those asked for, and no pixel in these.

Run by `make test-privacy`: needs strace. Each violation is planted besides, into the same run, and must be seen.
"""

from __future__ import annotations

import sys
from dataclasses import dataclass
from pathlib import Path

import pixels
import planting
import pytest
import sources
import tracing

from mien.cameras.demo import photograph
from mien.outputs import sinks

FRAMES = 10
SINKS = ("text", "jsonl:readings.jsonl", "jsonl:-", "null")


@dataclass(frozen=True, slots=True)
class Read:
    """A source of frames, and the fragments of luma that must not turn up anywhere."""

    source: str
    wanted: frozenset[bytes]


@pytest.fixture(scope="session", params=["demo", "astronaut", "photographs"])
def read(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Read:
    if request.param == "demo":
        source = "demo"
    else:
        place = tmp_path_factory.mktemp("pictures") / request.param
        made = (
            sources.astronaut(place)
            if request.param == "astronaut"
            else sources.real(request.getfixturevalue("real_data"), place)
        )
        source = str(made)
    return Read(source, sources.fragments(source, FRAMES))


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    made = tmp_path / "work"
    made.mkdir()
    return made


def _said(trace: tracing.Trace, folder: Path) -> bytes:
    """Everything that a run has written, in one."""
    files = [path.read_bytes() for path in sorted(folder.rglob("*")) if path.is_file()]
    return b"\n".join([trace.output, trace.errors, *files])


def test_every_sink_is_among_those_traced() -> None:
    kinds = {spec.partition(":")[0].rstrip(",") for spec in sinks.SPECS.replace(" or ", " ").split()}
    kinds = {kind for kind in kinds if kind.isidentifier() and kind not in ("standard", "output")}
    assert kinds == {spec.partition(":")[0] for spec in SINKS}


@pytest.mark.parametrize("engine", ["litert", "onnx"])
@pytest.mark.parametrize("sink", SINKS)
def test_a_run_touches_nothing_but_its_sink(sink: str, engine: str, read: Read, folder: Path) -> None:
    arguments = ["run", "--source", read.source, "--sink", sink, "--max-frames", str(FRAMES), "--engine", engine]
    trace = tracing.trace(planting.command(arguments), folder)
    assert trace.status == 0, trace.errors.decode()
    assert trace.violations([folder / "readings.jsonl"]) == []
    assert (folder / "readings.jsonl").is_file() == sink.startswith("jsonl:r")
    said = _said(trace, folder)
    assert said
    assert pixels.found_in(said, read.wanted) == []


@pytest.mark.parametrize("form", [[], ["--json"]])
def test_detect_touches_nothing_but_its_streams(form: list[str], read: Read, folder: Path) -> None:
    # The demo is no picture; the photograph that it is made of is.
    source = str(photograph()) if read.source == "demo" else read.source
    trace = tracing.trace(planting.command(["detect", source, *form]), folder)
    assert trace.status == 0, trace.errors.decode()
    assert trace.violations() == []
    assert trace.output
    assert pixels.found_in(_said(trace, folder), read.wanted) == []


@pytest.mark.parametrize("arguments", [["doctor"], ["doctor", "--json"], ["models", "--json"]])
def test_looking_around_touches_nothing(arguments: list[str], folder: Path) -> None:
    trace = tracing.trace(planting.command(arguments), folder)
    assert trace.output
    assert trace.violations() == []


def test_a_bench_opens_no_socket_and_leaves_no_file(folder: Path, tmp_path: Path) -> None:
    scratch = tmp_path / "scratch"
    scratch.mkdir()
    trace = tracing.trace(planting.command(["bench", "--quick", "--json"]), folder, {"TMPDIR": str(scratch)})
    assert trace.status == 0, trace.errors.decode()
    # It starts itself anew to measure a cold start on the demo's picture, which it writes for that.
    itself = f'started "{sys.executable}"'
    assert [v for v in trace.violations([scratch]) if v != itself] == []
    assert list(folder.iterdir()) == list(scratch.iterdir()) == []


@pytest.mark.parametrize(
    ("violation", "seen"),
    [
        (planting.SOCKET, "socket(AF_INET"),
        (planting.NATIVE_SOCKET, "socket(AF_INET"),
        (planting.PICTURE, "frame.png"),
        (planting.MEMORY_FILE, "memfd_create"),
        (planting.SHARED_MEMORY, "/dev/shm/mien-planted"),
        (planting.TEMPORARY, "wrote /tmp/"),
        (planting.NATIVE_FILE, "/tmp/mien-planted"),
        (planting.RING, "io_uring_setup"),
        (planting.PROGRAM, "/bin/true"),
        ("import os; os.rename('a', 'b')", "/b"),
        ("import os; os.mkfifo('pipe')", "/pipe"),
        ("import threading as t, socket; s = t.Thread(target=socket.socket); s.start(); s.join()", "socket(AF_INET"),
    ],
)
def test_a_planted_violation_is_seen(violation: str, seen: str, folder: Path) -> None:
    arguments = ["run", "--source", "demo", "--sink", "jsonl:readings.jsonl", "--max-frames", "2"]
    trace = tracing.trace(planting.command(arguments, violation), folder)
    for left in (Path("/dev/shm/mien-planted"), Path("/tmp/mien-planted")):
        left.unlink(missing_ok=True)
    assert any(seen in found for found in trace.violations([folder / "readings.jsonl"]))


@pytest.mark.parametrize(
    ("violation", "what"),
    [
        ("sys.stdout.write(frame.luma[100].tolist().__repr__())", "rows of luma in decimal numbers"),
        ("sys.stderr.write(frame.luma[100].tobytes().hex())", "rows of luma in hexadecimal"),
        ("open('readings.jsonl', 'ab').write(frame.luma[100:104].tobytes())", "rows of luma"),
        ("import cv2; open('readings.jsonl', 'ab').write(cv2.imencode('.jpg', frame.luma)[1])", "a JPEG picture"),
    ],
)
def test_pixels_planted_in_what_may_be_written_are_found(violation: str, what: str, folder: Path) -> None:
    arguments = ["run", "--source", "demo", "--sink", "jsonl:readings.jsonl", "--max-frames", "2"]
    trace = tracing.trace(planting.command(arguments, violation), folder)
    assert trace.violations([folder / "readings.jsonl"]) == []
    assert what in pixels.found_in(_said(trace, folder), sources.fragments("demo", 2))
