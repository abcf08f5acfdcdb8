"""Settings: a file of any content, and tables of any values, become a sound `RunConfig` or one line."""

from __future__ import annotations

import dataclasses
import math
from pathlib import Path
from typing import Any

from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st
from strategies import json_values, scalars, taken, texts

from mien import config, privacy

KINDS = {str: texts, int: st.integers(-2, 400), float: st.floats(-1, 100), bool: st.booleans(), tuple: st.lists(texts)}


def _values(kind: type) -> st.SearchStrategy[dict[str, Any]]:
    """Some of a table's keys with values mostly of the right kind, some wrong, and rarely a key of no meaning."""
    table: dict[str, Any] = {}
    for field in dataclasses.fields(kind):
        default = field.default
        if dataclasses.is_dataclass(default) and not isinstance(default, type):
            table[field.name] = _values(type(default))
        else:
            table[field.name] = st.just(default) | KINDS[type(default)] | scalars
    return st.fixed_dictionaries({}, optional={**table, "rotaton": json_values})


def _toml(table: dict[str, Any]) -> str:
    """TOML, its tables last; what TOML has no word for is written as Python shows it."""
    lines = [f"{key} = {_value(value)}" for key, value in table.items() if not isinstance(value, dict)]
    for key, value in table.items():
        if isinstance(value, dict):
            lines += [f"[{key}]", *(f"{inner} = {_value(held)}" for inner, held in value.items())]
    return "\n".join(lines) + "\n"


def _value(value: object) -> str:
    if isinstance(value, bool):
        return str(value).lower()
    if isinstance(value, str):
        return '"' + "".join(c if c.isprintable() and c not in '"\\' else f"\\U{ord(c):08x}" for c in value) + '"'
    if isinstance(value, list | tuple):
        return "[" + ", ".join(_value(item) for item in value) + "]"
    return repr(value)


def _sound(built: object) -> None:
    assert dataclasses.is_dataclass(built)
    for field in dataclasses.fields(built):
        value, default = getattr(built, field.name), field.default
        if dataclasses.is_dataclass(default):
            assert type(value) is type(default)
            _sound(value)
        elif isinstance(default, float):
            assert isinstance(value, int | float)
            assert not isinstance(value, bool)
            assert math.isfinite(value), field.name
        else:
            assert type(value) is type(default), field.name
            if isinstance(value, tuple):
                assert all(isinstance(item, str) for item in value)


@given(_values(config.RunConfig), _values(config.RunConfig))
@example({"threads": 1.0}, {})
@example({"camera": {"rate": 10**400}}, {})
@example({"sinks": ["text", 1]}, {})
def test_settings_of_any_values_are_sound_or_refused_in_one_line(
    file: dict[str, Any], command_line: dict[str, Any]
) -> None:
    built = taken(lambda: config.build(file, command_line))
    if built is None:
        return
    _sound(built)
    for name in ("threads", "max_frames", "scan_every"):
        if command_line.get(name) is not None:
            assert getattr(built, name) == command_line[name], "the command line wins"
        elif name in file:
            assert getattr(built, name) == file[name]


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(_values(config.RunConfig))
def test_a_file_says_what_the_same_values_say_without_a_file(tmp_path: Path, values: dict[str, Any]) -> None:
    path = tmp_path / "mien.toml"
    path.write_bytes(_toml(values).encode("utf-8", "surrogatepass"))
    built = taken(lambda: config.build(config.read(path), {}))
    if built is None:
        return
    assert built == config.build(values, {})


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.binary(max_size=200) | st.text(max_size=200).map(lambda text: text.encode("utf-8", "surrogatepass")))
def test_a_file_of_any_bytes_is_settings_or_refused_in_one_line(tmp_path: Path, raw: bytes) -> None:
    path = tmp_path / "mien.toml"
    path.write_bytes(raw)
    taken(lambda: config.build(config.read(path), {}))


@given(_values(config.RunConfig))
def test_what_is_kept_of_privacy_can_be_explained_for_all_settings_that_are_taken(values: dict[str, Any]) -> None:
    built = taken(lambda: config.build(values, {}))
    if built is not None:
        text = taken(lambda: privacy.text(built))
        assert text is None or text.endswith("\n")
