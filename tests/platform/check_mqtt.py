"""The MQTT sink and a real mosquitto: `make test-mqtt`."""

from __future__ import annotations

import itertools
import json
import shutil
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from pathlib import Path

import paho.mqtt.client as mqtt
import pytest
from paho.mqtt.enums import CallbackAPIVersion

sys.path.insert(0, str(Path(__file__).parents[1] / "edge"))

from edge_fakes import FakeCamera, FakeClassifier, FakeDetector, face
from sink_fakes import eventually, reading, result

from mien.errors import RunError
from mien.outputs.mqtt import MqttSettings
from mien.outputs.sinks import Sinks, SinkSettings, open_sinks
from mien.pipeline import Pipeline
from mien.reader import FaceReader

OUTAGE_SECONDS = 60.0
TOPIC = "museum/hall 1"


class Mosquitto:
    """A broker on a free port, which can be stopped and started."""

    def __init__(self, folder: Path, extra: str = "allow_anonymous true") -> None:
        with socket.create_server(("127.0.0.1", 0)) as free:
            self.port = free.getsockname()[1]
        self._config = folder / "mosquitto.conf"
        self._config.write_text(f"user root\nlistener {self.port} 127.0.0.1\n{extra}\nmax_queued_messages 0\n")
        self._process: subprocess.Popen[bytes] | None = None
        self.start()

    def start(self) -> None:
        program = shutil.which("mosquitto", path="/usr/sbin:/usr/bin:/usr/local/sbin:/usr/local/bin")
        assert program is not None, "apt install mosquitto"
        self._process = subprocess.Popen([program, "-c", self._config], stderr=subprocess.DEVNULL)
        assert eventually(self._answers)

    def _answers(self) -> bool:
        try:
            socket.create_connection(("127.0.0.1", self.port), 0.5).close()
        except OSError:
            return False
        return True

    def stop(self) -> None:
        if self._process is not None:
            self._process.kill()
            self._process.wait()
            self._process = None


class Listener:
    """Another client, which remembers what is published; it subscribes anew after an outage."""

    def __init__(self, port: int, name: str = "", password: str = "", ca: str = "", *, clean: bool = False) -> None:
        self.heard: list[tuple[str, bytes, bool]] = []
        self.subscribed = threading.Event()
        # One session over the outage, so that nothing published before it has subscribed again is missed.
        identity = f"listener-{port}{'-clean' if clean else ''}"
        self._client = mqtt.Client(CallbackAPIVersion.VERSION2, client_id=identity, clean_session=clean)
        self._client.on_connect = lambda client, *_: client.subscribe("#", qos=1)
        self._client.on_subscribe = lambda *_: self.subscribed.set()
        self._client.on_message = lambda _c, _d, message: self.heard.append(
            (message.topic, message.payload, message.retain)
        )
        self._client.reconnect_delay_set(1, 1)
        if name:
            self._client.username_pw_set(name, password)
        if ca:
            self._client.tls_set(ca)
        self._client.connect("localhost" if ca else "127.0.0.1", port)
        self._client.loop_start()
        assert self.subscribed.wait(10)

    def last(self, under: str) -> bytes | None:
        found = [payload for topic, payload, _ in self.heard if topic == f"{TOPIC}/{under}"]
        return found[-1] if found else None

    def frames(self) -> list[int]:
        return [json.loads(payload)["frame"] for topic, payload, _ in self.heard if topic == f"{TOPIC}/reading"]

    def close(self) -> None:
        self._client.disconnect()
        self._client.loop_stop()
        self._client.on_connect = self._client.on_subscribe = self._client.on_message = None
        del self._client  # closes its sockets


@pytest.fixture
def broker(tmp_path: Path) -> Iterator[Mosquitto]:
    running = Mosquitto(tmp_path)
    yield running
    running.stop()


@pytest.fixture
def listener(broker: Mosquitto) -> Iterator[Listener]:
    client = Listener(broker.port)
    yield client
    client.close()


def _sinks(port: int, scheme: str = "mqtt", host: str = "127.0.0.1", **settings: object) -> Sinks:
    chosen = SinkSettings(mqtt=MqttSettings(interval=0.0, **settings))  # type: ignore[arg-type]
    return open_sinks([f"{scheme}://{host}:{port}/{TOPIC}"], chosen, live=True)


def test_readings_state_and_availability_are_published(broker: Mosquitto, listener: Listener) -> None:
    with _sinks(broker.port, discovery="homeassistant") as sinks:
        assert eventually(lambda: listener.last("status") == b"online")
        sinks.write(result(0, reading(1), reading(2, "surprise"), seconds=1))
        assert eventually(lambda: listener.frames() == [0, 0])
        assert eventually(lambda: listener.last("state") == b'{"faces": 2, "emotion": "happiness"}')
        sinks.write(result(1, seconds=2))
        assert eventually(lambda: listener.last("state") == b'{"faces": 0, "emotion": null}')
        late = Listener(broker.port)  # the same session: what is retained comes first
        assert eventually(lambda: late.last("status") == b"online")
        late.close()
    assert eventually(lambda: listener.last("status") == b"offline")
    configs = {topic: json.loads(text) for topic, text, _ in listener.heard if topic.startswith("homeassistant/")}
    assert set(configs) == {f"homeassistant/sensor/mien_museum_hall_1/{key}/config" for key in ("faces", "emotion")}
    faces = configs["homeassistant/sensor/mien_museum_hall_1/faces/config"]
    assert faces["state_topic"] == f"{TOPIC}/state"
    assert faces["availability_topic"] == f"{TOPIC}/status"
    assert faces["unique_id"] == "mien_museum_hall_1_faces"


def test_the_broker_says_offline_for_a_kiosk_that_dies(broker: Mosquitto, listener: Listener) -> None:
    code = (
        "import sys, time; from mien.outputs.sinks import open_sinks\n"
        f"sinks = open_sinks(['mqtt://127.0.0.1:{broker.port}/{TOPIC}'])\ntime.sleep(60)"
    )
    with subprocess.Popen([sys.executable, "-c", code], env={"PYTHONPATH": ":".join(sys.path)}) as kiosk:
        assert eventually(lambda: listener.last("status") == b"online")
        kiosk.kill()
    assert eventually(lambda: listener.last("status") == b"offline")


def test_a_broker_that_comes_back_while_a_kiosk_leaves_is_told_all_and_offline(
    broker: Mosquitto, listener: Listener
) -> None:
    sinks = _sinks(broker.port)
    assert eventually(lambda: listener.last("status") == b"online")
    broker.stop()
    assert eventually(lambda: sinks.states[0].state == "failing")
    sinks.write(result(0, reading(), seconds=1))
    broker.start()
    sinks.finish()
    late = Listener(broker.port, clean=True)
    assert eventually(lambda: late.last("status") is not None)
    late.close()
    assert late.last("status") == b"offline"
    assert sinks.states[0].dropped == 0


@pytest.mark.timeout(300)
def test_with_the_broker_away_for_a_minute_no_reading_is_lost_and_the_frame_rate_is_the_same(
    broker: Mosquitto, listener: Listener, caplog: pytest.LogCaptureFixture
) -> None:
    sinks = _sinks(broker.port)
    reader = FaceReader(FakeDetector([face()]), FakeClassifier())
    pipeline = Pipeline(FakeCamera(interval=1 / 30), reader, sinks=[sinks])
    processed: list[tuple[float, int]] = []
    pipeline.start(lambda one: processed.append((time.monotonic(), one.sequence)))

    def rate(seconds: float) -> float:
        begin, count = time.monotonic(), len(processed)
        time.sleep(seconds)
        return (len(processed) - count) / (time.monotonic() - begin)

    assert eventually(lambda: listener.last("status") == b"online")
    before = rate(10)
    broker.stop()
    during = rate(OUTAGE_SECONDS)
    (state,) = sinks.states
    assert state.state == "failing"
    assert "away" in state.problem or "not reached" in state.problem
    broker.start()
    assert eventually(lambda: sinks.states[0].state == "ok", 60)
    after = rate(5)
    pipeline.stop()
    pipeline.wait()
    assert eventually(lambda: set(listener.frames()) >= {sequence for _, sequence in processed}, 60)
    sinks.finish()
    assert sinks.states[0].dropped == 0
    assert len(processed) > 1500
    slowest = max(late - early for (early, _), (late, _) in itertools.pairwise(processed))
    sys.stdout.write(
        f"frames a second before {before:.2f}, during {during:.2f}, after {after:.2f}; longest gap {slowest:.3f} s\n"
    )
    assert during == pytest.approx(before, rel=0.05)
    assert sum("away" in record.getMessage() for record in caplog.records) == 1, "it is said once"


def test_a_run_that_ends_before_the_broker_is_there_says_what_was_not_delivered(tmp_path: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]
    sinks = _sinks(port)
    for sequence in range(3):
        sinks.write(result(sequence, reading(), seconds=1 + sequence))
    with pytest.raises(RunError, match="3 messages were not delivered"):
        sinks.finish()


def test_a_password_is_read_from_a_file_and_a_wrong_one_is_named(tmp_path: Path) -> None:
    passwords, right, wrong = tmp_path / "passwords", tmp_path / "right", tmp_path / "wrong"
    subprocess.run(["mosquitto_passwd", "-b", "-c", passwords, "kiosk", "se:cret"], check=True)
    right.write_text("kiosk:se:cret\n")
    wrong.write_text("kiosk:guess\n")
    for file in (right, wrong):
        file.chmod(0o600)
    broker = Mosquitto(tmp_path, f"allow_anonymous false\npassword_file {passwords}")
    try:
        listener = Listener(broker.port, "kiosk", "se:cret")
        with _sinks(broker.port, credentials_file=str(right)):
            assert eventually(lambda: listener.last("status") == b"online")
        with _sinks(broker.port, credentials_file=str(wrong)) as sinks:
            assert eventually(lambda: "refuses (Not authorized)" in sinks.states[0].problem)
        listener.close()
    finally:
        broker.stop()


# paho forgets the socket of a connection whose certificate it refuses.
@pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning")
def test_an_encrypted_connection_is_checked(tmp_path: Path) -> None:
    def run(*command: str) -> None:
        subprocess.run(["openssl", *command], check=True, capture_output=True, cwd=tmp_path)

    new = ["req", "-newkey", "rsa:2048", "-nodes"]
    for name in ("ca", "other"):
        run(*new, "-x509", "-days", "2", "-subj", f"/CN={name}", "-keyout", f"{name}.key", "-out", f"{name}.crt")
    run(*new, "-subj", "/CN=localhost", "-keyout", "b.key", "-out", "b.csr")
    (tmp_path / "san").write_text("subjectAltName=DNS:localhost\n")
    signed = ["x509", "-req", "-CA", "ca.crt", "-CAkey", "ca.key", "-CAcreateserial", "-days", "2"]
    run(*signed, "-in", "b.csr", "-extfile", "san", "-out", "b.crt")
    broker = Mosquitto(
        tmp_path,
        f"allow_anonymous true\ncafile {tmp_path}/ca.crt\ncertfile {tmp_path}/b.crt\nkeyfile {tmp_path}/b.key",
    )
    try:
        listener = Listener(broker.port, ca=str(tmp_path / "ca.crt"))
        with _sinks(broker.port, "mqtts", "localhost", ca_file=str(tmp_path / "ca.crt")):
            assert eventually(lambda: listener.last("status") == b"online")
        assert eventually(lambda: listener.last("status") == b"offline")
        heard = len(listener.heard)
        with _sinks(broker.port, "mqtts", "localhost", ca_file=str(tmp_path / "other.crt")) as sinks:
            assert eventually(lambda: "certificate is not trusted" in sinks.states[0].problem)
        assert len(listener.heard) == heard
        listener.close()
    finally:
        broker.stop()
