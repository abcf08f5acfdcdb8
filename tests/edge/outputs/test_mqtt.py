"""What needs no broker; `make test-mqtt` has one."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest

from mien.errors import MienError
from mien.outputs.mqtt import Broker, MqttSettings, broker
from mien.outputs.sinks import SinkSettings, open_sinks


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
