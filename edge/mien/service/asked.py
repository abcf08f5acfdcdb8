"""What settings ask of the service's units: ways that are shut to it otherwise."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from mien import config
from mien.config import RunConfig
from mien.outputs.mqtt import broker
from mien.service import unit

DROP_INS = (unit.SECRETS, unit.GPIO, unit.DROP_IN)
"""What settings may ask for."""


def settings(path: Path) -> RunConfig:
    """What a settings file says; the defaults where there is no such file yet.

    Raises:
        MienError: it cannot be read, or says what mien does not know.
    """
    return config.build(config.read(path), {}) if path.exists() else RunConfig()


def secrets(own: RunConfig) -> list[str]:
    """The files of secrets that the service is handed copies of; others lie in its own folder."""
    named = (own.mqtt.credentials_file, own.mqtt.key_file, own.preview.token_file)
    return [path for path in named if path.startswith("/")]


def drop_ins(own: RunConfig, hosts: Sequence[str] = ()) -> dict[str, str]:
    """The drop-ins that settings ask for, by name.

    Args:
        own: the settings.
        hosts: IP addresses or networks to which the service may connect, besides the brokers of the settings.

    Raises:
        MienError: a broker by name, or a path that a unit cannot hold.
    """
    found = {}
    if handed := secrets(own):
        found[unit.SECRETS] = unit.secrets(handed)
    if own.gpio.used:
        found[unit.GPIO] = unit.lines(own.gpio.chip)
    brokers = [broker(sink).host for sink in own.sinks if sink.startswith(("mqtt:", "mqtts:"))]
    if hosts or brokers:
        found[unit.DROP_IN] = unit.network(hosts, brokers)
    return found
