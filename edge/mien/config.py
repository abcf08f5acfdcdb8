"""Settings of `mien run`, from a TOML file and the command line."""

from __future__ import annotations

import dataclasses
import difflib
import math
import tomllib
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from types import MappingProxyType

from mien import contents
from mien.cameras.settings import CameraSettings
from mien.errors import MienError
from mien.gpio.settings import GpioSettings
from mien.history.settings import HistorySettings
from mien.models.engine import check_engine, check_threads
from mien.models.fields import shown
from mien.outputs.lines import JsonlSettings
from mien.outputs.mqtt import MqttSettings, broker
from mien.outputs.program import CommandSettings
from mien.outputs.sinks import SPECS
from mien.pace.settings import PaceSettings
from mien.preview.settings import PreviewSettings
from mien.tracking.settings import SmoothingSettings

_LARGEST = 1 << 20
"""Bytes of a settings file: one with every key has some hundred."""

_MOST = 1 << 53
"""Of whole numbers: above it a float is another number, or none."""

_SMOOTHING = SmoothingSettings()
_CAMERA = CameraSettings()
_GPIO = GpioSettings()
_PACE = PaceSettings()
_PREVIEW = PreviewSettings()
_JSONL = JsonlSettings()
_HISTORY = HistorySettings()
_MQTT = MqttSettings()
_COMMAND = CommandSettings()


@dataclass(frozen=True, slots=True)
class RunConfig:
    """What a run needs to know. The names are the keys of the TOML file.

    Attributes:
        source: where frames come from: auto, picamera2, v4l2:N, demo, or the path of a picture, a folder of pictures or
            a video.
        sinks: where readings go: text, jsonl:PATH (jsonl:- for standard output), sqlite:PATH, mqtt://HOST/TOPIC (mqtts://
            over TLS), socket:PATH, command or null.
        max_frames: processed frames after which the run ends; 0 for no limit.
        annotate: folder for an annotated clip; empty for none.
        engine: "litert", "onnx" or "tflite".
        threads: of the engine and of OpenCV.
        detector, classifier: name of a bundled model, or path of a sidecar.
        expression: how faces are read: perceived, intended or mixed, as far as the classifier has it; empty for its
            own choice.
        score_threshold: lowest score of a face; 0 for the model's own.
        tiles: also scan overlapping tiles at full size, for small faces.
        scan_every: scan the whole frame at every k-th frame, and in between look around the known faces; 1 scans
            always.
        look: the detector that looks around known faces where `scan_every` is above 1; a small one, or looking costs
            as much as scanning.
        smoothing: how steady what is shown of a face is.
        camera: how a camera is to be set up.
        pace: when fewer frames of a live camera are read: while nobody is in view, or while it is hot.
        gpio: lines of a switch that pauses, and of an LED that shows when frames are taken.
        preview: how the live page is offered.
        jsonl: how files of JSON Lines are kept.
        history: what the sink `sqlite:PATH` keeps.
        mqtt: how readings are published by `mqtt://HOST/TOPIC`.
        command: what the sink `command` starts.
    """

    source: str = "auto"
    sinks: tuple[str, ...] = ("text",)
    max_frames: int = 0
    annotate: str = ""
    engine: str = "litert"
    threads: int = 1
    detector: str = "face-base"
    classifier: str = "emotion-base"
    expression: str = ""
    score_threshold: float = 0.0
    tiles: bool = False
    scan_every: int = 1
    look: str = "face-small"
    smoothing: SmoothingSettings = _SMOOTHING
    camera: CameraSettings = _CAMERA
    pace: PaceSettings = _PACE
    gpio: GpioSettings = _GPIO
    preview: PreviewSettings = _PREVIEW
    jsonl: JsonlSettings = _JSONL
    history: HistorySettings = _HISTORY
    mqtt: MqttSettings = _MQTT
    command: CommandSettings = _COMMAND


def read(path: Path) -> dict[str, object]:
    """Settings of a TOML file, checked.

    Raises:
        MienError: unreadable, not TOML, an unknown key, or a value of the wrong kind.
    """
    raw = contents.read(path, _LARGEST)
    try:
        settings = tomllib.loads(raw.decode("utf-8"))
    except (ValueError, RecursionError) as error:  # not TOML, or not UTF-8
        raise MienError(f"{path}: not a TOML file ({error})") from None
    try:
        _checked(settings)
    except MienError as error:
        raise MienError(f"{path}: {error}") from None
    return settings


def build(
    file: Mapping[str, object],
    command_line: Mapping[str, object],
    tables: Mapping[str, Mapping[str, object]] = MappingProxyType({}),
) -> RunConfig:
    """Settings in which the command line wins over the file, and the file over the defaults.

    Args:
        file: of `read`, or empty.
        command_line: by field name; what is None was not given.
        tables: likewise, the fields of a table by the table's name.

    Raises:
        MienError: an unknown key, a value of the wrong kind or out of range, or no such engine or sink.
    """
    given = {**file, **_given(command_line)}
    for name, fields in tables.items():
        table = given.get(name, {})
        given[name] = {**table, **_given(fields)} if isinstance(table, Mapping) else table
    _checked(given)
    values: dict[str, object] = {}
    for name, default in _defaults(RunConfig).items():
        value = given.get(name, default)
        if isinstance(value, Mapping) and dataclasses.is_dataclass(default) and not isinstance(default, type):
            value = type(default)(**{key: _frozen(part) for key, part in value.items()})
        values[name] = _frozen(value)
    config = RunConfig(**values)  # type: ignore[arg-type] # names and kinds are checked
    for name, least in (("max_frames", 0), ("scan_every", 1)):
        value = getattr(config, name)
        if value < least:
            raise MienError(f"{name} is {shown(value)}; give {least} or more")
    check_threads(config.threads)
    if not 0 <= config.score_threshold < 1:
        raise MienError(f"score threshold is {shown(config.score_threshold)}; it must lie between 0 and 1")
    check_engine(config.engine)
    for spec in config.sinks:
        _check_sink(spec)
    return config


def _check_sink(spec: str) -> None:
    """What `mien.outputs.sinks.open_sinks` would say of a sink's name, without opening it."""
    kind, _, target = spec.partition(":")
    if kind in ("mqtt", "mqtts"):
        broker(spec)
    elif spec not in ("text", "command", "null") and not (kind in ("jsonl", "sqlite", "socket") and target):
        raise MienError(f"unknown sink {shown(spec)}; give {SPECS}")


def _given(values: Mapping[str, object]) -> dict[str, object]:
    return {key: value for key, value in values.items() if value is not None}


def _frozen(value: object) -> object:
    return tuple(value) if isinstance(value, list) else value


def _defaults(kind: type) -> dict[str, object]:
    """Name of each setting, or table of settings, to its default."""
    return {field.name: field.default for field in dataclasses.fields(kind)}


def _checked(settings: Mapping[str, object], kind: type = RunConfig, where: str = "") -> None:
    """Every key is a field of that kind, and every value of the field's kind."""
    defaults = _defaults(kind)
    for key, value in settings.items():
        if key not in defaults:
            near = difflib.get_close_matches(key, defaults, n=1, cutoff=0)
            raise MienError(
                f"unknown key {where}{shown(key)}; did you mean {near[0]!r}? Keys are {', '.join(defaults)}"
            )
        default = defaults[key]
        if isinstance(default, tuple):
            good = isinstance(value, list | tuple) and all(isinstance(item, str) for item in value)
            wanted = "a list of strings"
        elif dataclasses.is_dataclass(default):
            good, wanted = isinstance(value, Mapping), f"a table, [{key}]"
            if isinstance(value, Mapping):
                _checked(value, type(default), f"{key} ")
        else:
            good, wanted = _is(value, type(default)), _KINDS[type(default)]
        if not good:
            raise MienError(f"{where}{key} is {shown(value)}; give {wanted}")


_KINDS: Mapping[type, str] = {str: "a string", int: "a whole number", float: "a number", bool: "true or false"}


def _is(value: object, kind: type) -> bool:
    # TOML writes 1.0 as 1 too; a bool is an int in Python but never a number in a settings file.
    if not isinstance(value, int | float if kind is float else kind) or isinstance(value, bool) != (kind is bool):
        return False
    return not isinstance(value, int | float) or (
        math.isfinite(value) if isinstance(value, float) else abs(value) <= _MOST
    )
