"""What a field of a recipe may hold, read from its type: the one place where values are checked and parsed.

A field's type is `str`, `bool`, `int`, `float`, a `Literal` of texts or a tuple of whole numbers; `Annotated` adds a
`Span` to numbers.
"""

from __future__ import annotations

import dataclasses
import json
import math
import types
import typing
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Annotated, Literal, get_args, get_origin

from mien.errors import MienError


@dataclass(frozen=True, slots=True)
class Span:
    """The numbers that a field may hold.

    Attributes:
        least, most: both included.
        multiple: of which whole number; 1 for any.
    """

    least: float
    most: float = math.inf
    multiple: int = 1

    def __contains__(self, value: float) -> bool:
        return self.least <= value <= self.most and (self.multiple == 1 or value % self.multiple == 0)

    def __str__(self) -> str:
        end = f" to {self.most:g}" if math.isfinite(self.most) else " or more"
        of = f", a multiple of {self.multiple}" if self.multiple != 1 else ""
        return f"{self.least:g}{end}{of}"


Count = Annotated[int, Span(1)]
Share = Annotated[float, Span(0, 1)]
Positive = Annotated[float, Span(1e-9)]
Weight = Annotated[float, Span(0)]
Counts = tuple[Count, ...]

_KINDS: Mapping[type, str] = {str: "text", bool: "true or false", int: "a whole number", float: "a number"}


def hints(kind: type) -> Mapping[str, object]:
    """The types of a recipe class's fields, by name, spans included."""
    found = typing.get_type_hints(kind, include_extras=True)
    return types.MappingProxyType({field.name: found[field.name] for field in dataclasses.fields(kind)})


def choices(hint: object) -> tuple[str, ...]:
    """What a `Literal` allows."""
    return tuple(str(value) for value in get_args(hint))


def check(name: str, hint: object, value: object) -> None:
    """Refuse a value that a field of this type cannot hold.

    Raises:
        MienError: a wrong kind, choice, number or length.
    """
    kind, span = _parted(hint)
    if get_origin(kind) is Literal:
        if value not in get_args(kind):
            raise MienError(f"{name} is {value!r}; choose one of {', '.join(choices(kind))}")
    elif get_origin(kind) is tuple:
        _check_tuple(name, kind, value)
    elif not _is(value, kind):
        raise MienError(f"{name} is {value!r}; give {_KINDS[typing.cast('type', kind)]}")
    elif span is not None and isinstance(value, int | float) and value not in span:
        raise MienError(f"{name} is {value:g}; give {span}")


def parsed(name: str, hint: object, text: str, example: object) -> object:
    """A value of a field's type out of `name=text`; whether the field may hold it, `check` says.

    Raises:
        MienError: the text is of another kind; the field's present value is given as an example.
    """
    kind, _ = _parted(hint)
    if kind is str or get_origin(kind) is Literal:
        return text
    try:
        if kind is bool:
            return {"true": True, "false": False}[text.lower()]
        if get_origin(kind) is tuple:
            return tuple(_number(value, int) for value in json.loads(f"[{text}]"))
        return _number(json.loads(text), kind)
    except (ValueError, TypeError, KeyError, OverflowError, RecursionError):
        raise MienError(f"--set {name}={text}: expected a value like {example!r}") from None


def _parted(hint: object) -> tuple[object, Span | None]:
    if get_origin(hint) is not Annotated:
        return hint, None
    kind, *extras = get_args(hint)
    return kind, next((extra for extra in extras if isinstance(extra, Span)), None)


def _is(value: object, kind: object) -> bool:
    if kind is float:
        return isinstance(value, int | float) and not isinstance(value, bool) and math.isfinite(value)
    if kind is int:
        return isinstance(value, int) and not isinstance(value, bool)
    return isinstance(value, typing.cast("type", kind))


def _check_tuple(name: str, kind: object, value: object) -> None:
    parts = get_args(kind)
    part, span = _parted(parts[0])
    length = None if parts[-1] is Ellipsis else len(parts)
    if not isinstance(value, tuple) or not all(_is(each, part) and (span is None or each in span) for each in value):
        raise MienError(f"{name} is {value!r}; give whole numbers of {span if span is not None else 'any size'}")
    if length is not None and len(value) != length:
        raise MienError(f"{name} is {value!r}; give {length} whole numbers")


def _number(value: object, kind: object) -> float:
    if isinstance(value, bool) or not isinstance(value, int | float) or not math.isfinite(value):
        raise ValueError
    if kind is not int:
        return float(value)
    if value != int(value):
        raise ValueError
    return int(value)
