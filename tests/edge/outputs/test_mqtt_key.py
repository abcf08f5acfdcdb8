"""The private key of a device: which file TLS is given, and which is refused."""

from __future__ import annotations

from pathlib import Path

import paho.mqtt.client as paho
import pytest

from mien.errors import MienError
from mien.outputs.mqtt import Broker, MqttSettings, MqttSink


@pytest.fixture
def given(monkeypatch: pytest.MonkeyPatch) -> list[object]:
    """What paho is given for TLS; it connects to nothing."""
    found: list[object] = []
    monkeypatch.setattr(paho.Client, "tls_set", lambda _, *files: found.extend(files))
    monkeypatch.setattr(paho.Client, "connect_async", lambda *_: None)
    monkeypatch.setattr(paho.Client, "loop_start", lambda *_: None)
    return found


def _sink(key: Path) -> MqttSink:
    settings = MqttSettings(certificate_file="/etc/mien/crt", key_file=str(key))
    return MqttSink(Broker("h", 8883, True, "t"), "run", settings, live=True)


def test_the_service_uses_the_copy_of_the_key_that_systemd_hands_it(
    given: list[object], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    copy = tmp_path / "etc-mien-key"
    copy.write_text("key")
    copy.chmod(0o400)
    monkeypatch.setenv("CREDENTIALS_DIRECTORY", str(tmp_path))
    _sink(Path("/etc/mien/key")).close()
    assert given == [None, "/etc/mien/crt", str(copy)]


def test_a_key_that_every_user_can_read_is_refused(given: list[object], tmp_path: Path) -> None:
    key = tmp_path / "key"
    key.write_text("key")
    key.chmod(0o644)
    with pytest.raises(MienError, match=r"mqtt key_file .*: every user can read it; chmod 640"):
        _sink(key)
    key.chmod(0o640)
    _sink(key).close()
    assert given[-1] == str(key)


def test_a_key_that_is_not_there_is_named(given: list[object], tmp_path: Path) -> None:
    with pytest.raises(MienError, match="certificate or key cannot be used"):
        _sink(tmp_path / "key")
