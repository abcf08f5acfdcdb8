"""The sink `mqtt://HOST[:PORT]/TOPIC`: readings for a broker on the network, kept while it is away."""

from __future__ import annotations

import contextlib
import json
import math
import re
import socket
import ssl
import threading
import time
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

from mien import contents
from mien.credentials import held
from mien.errors import MienError
from mien.outputs.names import shown
from mien.outputs.records import JsonLines
from mien.outputs.target import TakenError, Target
from mien.outputs.thinning import GONE_SECONDS, Thinning
from mien.reading import FrameResult

if TYPE_CHECKING:
    from paho.mqtt.client import Client

_PORTS = {"mqtt": 1883, "mqtts": 8883}
_KEEP_ALIVE = 30
_AGAIN_SECONDS = 2.0 * _KEEP_ALIVE
"""After a power cut the broker gives the connection of before up after 1.5 × `_KEEP_ALIVE`, and publishes its will,
"offline", over the "online" of the new one."""
_LONGEST_STATE_SECONDS = 1.0
_CLOSE_SECONDS = 3.0
_LONGEST_TOPIC = 1000
"""Bytes of a topic that a user chooses: with what is added it stays far below the protocol's 65535."""
_LARGEST_CREDENTIALS = 4096


@dataclass(frozen=True, slots=True)
class MqttSettings:
    """How readings are published. The names are the keys of the TOML file's table `mqtt`.

    Attributes:
        interval: at most one reading a face in so many seconds, from a live camera; 0 for every frame. How many faces
            there are is told within a second of a change, or within this interval if that is shorter.
        buffer: messages that wait while the broker is away, of about 1 kB each; then 2000 more frames wait, and then
            the oldest are lost.
        credentials_file: file whose first line is NAME:PASSWORD, readable by its owner or group alone; empty for none.
        ca_file: of the authority that signed the broker's certificate, for mqtts://; empty for the system's.
        certificate_file: of this device, where the broker asks for a certificate; empty for none.
        key_file: the certificate's private key, readable by its owner or group alone; empty for none.
        discovery: prefix of Home Assistant's discovery messages, such as "homeassistant"; empty for none.

    Raises:
        MienError: a value out of range.
    """

    interval: float = 1.0
    buffer: int = 20_000
    credentials_file: str = ""
    ca_file: str = ""
    certificate_file: str = ""
    key_file: str = ""
    discovery: str = ""

    def __post_init__(self) -> None:
        if not 0 <= self.interval <= 86_400:
            raise MienError(f"mqtt interval is {self.interval:g}; give 0 to 86400 seconds")
        if not 100 <= self.buffer <= 60_000:  # message numbers of the protocol have 16 bits
            raise MienError(f"mqtt buffer is {self.buffer}; give 100 to 60000 messages")
        if bool(self.certificate_file) != bool(self.key_file):
            raise MienError("mqtt certificate_file and key_file belong together; give both or none")
        if self.discovery and not _is_topic(self.discovery):
            raise MienError(f"mqtt discovery is {self.discovery!r}; give a topic such as 'homeassistant'")


@dataclass(frozen=True, slots=True)
class Broker:
    """Where to publish.

    Attributes:
        host, port: of the broker.
        tls: whether the connection is encrypted.
        topic: under which everything is published.
    """

    host: str
    port: int
    tls: bool
    topic: str


def broker(spec: str) -> Broker:
    """What `mqtt://HOST[:PORT]/TOPIC`, or `mqtts://` for TLS, names.

    Raises:
        MienError: it is incomplete, or holds a password.
    """
    hint = "give mqtt://HOST/TOPIC or mqtts://HOST:PORT/TOPIC"
    try:
        parts = urlsplit(spec)
        host, topic = parts.hostname, parts.path.strip("/")
        port = _PORTS[parts.scheme] if parts.port is None else parts.port
    except (ValueError, KeyError) as error:
        raise MienError(f"sink {spec!r}: is no address of a broker ({error}); {hint}") from None
    if parts.username is not None or parts.password is not None:
        raise MienError("a password in the address of a broker can be seen by every user; use mqtt credentials_file")
    if not host or not port or parts.query or "#" in spec or not _is_topic(topic):
        raise MienError(f"sink {spec!r}: is no address of a broker with a topic; {hint}")
    return Broker(host, port, parts.scheme == "mqtts", topic)


def _is_topic(text: str) -> bool:
    """Whether one can publish under it: no wildcard, nothing that cannot be printed, and not too long."""
    printable = text.isprintable() and not re.search(r"[#+]", text)  # a lone surrogate is no UTF-8, and not printable
    return bool(text) and printable and text.strip("/") == text and len(text.encode()) <= _LONGEST_TOPIC


class MqttSink(Target):
    """Publishes readings as JSON to TOPIC/reading, how many faces there are to TOPIC/state, "online" to TOPIC/status.

    Without a new result for `GONE_SECONDS`, as in a pause or while the camera stalls, the state tells of no face.

    Args:
        where: to publish.
        run: id of the run.
        settings: how.
        live: whether results come from a live camera, so that `interval` applies.

    Raises:
        MienError: paho-mqtt is not installed, or a file of the settings cannot be used.
    """

    def __init__(self, where: Broker, run: str, settings: MqttSettings, *, live: bool) -> None:
        self._where, self._settings = where, settings
        self._lines, self._thin = JsonLines(run), Thinning(settings.interval if live else 0)
        self._left: list[str] = []
        self._result: FrameResult | None = None
        self._result_at = time.monotonic()
        self._state = _NOBODY
        self._unannounced: tuple[tuple[str, str], ...] = ()
        self._told: dict[str, object] | None = None
        self._told_at = -math.inf
        self._again_at = math.inf
        self._turn = threading.Lock()
        self._sent = self._acknowledged = 0
        self._problem = f"the broker {where.host}:{where.port} is not reached yet"
        self._closed = False
        self._client = self._prepared_client(run)
        # Only now: its thread may be connected, and ask for the client, before a call here would have returned it.
        self._client.connect_async(self._where.host, self._where.port, _KEEP_ALIVE)
        self._client.loop_start()

    def _prepared_client(self, run: str) -> Client:
        try:
            import paho.mqtt.client as mqtt
            from paho.mqtt.enums import CallbackAPIVersion
        except ImportError:
            raise MienError("MQTT needs paho-mqtt 2, which is not installed: pip install 'paho-mqtt>=2.1'") from None
        client = mqtt.Client(CallbackAPIVersion.VERSION2, client_id=f"mien-{run}")
        client.max_queued_messages_set(self._settings.buffer)
        client.reconnect_delay_set(1, 30)
        client.will_set(self._topic("status"), "offline", qos=1, retain=True)
        client.on_connect = self._on_connect
        client.on_disconnect = self._on_disconnect
        client.on_connect_fail = self._on_connect_fail
        client.on_publish = self._on_publish
        if self._settings.credentials_file:
            client.username_pw_set(*_credentials(held(Path(self._settings.credentials_file))))
        if self._where.tls:
            chosen = self._settings
            key = held(Path(chosen.key_file)) if chosen.key_file else None
            try:
                if key:
                    _refuse_shared(key, "key_file")
                client.tls_set(chosen.ca_file or None, chosen.certificate_file or None, str(key) if key else None)
            except (OSError, ValueError, ssl.SSLError) as error:
                raise MienError(f"mqtt: a certificate or key cannot be used ({error}); check the files") from None
        return client

    def write(self, result: FrameResult) -> None:
        """Publish a result's readings; while the broker is away they wait.

        Raises:
            TakenError: the broker is away; the readings wait.
            MienError: likewise, and no more may wait.
        """
        if result is not self._result:
            self._result, self._result_at = result, time.monotonic()
            kept = self._thin(result)
            if kept is not None:
                self._left += self._lines(kept)
            best = result.readings[0].emotion if result.readings else None
            self._state = {"faces": len(result.readings), "emotion": best}
        self._announce()  # before the readings, which may take all the room that becomes free
        while self._left:
            if not self._publish("reading", self._left[0]):
                raise MienError(f"{self._problem or 'the broker is too slow'}; no more readings may wait")
            del self._left[0]
        self.idle()

    def idle(self) -> None:
        """Tell what the broker has not been told yet, and who has gone; say so where it is away.

        Raises:
            TakenError: it is.
        """
        if time.monotonic() - self._result_at > GONE_SECONDS:
            self._state = _NOBODY
        if time.monotonic() >= self._again_at and not self._problem:
            self._again_at = math.inf
            self._unannounced += ((self._topic("status"), "online"),)
        self._announce()
        self._tell_state()
        if self._problem:
            raise TakenError(f"{self._problem}; readings wait")

    def close(self) -> None:
        """Wait for the broker to have everything, 3 s at most, and take leave.

        Raises:
            MienError: it does not have everything.
        """
        if self._closed:
            return
        self._closed = True
        deadline = time.monotonic() + _CLOSE_SECONDS
        leave: tuple[tuple[str, str], ...] = (
            (self._topic("state"), json.dumps(_NOBODY)),
            (self._topic("status"), "offline"),
        )
        while True:
            if leave and not self._problem:
                leave = self._refused(leave)
            waiting, problem = self._waiting(), self._problem
            if not waiting or time.monotonic() >= deadline:
                break
            time.sleep(0.02)
        if waiting or leave:
            self._hang_up()
        self._client.disconnect()
        self._client.loop_stop()
        # Without these it is no circle, and closes its sockets as soon as it is let go.
        self._client.on_connect = self._client.on_disconnect = self._client.on_connect_fail = None
        self._client.on_publish = None
        if waiting:
            raise MienError(f"{problem or 'the broker is too slow'}; {waiting} messages were not delivered")

    def _hang_up(self) -> None:
        """End the connection without MQTT's farewell, so that the broker publishes the will: "offline"."""
        connection = self._client.socket()
        if isinstance(connection, socket.socket):
            with contextlib.suppress(OSError):  # it is gone already
                connection.shutdown(socket.SHUT_RDWR)

    def _waiting(self) -> int:
        with self._turn:
            return self._sent - self._acknowledged

    def _publish(self, under: str, payload: str, *, retain: bool = False) -> bool:
        return self._send(self._topic(under), payload, retain=retain)

    def _send(self, topic: str, payload: str, *, retain: bool) -> bool:
        from paho.mqtt.enums import MQTTErrorCode

        with self._turn:  # counted before it can be acknowledged
            self._sent += 1
        taken = self._client.publish(topic, payload, qos=1, retain=retain).rc != MQTTErrorCode.MQTT_ERR_QUEUE_SIZE
        if not taken:
            with self._turn:
                self._sent -= 1
        return taken

    def _announce(self) -> None:
        """Offer the broker again what it had no room for when it was connected."""
        if not self._problem:
            self._unannounced = self._refused(self._unannounced)

    def _refused(self, messages: tuple[tuple[str, str], ...]) -> tuple[tuple[str, str], ...]:
        """Publish topics' messages, to be retained; those are left that were refused, for want of room in the queue."""
        for place, (topic, message) in enumerate(messages):
            if not self._send(topic, message, retain=True):
                return messages[place:]
        return ()

    def _tell_state(self) -> None:
        """Publish how many faces there are if that changed: now, not what it was while the broker was away."""
        now = time.monotonic()
        rest = min(self._settings.interval, _LONGEST_STATE_SECONDS)
        due = self._state != self._told and now - self._told_at >= rest
        if due and not self._problem and self._publish("state", json.dumps(self._state), retain=True):
            self._told, self._told_at = self._state, now

    def _topic(self, under: str) -> str:
        return f"{self._where.topic}/{under}"

    # paho calls these in a thread of its own. Any: its reason codes and flags.

    def _on_connect(self, _client: Client, _data: object, _flags: Any, reason: Any, _properties: object) -> None:
        if reason.is_failure:
            self._problem = f"the broker {self._where.host}:{self._where.port} refuses ({reason})"
            return
        if self._closed:  # too late to say "online"; `close` says "offline"
            self._problem = ""
            return
        discovery = ((topic, json.dumps(message)) for topic, message in self._discovery().items())
        # What waited is sent only after this call: after a long outage there is no room yet.
        self._unannounced = self._refused((*discovery, (self._topic("status"), "online")))
        self._told, self._told_at = None, -math.inf
        self._again_at = time.monotonic() + _AGAIN_SECONDS
        self._problem = ""

    def _on_disconnect(self, _client: Client, _data: object, _flags: Any, reason: Any, _properties: object) -> None:
        if not self._closed and not self._problem:  # a refusal is followed by this, and is the better story
            self._problem = f"the broker {self._where.host}:{self._where.port} is away ({reason})"

    def _on_connect_fail(self, _client: Client, _data: object) -> None:
        doubt = ", or its certificate is not trusted" if self._where.tls else ""
        self._problem = f"the broker {self._where.host}:{self._where.port} is not reached{doubt}"

    def _on_publish(self, _client: Client, _data: object, _mid: int, _reason: Any, _properties: object) -> None:
        with self._turn:
            self._acknowledged += 1

    def _discovery(self) -> Mapping[str, Mapping[str, object]]:
        """Topic to message of Home Assistant's two sensors."""
        if not self._settings.discovery:
            return {}
        node = re.sub(r"[^A-Za-z0-9_-]", "_", self._where.topic)
        device = {"identifiers": [f"mien_{node}"], "name": f"mien {self._where.topic}", "manufacturer": "mien"}
        sensors = {
            "faces": {"name": "Faces", "icon": "mdi:account-multiple", "state_class": "measurement"},
            "emotion": {"name": "Emotion", "icon": "mdi:emoticon-outline"},
        }
        return {
            f"{self._settings.discovery}/sensor/mien_{node}/{key}/config": {
                **sensor,
                "unique_id": f"mien_{node}_{key}",
                "state_topic": self._topic("state"),
                "value_template": f"{{{{ value_json.{key} if value_json.{key} is not none else '{_NONE[key]}' }}}}",
                "availability_topic": self._topic("status"),
                "device": device,
            }
            for key, sensor in sensors.items()
        }


_NOBODY: dict[str, object] = {"faces": 0, "emotion": None}
"""The state without a face."""

_NONE = {"faces": "0", "emotion": "nobody"}
"""What Home Assistant shows where there is no value."""


def _refuse_shared(path: Path, setting: str) -> None:
    """Refuse a secret's file that every user can read.

    Raises:
        MienError: they can.
        OSError: the file is not there.
    """
    if path.stat().st_mode & 0o007:
        raise MienError(f"mqtt {setting} {shown(path)}: every user can read it; chmod 640 {shown(path)}")


def _credentials(path: Path) -> tuple[str, str]:
    """Name and password of a file's first line.

    Raises:
        MienError: it cannot be read, others can, or it holds none.
    """
    try:
        first = contents.read(path, _LARGEST_CREDENTIALS).decode("utf-8").split("\n", 1)[0].strip()
    except MienError as error:
        raise MienError(f"mqtt credentials_file {error}") from None
    except (OSError, UnicodeDecodeError):
        raise MienError(f"mqtt credentials_file {shown(path)}: cannot be read (not UTF-8); check the path") from None
    _refuse_shared(path, "credentials_file")
    name, colon, password = first.partition(":")
    if not name or not colon:
        raise MienError(f"mqtt credentials_file {shown(path)}: its first line is not NAME:PASSWORD; write it so")
    return name, password
