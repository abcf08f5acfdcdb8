"""What needs no broker; `make test-mqtt` has one."""

from __future__ import annotations

import contextlib
import json
import socket
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from types import SimpleNamespace

import paho.mqtt.client as paho
import pytest
from paho.mqtt.enums import MQTTErrorCode
from sink_fakes import reading, result

from mien.errors import MienError
from mien.outputs import mqtt
from mien.outputs.mqtt import Broker, MqttSettings, MqttSink, broker
from mien.outputs.sinks import SinkSettings, open_sinks
from mien.outputs.target import TakenError


def test_an_address_names_host_port_and_topic() -> None:
    assert broker("mqtt://broker.local/a/b") == Broker("broker.local", 1883, False, "a/b")
    assert broker("mqtts://[::1]:99/hall 1/") == Broker("::1", 99, True, "hall 1")


@pytest.mark.parametrize("spec", ["mqtt:", "mqtt://", "mqtt://host", "mqtt:///a", "mqtt://host:x/a", "mqtt://h/a/#"])
def test_an_incomplete_address_is_named(spec: str) -> None:
    with pytest.raises(MienError, match="give mqtt://HOST/TOPIC"):
        open_sinks([spec])


def test_a_password_in_an_address_is_refused_and_not_repeated() -> None:
    with pytest.raises(MienError, match="credentials_file") as caught:
        broker("mqtt://me:se-cret@host/a")
    assert "se-cret" not in str(caught.value)


@pytest.mark.parametrize(
    ("content", "mode", "message"),
    [
        ("name:word", 0o644, "every user can read it"),
        ("nameword", 0o600, "not NAME:PASSWORD"),
        (None, 0, "cannot be read"),
    ],
)
def test_a_file_of_credentials_that_cannot_be_used_is_named(
    tmp_path: Path, content: str | None, mode: int, message: str
) -> None:
    file = tmp_path / "credentials"
    if content is not None:
        file.write_text(content)
        file.chmod(mode)
    with pytest.raises(MienError, match=message) as caught:
        open_sinks(["mqtt://127.0.0.1:9/a"], SinkSettings(mqtt=MqttSettings(credentials_file=str(file))))
    assert "word" not in str(caught.value).replace("PASSWORD", "")


def test_a_certificate_that_cannot_be_used_is_named(tmp_path: Path) -> None:
    (tmp_path / "ca").write_text("no certificate")
    with pytest.raises(MienError, match="certificate or key cannot be used"):
        open_sinks(["mqtts://127.0.0.1:9/a"], SinkSettings(mqtt=MqttSettings(ca_file=str(tmp_path / "ca"))))


def test_without_paho_the_error_says_how_to_install_it(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "paho.mqtt.client", None)
    with pytest.raises(MienError, match="pip install 'paho-mqtt"):
        open_sinks(["mqtt://127.0.0.1:9/a"])


@pytest.mark.parametrize(
    "values", [{"interval": -1.0}, {"buffer": 1}, {"key_file": "x"}, {"discovery": "home/#"}, {"discovery": "/home"}]
)
def test_settings_out_of_range_are_named(values: dict[str, object]) -> None:
    (name,) = values
    with pytest.raises(MienError, match=name):
        MqttSettings(**values)  # type: ignore[arg-type]


class FakeClient:
    """paho's client with room for some messages, which are delivered when the test says so."""

    room = 100

    def __init__(self, *_: object, **__: object) -> None:
        self.queued: list[tuple[str, str]] = []
        self.delivered: list[tuple[str, str]] = []
        self.farewell = False
        self.ends: socket.socket | None = None
        self.on_connect: Callable[..., None]
        self.on_disconnect: Callable[..., None]
        self.on_publish: Callable[..., None]

    def _ignore(self, *_: object, **__: object) -> None:
        pass

    max_queued_messages_set = reconnect_delay_set = will_set = _ignore
    connect_async = loop_start = loop_stop = _ignore

    def disconnect(self) -> None:
        self.farewell = True

    def socket(self) -> socket.socket | None:
        return self.ends

    def publish(self, topic: str, payload: str, **_: object) -> SimpleNamespace:
        if len(self.queued) >= self.room:
            return SimpleNamespace(rc=MQTTErrorCode.MQTT_ERR_QUEUE_SIZE)
        self.queued.append((topic, payload))
        return SimpleNamespace(rc=MQTTErrorCode.MQTT_ERR_SUCCESS)

    def connected(self) -> None:
        self.on_connect(self, None, None, SimpleNamespace(is_failure=False), None)

    def lost(self) -> None:
        self.on_disconnect(self, None, None, "keep alive timeout", None)

    def deliver(self, count: int) -> None:
        for message in self.queued[:count]:
            self.delivered.append(message)
            self.on_publish(self, None, 0, None, None)
        del self.queued[:count]

    def retained(self, under: str) -> str | None:
        """The last that was published under t/`under`, delivered or not."""
        said = [payload for topic, payload in [*self.delivered, *self.queued] if topic == f"t/{under}"]
        return said[-1] if said else None


class Clock:
    """Stands still until the test turns it."""

    now = 1000.0

    def monotonic(self) -> float:
        return self.now

    def sleep(self, seconds: float) -> None:
        self.now += seconds
        self.happens()

    def happens(self) -> None:
        """What a test lets happen while somebody sleeps."""


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> Clock:
    turned = Clock()
    monkeypatch.setattr(mqtt, "time", turned)
    return turned


@pytest.fixture
def client(monkeypatch: pytest.MonkeyPatch) -> FakeClient:
    fake = FakeClient()
    monkeypatch.setattr(paho, "Client", lambda *_, **__: fake)
    return fake


def _sink(**settings: object) -> MqttSink:
    chosen = MqttSettings(**{"interval": 0.0, **settings})  # type: ignore[arg-type]
    return MqttSink(Broker("h", 1883, False, "t"), "run", chosen, live=True)


def test_after_an_outage_that_filled_the_queue_the_device_is_announced_before_more_readings(
    client: FakeClient, clock: Clock
) -> None:
    client.room = 5
    sink = _sink(discovery="homeassistant")
    for sequence in range(5):
        with pytest.raises(TakenError):
            sink.write(result(sequence, reading(), seconds=1 + sequence))
    client.connected()  # paho sends what waited only after this
    late = result(5, reading(), seconds=6)
    for _ in range(3):  # a slow broker makes room for one at a time
        client.deliver(1)
        with pytest.raises(MienError, match="no more readings may wait"):
            sink.write(late)
    client.deliver(1)
    sink.write(late)  # which leaves no room for the state
    assert client.retained("state") is None
    client.deliver(1)
    sink.idle()
    assert [topic for topic, _ in client.queued] == [
        "homeassistant/sensor/mien_t/faces/config",
        "homeassistant/sensor/mien_t/emotion/config",
        "t/status",
        "t/reading",
        "t/state",
    ]
    client.deliver(5)
    sink.idle()
    assert client.queued == []
    assert client.retained("status") == "online"
    assert client.retained("state") == '{"faces": 1, "emotion": "happiness"}'


def test_a_device_that_is_not_read_for_two_seconds_shows_nobody_until_it_is_read_again(
    client: FakeClient, clock: Clock
) -> None:
    sink = _sink()
    client.connected()
    sink.write(result(0, reading(1), reading(2), seconds=1))
    clock.now += 1.9
    sink.idle()
    assert client.retained("state") == '{"faces": 2, "emotion": "happiness"}'
    clock.now += 0.2
    sink.idle()
    assert client.retained("state") == '{"faces": 0, "emotion": null}'
    count = len(client.queued)
    sink.idle()
    assert len(client.queued) == count
    sink.write(result(1, reading(1), seconds=60))
    assert client.retained("state") == '{"faces": 1, "emotion": "happiness"}'


def test_online_is_said_again_over_the_will_of_the_connection_that_a_power_cut_ended(
    client: FakeClient, clock: Clock
) -> None:
    sink = _sink()
    client.connected()
    client.deliver(len(client.queued))
    client.delivered.append(("t/status", "offline"))  # of the broker, 45 s after the last word of that connection
    clock.now += 59
    sink.idle()
    assert client.retained("status") == "offline"
    clock.now += 2
    sink.idle()
    assert client.retained("status") == "online"
    count = len(client.queued)
    clock.now += 600
    sink.idle()
    assert len(client.queued) == count, "once"


@pytest.mark.parametrize(("interval", "rest"), [(300.0, 1.0), (0.25, 0.25)])
def test_who_is_there_is_told_at_once_and_each_second_however_seldom_readings_are(
    interval: float, rest: float, client: FakeClient, clock: Clock
) -> None:
    clock.now = 0.5  # right after the machine's start
    sink = _sink(interval=interval)
    client.connected()
    sink.idle()
    assert client.retained("state") == '{"faces": 0, "emotion": null}'
    clock.now += 0.9 * rest
    sink.write(result(1, reading(1), seconds=1))
    assert client.retained("state") == '{"faces": 0, "emotion": null}'
    clock.now += 0.2 * rest
    sink.idle()
    assert client.retained("state") == '{"faces": 1, "emotion": "happiness"}'


def test_the_state_of_before_an_outage_is_not_told_after_it_where_nothing_is_read_any_more(
    client: FakeClient, clock: Clock
) -> None:
    sink = _sink()
    client.connected()
    sink.write(result(0, reading(1), seconds=1))
    client.lost()
    clock.now += 60
    with pytest.raises(TakenError, match="is away"):
        sink.idle()
    client.connected()
    sink.idle()
    assert client.retained("state") == '{"faces": 0, "emotion": null}'


def _hung_up(other: socket.socket) -> bool:
    """Whether the other end of a connection was closed without a word."""
    other.setblocking(False)
    with contextlib.suppress(BlockingIOError):
        return other.recv(1) == b""
    return False


@pytest.fixture
def broker_end(client: FakeClient) -> Iterator[socket.socket]:
    client.ends, other = socket.socketpair()
    with client.ends, other:
        yield other


def _full(client: FakeClient) -> MqttSink:
    """Connected, with no room for a word more."""
    client.room = 2
    sink = _sink()
    client.connected()
    sink.write(result(0, reading(), seconds=1))
    return sink


def test_a_device_that_leaves_in_order_says_so_and_takes_leave(
    client: FakeClient, clock: Clock, broker_end: socket.socket
) -> None:
    sink = _sink()
    client.connected()
    sink.write(result(0, reading(), seconds=1))
    sink.idle()
    assert json.loads(client.retained("state") or "")["faces"] == 1
    clock.happens = lambda: client.deliver(1)  # type: ignore[method-assign]
    sink.close()
    assert json.loads(client.retained("state") or "") == {"faces": 0, "emotion": None}
    assert client.retained("status") == "offline"
    assert client.farewell
    assert not _hung_up(broker_end)


def test_a_device_whose_queue_is_full_until_the_end_hangs_up_so_that_the_broker_says_offline(
    client: FakeClient, clock: Clock, broker_end: socket.socket
) -> None:
    sink = _full(client)
    with pytest.raises(MienError, match="2 messages were not delivered"):
        sink.close()
    assert client.retained("status") == "online"
    assert _hung_up(broker_end)


def test_room_that_comes_while_a_device_leaves_is_taken_to_say_so(
    client: FakeClient, clock: Clock, broker_end: socket.socket
) -> None:
    sink = _full(client)
    clock.happens = lambda: client.deliver(1)  # type: ignore[method-assign]
    sink.close()
    assert client.retained("status") == "offline"
    assert client.queued == []
    assert not _hung_up(broker_end)


def test_a_broker_that_comes_back_while_a_device_leaves_is_not_told_online(
    client: FakeClient, clock: Clock, broker_end: socket.socket
) -> None:
    sink = _sink()
    with pytest.raises(TakenError):
        sink.write(result(0, reading(), seconds=1))

    def comes_back() -> None:
        if not client.delivered:
            client.connected()
        client.deliver(1)

    clock.happens = comes_back  # type: ignore[method-assign]
    sink.close()
    assert [topic for topic, _ in client.delivered] == ["t/reading", "t/state", "t/status"]
    assert client.retained("status") == "offline"
    assert not _hung_up(broker_end)
