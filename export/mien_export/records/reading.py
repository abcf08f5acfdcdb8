"""A result's file read once, checked against the type that describes it."""

from __future__ import annotations

import json
import types
import typing
from collections.abc import Mapping
from pathlib import Path
from typing import NotRequired, TypeVar, Union, get_args, get_origin, get_type_hints, is_typeddict

from mien.errors import MienError
from mien_export import files

T = TypeVar("T")

_REMEDY = "see `make results`"
_LONGEST = 60


def read(path: Path, kind: type[T]) -> T:
    """Read a result.

    Args:
        path: of the JSON file.
        kind: its TypedDict; keys that it does not name are left alone.

    Raises:
        MienError: the file cannot be read, or a value is missing or of another kind; names its place.
    """
    if not path.is_file():
        raise MienError(f"{path}: missing; {_REMEDY}")
    try:
        document = json.loads(files.read_text(path))
    except (ValueError, RecursionError) as error:
        raise MienError(f"{path}: is no JSON ({error}); {_REMEDY}") from None
    return checked(document, kind, str(path))


def checked(document: object, kind: type[T], place: str) -> T:
    """A decoded document as what `kind` says.

    Raises:
        MienError: it is something else.
    """
    if fault := _fault(document, kind, ""):
        raise MienError(f"{place}: {fault}; {_REMEDY}")
    return typing.cast(T, document)


def _fault(value: object, kind: object, place: str) -> str:
    """What is wrong with a value, in words that begin with its place; empty where nothing is."""
    origin, arguments = get_origin(kind), get_args(kind)
    if kind is object:
        return ""
    if is_typeddict(kind):
        return _fault_of_keys(value, kind, place)
    if origin in (Union, types.UnionType):
        faults = [_fault(value, choice, place) for choice in arguments]
        # Of a choice between an object and nothing, what is wrong inside the object says most.
        inside = [fault for fault in faults if not fault.startswith(f"{place} is ")]
        return "" if "" in faults else next(iter(inside), faults[0])
    if origin is list:
        if not isinstance(value, list):
            return _wrong(value, "a list", place)
        inner = (_fault(item, arguments[0], f"{place} {index}") for index, item in enumerate(value))
        return next(filter(None, inner), "")
    if origin is dict:
        if not isinstance(value, Mapping):
            return _wrong(value, "an object", place)
        return next(filter(None, (_fault(item, arguments[1], f"{place} {key}") for key, item in value.items())), "")
    if kind is float:
        # A bool is an int in Python, but never a number in a document.
        right = isinstance(value, int | float) and not isinstance(value, bool)
        return "" if right else _wrong(value, "a number", place)
    if kind is int:
        return "" if isinstance(value, int) and not isinstance(value, bool) else _wrong(value, "a whole number", place)
    if kind is types.NoneType:
        return "" if value is None else _wrong(value, "null", place)
    assert isinstance(kind, type), kind
    return "" if isinstance(value, kind) else _wrong(value, {str: "a text", bool: "true or false"}[kind], place)


def _fault_of_keys(value: object, kind: object, place: str) -> str:
    if not isinstance(value, Mapping):
        return _wrong(value, "an object", place)
    for key, wanted in get_type_hints(kind, include_extras=True).items():
        optional = get_origin(wanted) is NotRequired
        if key not in value:
            if optional:
                continue
            return f"{place} lacks {key!r}".lstrip()
        if fault := _fault(value[key], get_args(wanted)[0] if optional else wanted, f"{place} {key}".lstrip()):
            return fault
    return ""


def _wrong(value: object, wanted: str, place: str) -> str:
    text = repr(value)
    text = text if len(text) <= _LONGEST else f"{text[:_LONGEST]}…"
    return f"{place} is {text}; it must be {wanted}".lstrip()
