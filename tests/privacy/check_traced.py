"""Every command that reads pictures, under strace: no socket, no file but those asked for, and no pixel in these.

Run by `make test-privacy`: needs strace. Each violation is planted besides, into the same run, and must be seen.
"""

from __future__ import annotations

import contextlib
import json
import re
import shutil
import socket
import sqlite3
import subprocess
import sys
import threading
import time
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

import pixels
import planting
import pytest
import sources
import tracing

from mien import privacy
from mien.cameras.demo import photograph

FRAMES = 10
FILES = {
    "text": (),
    "jsonl:-": (),
    "null": (),
    "jsonl:readings.jsonl": ("readings.jsonl",),
    "sqlite:readings.db": ("readings.db", "readings.db-wal", "readings.db-shm", "readings.db-journal"),
    "socket:readings.sock": ("readings.sock",),
    "command": ("told.jsonl",),
}
"""Each sink to the files that it may touch, in the folder of the run."""

COMMAND = ["tee", "-a", "told.jsonl"]
TOPIC = "hall"
TABLES = ("minutes", "emotions", "readings")


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
    assert set(privacy.SINKS) == {spec.partition(":")[0] for spec in FILES} | {"mqtt", "mqtts"}


@pytest.mark.parametrize("engine", ["litert", "onnx"])
@pytest.mark.parametrize("sink", FILES)
def test_a_run_touches_nothing_but_its_sink(sink: str, engine: str, read: Read, folder: Path) -> None:
    settings = folder.with_name("mien.toml")
    history = "[history]\ngroup = 1\nreadings = true\ninterval = 0.0\n"
    settings.write_text(f"[command]\nargv = {json.dumps(COMMAND)}\n{history}")
    arguments = ["run", "--source", read.source, "--sink", sink, "--max-frames", str(FRAMES), "--engine", engine]
    with _reading_along(folder / "readings.sock", sink) as heard:
        trace = tracing.trace(planting.command([*arguments, "--config", str(settings)]), folder)
    assert trace.status == 0, trace.errors.decode()
    if sink.startswith("socket"):
        assert json.loads(b"".join(heard).splitlines()[0])["probabilities"], "nobody was told anything"
    if sink.startswith("sqlite"):
        with contextlib.closing(sqlite3.connect(folder / "readings.db")) as database:
            rows = [database.execute(f"SELECT count(*) FROM {table}").fetchone()[0] for table in TABLES]
        assert min(rows) > 0, "nothing was kept"
    strange = trace.violations([folder / name for name in FILES[sink]])
    started = {line for line in strange if sink == "command" and re.fullmatch(r'started "/\S*/tee"', line)}
    assert [line for line in strange if line not in started] == []
    assert bool(started) == (sink == "command")
    assert {path.name for path in folder.iterdir()} <= set(FILES[sink])
    said = b"\n".join([_said(trace, folder), *heard])
    assert said
    assert pixels.found_in(said, read.wanted) == []


@contextlib.contextmanager
def _reading_along(place: Path, sink: str) -> Iterator[list[bytes]]:
    """What a program on the device hears at the sink's socket, from as soon as that is there; nothing of others."""
    heard: list[bytes] = []
    done = threading.Event()

    def listen() -> None:
        while not done.is_set():
            with contextlib.suppress(OSError), socket.socket(socket.AF_UNIX) as end:
                end.connect(str(place))
                while part := end.recv(1 << 16):
                    heard.append(part)
                return
            time.sleep(0.001)

    thread = threading.Thread(target=listen)
    if sink.startswith("socket"):
        thread.start()
    try:
        yield heard
    finally:
        done.set()
        if sink.startswith("socket"):
            thread.join(20)


@dataclass(frozen=True, slots=True)
class Broker:
    """A real broker on this machine: its ports, and the certificate by which the encrypted one is known."""

    ports: Mapping[str, int]
    certificate: Path


@pytest.fixture
def broker(tmp_path: Path) -> Iterator[Broker]:
    program = shutil.which("mosquitto", path="/usr/sbin:/usr/bin:/usr/local/sbin")
    if program is None:
        pytest.skip("mosquitto is not installed: apt install mosquitto")
    with socket.create_server(("127.0.0.1", 0)) as one, socket.create_server(("127.0.0.1", 0)) as two:
        ports: dict[str, int] = {"mqtt": one.getsockname()[1], "mqtts": two.getsockname()[1]}
    certificate, key = tmp_path / "broker.crt", tmp_path / "broker.key"
    subject = ["-subj", "/CN=broker", "-addext", "subjectAltName=IP:127.0.0.1"]
    openssl = ["openssl", "req", "-newkey", "rsa:2048", "-nodes", "-x509", "-days", "2", *subject]
    subprocess.run([*openssl, "-keyout", key, "-out", certificate], check=True, capture_output=True)
    config = tmp_path / "mosquitto.conf"
    config.write_text(
        f"user root\nallow_anonymous true\nlistener {ports['mqtt']} 127.0.0.1\n"
        f"listener {ports['mqtts']} 127.0.0.1\ncertfile {certificate}\nkeyfile {key}\n"
    )
    process = subprocess.Popen([program, "-c", config], stderr=subprocess.DEVNULL)
    try:
        deadline = time.monotonic() + 10
        while time.monotonic() < deadline:
            with contextlib.suppress(OSError), socket.create_connection(("127.0.0.1", ports["mqtts"]), 0.5):
                break
            time.sleep(0.05)
        yield Broker(ports, certificate)
    finally:
        process.terminate()
        process.wait(10)


@pytest.mark.parametrize("scheme", ["mqtt", "mqtts"])
def test_a_run_with_a_broker_reaches_the_broker_alone_and_tells_it_no_pixel(
    scheme: str, broker: Broker, read: Read, folder: Path
) -> None:
    from paho.mqtt import client as mqtt

    told: list[bytes] = []
    listener = mqtt.Client(mqtt.CallbackAPIVersion.VERSION2)
    listener.on_message = lambda _client, _data, message: told.append(bytes(message.payload))
    listener.connect("127.0.0.1", broker.ports["mqtt"])
    listener.subscribe("#", qos=1)
    listener.loop_start()
    sink = f"{scheme}://127.0.0.1:{broker.ports[scheme]}/{TOPIC}"
    settings = folder.with_name("mien.toml")
    settings.write_text(f'[mqtt]\nca_file = "{broker.certificate}"\n')
    arguments = ["run", "--source", read.source, "--sink", sink, "--max-frames", str(FRAMES)]
    trace = tracing.trace(planting.command([*arguments, "--config", str(settings)]), folder)
    assert trace.status == 0, trace.errors.decode()
    assert trace.sockets, "it reached no broker: nothing is shown"
    # paho wakes its own thread through a connection from this machine to itself, on a port that the kernel drew for it,
    # and names no address of its own before it connects to the broker.
    usual = {"0.0.0.0 0", *(place for place in trace.own if place.startswith("127.0.0.1 "))}
    assert trace.violations((), [f"127.0.0.1 {broker.ports[scheme]}", *usual]) == []
    assert list(folder.iterdir()) == []
    deadline = time.monotonic() + 5
    while not told and time.monotonic() < deadline:
        time.sleep(0.05)
    listener.loop_stop()
    assert told
    assert pixels.found_in(b"\n".join([*told, trace.errors]), read.wanted) == []


def test_a_page_listens_at_its_address_alone_and_writes_nothing(read: Read, folder: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]
    address = f"127.0.0.1:{port}"
    arguments = ["run", "--source", read.source, "--sink", "null", "--preview", address, "--max-frames", str(FRAMES)]
    trace = tracing.trace(planting.command(arguments), folder)
    assert trace.status == 0, trace.errors.decode()
    assert f"127.0.0.1 {port}" in trace.peers, "there was no page: nothing is shown"
    assert trace.violations((), [f"127.0.0.1 {port}"]) == []
    assert list(folder.iterdir()) == []
    assert pixels.found_in(_said(trace, folder), read.wanted) == []


def test_a_page_that_is_looked_at_writes_nothing_either(read: Read, folder: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]
    seen = bytearray()
    done = threading.Event()

    def look() -> None:
        while not done.is_set():
            with contextlib.suppress(OSError), socket.create_connection(("127.0.0.1", port), 20) as end:
                end.sendall(f"GET /stream HTTP/1.1\r\nHost: 127.0.0.1:{port}\r\n\r\n".encode())
                while part := end.recv(1 << 16):
                    seen.extend(part)
                return
            time.sleep(0.01)

    viewer = threading.Thread(target=look)
    viewer.start()
    try:
        arguments = ["run", "--source", read.source, "--sink", "null", "--preview", f"127.0.0.1:{port}"]
        # At the clip's own speed, so that there is something to look at while it lasts.
        paced = ["--realtime", "--max-frames", str(5 * FRAMES)] if read.source == "demo" else []
        trace = tracing.trace(planting.command([*arguments, *paced]), folder)
    finally:
        done.set()
        viewer.join(30)
    assert trace.status == 0, trace.errors.decode()
    assert trace.violations((), [f"127.0.0.1 {port}"]) == []
    assert list(folder.iterdir()) == []
    assert pixels.found_in(_said(trace, folder), read.wanted) == []
    if read.source == "demo":
        assert b"\xff\xd8\xff" in seen, "nobody has seen a picture: nothing is shown"


def test_an_annotated_clip_is_written_where_it_was_asked_for_and_nowhere_else(read: Read, folder: Path) -> None:
    arguments = ["run", "--source", read.source, "--sink", "null", "--annotate", "clip", "--max-frames", str(FRAMES)]
    trace = tracing.trace(planting.command(arguments), folder)
    assert trace.status == 0, trace.errors.decode()
    assert trace.violations([folder / "clip"]) == []
    assert sorted(path.name for path in (folder / "clip").iterdir()) == ["annotated.mp4", "contact-sheet.png"]
    assert pixels.found_in(b"\n".join([trace.output, trace.errors]), read.wanted) == []


def test_a_planted_connection_elsewhere_is_seen_beside_a_broker(broker: Broker, folder: Path) -> None:
    port = broker.ports["mqtt"]
    elsewhere = "import socket as s; s.socket(s.AF_INET, s.SOCK_DGRAM).sendto(b'frame', ('127.0.0.2', 9))"
    arguments = ["run", "--source", "demo", "--sink", f"mqtt://127.0.0.1:{port}/{TOPIC}", "--max-frames", "2"]
    trace = tracing.trace(planting.command(arguments, elsewhere), folder)
    assert "reached 127.0.0.2 9" in trace.violations((), [f"127.0.0.1 {port}"])


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
        (planting.LOCAL_SOCKET, "reached /dev/log"),
        (planting.ABSTRACT_SOCKET, "reached @mien-planted"),
        (planting.SYSTEM_V, "shmget"),
        (planting.ATTRIBUTE, "setxattr"),
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
