"""Settings files damaged, as TOML and as text."""

from __future__ import annotations

import dataclasses
import math
from pathlib import Path
from random import Random
from typing import Any

from mien import config
from mien.cameras.settings import CameraSettings
from mien.tracking.smoother import Smoother
from mutations import damage
from mutations.kinds import ImplausibleError, Trial

_WHOLE: dict[str, Any] = {
    "source": "demo",
    "sinks": ["null", "text"],
    "max_frames": 10,
    "annotate": "",
    "engine": "litert",
    "threads": 1,
    "detector": "face-base",
    "classifier": "emotion-base",
    "score_threshold": 0.4,
    "tiles": False,
    "scan_every": 2,
    "look": "face-small",
    "smoothing": {"seconds": 1.6, "response": 0.05, "margin": 0.15},
    "camera": {"number": 0, "width": 640, "height": 480, "rate": 30.0, "rotation": 90, "mirror": True},
}


def prepare(folder: Path) -> Trial:
    """A file with every key."""
    path = folder / "kiosk.toml"

    def trial(generator: Random) -> None:
        if generator.random() < 0.3:
            path.write_bytes(damage.bytes_of(generator, toml_of(_WHOLE).encode()))
        else:
            text = toml_of(damage.document(generator, _WHOLE))
            path.write_bytes(text.encode("utf-8", "surrogatepass"))
        file = config.read(path)
        line = {"max_frames": generator.choice((None, 3, *damage.ODD_VALUES))} if generator.random() < 0.2 else {}
        built = config.build(file, line)
        _check(built)
        Smoother(built.smoothing)

    return trial


def _check(built: config.RunConfig) -> None:
    for part, whole in ((built, config.RunConfig()), (built.camera, CameraSettings())):
        for field in dataclasses.fields(part):
            value = getattr(part, field.name)
            wanted = type(getattr(whole, field.name))
            good = isinstance(value, int | float if wanted is float else wanted)
            if not good or (wanted is not bool and isinstance(value, bool)):
                raise ImplausibleError(f"{field.name} is {value!r}")
            if isinstance(value, float) and not math.isfinite(value):
                raise ImplausibleError(f"{field.name} is {value}")
    if not all(isinstance(sink, str) for sink in built.sinks):
        raise ImplausibleError(f"sinks are {built.sinks}")


def toml_of(table: Any) -> str:
    """TOML of a table, its tables last; what TOML has no word for is written as Python shows it."""
    if not isinstance(table, dict):
        return _value(table)
    lines = [f"{_key(key)} = {_value(value)}" for key, value in table.items() if not isinstance(value, dict)]
    for key, value in table.items():
        if isinstance(value, dict):
            lines += [f"[{_key(key)}]", *(f"{_key(inner)} = {_value(held)}" for inner, held in value.items())]
    return "\n".join(lines) + "\n"


def _key(key: str) -> str:
    return key if key.isidentifier() and key.isascii() else _value(key)


def _value(value: Any) -> str:
    if isinstance(value, bool):
        return str(value).lower()
    if isinstance(value, str):
        plain = "".join(c if c.isprintable() and c not in '"\\' else f"\\u{ord(c):04x}" for c in value)
        return f'"{plain}"'
    if isinstance(value, list):
        return "[" + ", ".join(_value(item) for item in value) + "]"
    if isinstance(value, dict):
        return "{" + ", ".join(f"{_key(key)} = {_value(item)}" for key, item in value.items()) + "}"
    return repr(value) if not isinstance(value, int) or abs(value) < 10**300 else hex(value)
