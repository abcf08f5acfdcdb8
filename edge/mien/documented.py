"""Settings written as TOML, with what each key means beside it: the text is that of the settings' own docstrings."""

from __future__ import annotations

import dataclasses
import inspect
import json
import re
import textwrap
from collections.abc import Iterator

_WIDTH = 100


def toml(settings: object, *, quoted: bool = False) -> str:
    """Every key of some settings, its meaning and default before it.

    Args:
        settings: a dataclass, whose fields are strings, numbers, truth values, tuples of strings, and dataclasses of
            the same kinds, which become tables.
        quoted: write each key that has its default as a comment, so that it is no setting until somebody takes the
            sign away; the defaults of a later version then reach it.
    """
    return "\n".join(_table(settings, "", quoted)) + "\n"


def meanings(kind: type) -> dict[str, str]:
    """Each name under "Attributes:" in a class's docstring to what it says of it; empty where Python left it out."""
    _, _, rest = inspect.cleandoc(kind.__doc__ or "").partition("Attributes:\n")
    part = re.split(r"^\S", rest, maxsplit=1, flags=re.MULTILINE)[0]
    found = {}
    for entry in re.split(r"^    (?=\w)", part, flags=re.MULTILINE)[1:]:
        names, _, text = entry.partition(": ")
        for name in names.split(", "):
            found[name] = " ".join(text.split())
    return found


def value(of: object) -> str:
    """A setting's value as TOML writes it."""
    if isinstance(of, bool):
        return "true" if of else "false"
    if isinstance(of, str):
        # TOML's strings are JSON's, but that a deletion sign must be escaped.
        return json.dumps(of, ensure_ascii=False).replace("\x7f", "\\u007f")
    if isinstance(of, tuple | list):
        return f"[{', '.join(value(item) for item in of)}]"
    return repr(of)


def _table(settings: object, path: str, quoted: bool) -> Iterator[str]:
    assert dataclasses.is_dataclass(settings)
    told = meanings(type(settings))
    tables = []
    for field in dataclasses.fields(settings):
        held = getattr(settings, field.name)
        if dataclasses.is_dataclass(held):
            tables.append((field.name, held))
            continue
        text = told.get(field.name, "")
        if not quoted:
            text = f"{text.removesuffix('.')} (default: {value(field.default)})"
        yield from (f"# {line}" for line in textwrap.wrap(text.strip(), _WIDTH))
        yield f"{'#' if quoted and held == field.default else ''}{field.name} = {value(held)}"
        yield ""
    for name, held in tables:
        yield from (f"# {line}" for line in textwrap.wrap(told.get(name, ""), _WIDTH))
        yield f"[{path}{name}]"
        yield from _table(held, f"{path}{name}.", quoted)
