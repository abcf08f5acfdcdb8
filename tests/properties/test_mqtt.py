"""MQTT: mien subscribes to nothing; what it takes in are an address, settings and a file of credentials."""

from __future__ import annotations

import json
import stat
from collections.abc import Iterator
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import paho.mqtt.client as mqtt
import pytest
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st
from strategies import taken, texts

from mien.outputs.mqtt import Broker, MqttSettings, MqttSink, broker

words = st.text(max_size=12) | st.sampled_from(
    ["", "a/b", "#", "+", "$SYS", "x" * 70_000, "é", "\ud800", "{{", "hall 1"]
)
hosts = st.sampled_from(["h", "127.0.0.1", "[::1]", "[::", "", "a b", "é.local", "x" * 300])
ports = st.sampled_from(["", ":1883", ":0", ":-1", ":65535", ":65536", ":x", ":٣", ":99999999999"])
addresses = st.builds(
    lambda scheme, host, port, topic: f"{scheme}{host}{port}/{topic}",
    st.sampled_from(["mqtt://", "mqtts://", "mqtt:", "MQTT://"]),
    hosts,
    ports,
    words,
)


@given(addresses | texts.map(lambda text: f"mqtt:{text}"))
@example("mqtt://h:0/a")
@example("mqtt://h/" + "x" * 70_000)
@example("mqtt://h/a\ud800")
def test_an_address_names_a_broker_and_a_topic_that_exist_or_is_refused_in_one_line(spec: str) -> None:
    found = taken(lambda: broker(spec))
    if found is None:
        return
    assert found.host
    assert 1 <= found.port <= 65535
    assert f":{found.port}" in spec or found.port in (1883, 8883)
    _publishable(found.topic)


def _publishable(topic: str) -> None:
    """MQTT 3.1.1, 1.5.3 and 4.7: UTF-8 of 1 to 65535 bytes, without wildcards and zero characters."""
    assert 1 <= len(topic.encode("utf-8")) <= 65535
    assert not set(topic) & set("#+\0")


@pytest.fixture(autouse=True, scope="module")
def no_broker() -> Iterator[None]:
    """paho's own client, which never connects."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(mqtt.Client, "loop_start", lambda self: None)
        patch.setattr(mqtt.Client, "connect_async", lambda self, *given: None)
        yield


@given(words, words)
@example("homeassistant", "hall 1")
@example("x" * 65_500, "a")
@example("a", "x" * 65_500)
def test_what_is_said_at_a_connection_can_be_published_whatever_prefix_and_topic_were_taken(
    prefix: str, topic: str
) -> None:
    chosen, where = taken(lambda: MqttSettings(discovery=prefix)), taken(lambda: broker(f"mqtt://h/{topic}"))
    if chosen is None or where is None:
        return
    said: list[tuple[str, str]] = []
    sink = MqttSink(where, "run", chosen, live=True)
    client = sink._client

    def publish(topic: str, payload: str, **rest: Any) -> SimpleNamespace:
        said.append((topic, payload))
        return SimpleNamespace(rc=mqtt.MQTT_ERR_SUCCESS)

    client.publish = publish  # type: ignore[assignment, method-assign]
    client.on_connect(client, None, None, SimpleNamespace(is_failure=False), None)  # type: ignore[misc, arg-type]
    assert len(said) == (3 if prefix else 1)
    for name, payload in said:
        _publishable(name)
        payload.encode()
        if name.endswith("/config"):
            message = json.loads(payload)
            assert message["state_topic"] == f"{where.topic}/state"
            assert message["availability_topic"] == f"{where.topic}/status"


@given(st.floats() | st.integers(-(10**6), 10**6), st.integers(-(2**70), 2**70), texts, texts, words)
def test_settings_are_within_the_protocol_or_refused_in_one_line(
    interval: float, buffer: int, certificate: str, key: str, discovery: str
) -> None:
    chosen = taken(lambda: MqttSettings(interval, buffer, "", "", certificate, key, discovery))
    if chosen is None:
        return
    assert 0 <= chosen.interval <= 86_400
    assert 0 < chosen.buffer < 65_536
    assert bool(chosen.certificate_file) == bool(chosen.key_file)
    if chosen.discovery:
        _publishable(f"{chosen.discovery}/sensor/mien_x/emotion/config")


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    st.binary(max_size=60) | st.tuples(texts, texts).map(lambda two: ":".join(two).encode("utf-8", "surrogatepass")),
    st.sampled_from([0o600, 0o640, 0o644, 0o602]),
)
@example(b"name:" + b"x" * 70_000, 0o600)
@example(b"n" * 70_000 + b":x", 0o600)
def test_a_file_of_credentials_is_a_name_and_a_password_of_its_owner_or_refused_without_repeating_it(
    tmp_path: Path, content: bytes, mode: int
) -> None:
    path = tmp_path / "credentials"
    path.write_bytes(content)
    path.chmod(mode)
    sink = taken(
        lambda: MqttSink(Broker("h", 1883, False, "a"), "run", MqttSettings(credentials_file=str(path)), live=True)
    )
    if sink is None:
        return
    assert not stat.S_IMODE(path.stat().st_mode) & 0o007
    name, _, password = content.split(b"\n", 1)[0].decode().strip().partition(":")
    assert (sink._client.username, sink._client.password) == (name, password)
    assert 1 <= len(name.encode()) <= 65535
    assert len(password.encode()) <= 65535
