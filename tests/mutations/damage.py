"""Ways of damaging bytes, texts and JSON documents. All take a generator, and give something new."""

from __future__ import annotations

import copy
import json
from collections.abc import Callable, Sequence
from random import Random
from typing import Any

ODD_VALUES: tuple[Any, ...] = (
    *(None, True, False, "", "x", " ", "\0", "a\nb", "é", "\ud800", "../x", "/", ".", "nan", "0", "x" * 5000),
    *(0, 1, -1, 2, 3, 127, 128, -128, -129, 255, 2**31, 2**63, -(2**63), 10**30, 10**400),
    *(0.0, -0.0, 0.5, -0.5, 1.0, 1.5, 1e-9, 1e-300, 5e-324, 1e9, 1e300, 1.8e308),
    *(float("nan"), float("inf"), float("-inf")),
    *([], {}, [[]], [{}], [None], {"": {}}, [0], ["x"], [1, 2], [0] * 1000),
)
"""What a field may hold instead."""


def bytes_of(generator: Random, raw: bytes, head: int = 64) -> bytes:
    """A file with one to three damages: bits flipped, cut short, a piece doubled, moved, zeroed or put in.

    Args:
        generator: decides.
        raw: the whole file.
        head: bytes at its beginning that are hit as often as all the rest.
    """
    for _ in range(generator.choice((1, 1, 2, 3))):
        raw = generator.choice(_BYTES)(generator, raw, head)
    return raw


def cut(generator: Random, raw: bytes, head: int = 0) -> bytes:
    """The file up to a random place."""
    return raw[: _place(generator, raw, head)]


def _flip(generator: Random, raw: bytes, head: int) -> bytes:
    changed = bytearray(raw)
    for _ in range(generator.choice((1, 1, 2, 8, 64)) if raw else 0):
        changed[_place(generator, raw, head)] ^= 1 << generator.randrange(8)
    return bytes(changed)


def _byte(generator: Random, raw: bytes, head: int) -> bytes:
    changed = bytearray(raw)
    for _ in range(generator.choice((1, 2, 4)) if raw else 0):
        changed[_place(generator, raw, head)] = generator.choice(
            (0, 1, 0x7F, 0x80, 0xFE, 0xFF, generator.randrange(256))
        )
    return bytes(changed)


def _number(generator: Random, raw: bytes, head: int) -> bytes:
    """A number of two or four bytes, either way round, put over what is there."""
    order, length = generator.choice(("big", "little")), generator.choice((2, 4))
    value = generator.choice((0, 1, 0x7FFF, 0xFFFF, 30_000, 0x7FFFFFFF, 0xFFFFFFFF, 100_000, 1 << 24)) % (
        1 << 8 * length
    )
    at = _place(generator, raw, head)
    return raw[:at] + value.to_bytes(length, order) + raw[at + length :]  # type: ignore[arg-type]


def _zero(generator: Random, raw: bytes, head: int) -> bytes:
    at, length = _place(generator, raw, head), generator.randrange(1, 400)
    return raw[:at] + bytes(min(length, len(raw) - at)) + raw[at + length :]


def _insert(generator: Random, raw: bytes, head: int) -> bytes:
    at = _place(generator, raw, head)
    return raw[:at] + generator.randbytes(generator.choice((1, 2, 7, 300))) + raw[at:]


def _drop(generator: Random, raw: bytes, head: int) -> bytes:
    at = _place(generator, raw, head)
    return raw[:at] + raw[at + generator.choice((1, 2, 7, 300)) :]


def _double(generator: Random, raw: bytes, head: int) -> bytes:
    at, other = _place(generator, raw, head), _place(generator, raw, head)
    return raw[:other] + raw[at : at + generator.randrange(1, 2000)] + raw[other:]


def _nothing(generator: Random, raw: bytes, head: int) -> bytes:
    return generator.choice((b"", b"\0", bytes(4096), raw + bytes(100), raw + raw, generator.randbytes(300)))


def _place(generator: Random, raw: bytes, head: int) -> int:
    if not raw:
        return 0
    return generator.randrange(min(head, len(raw)) if head and generator.random() < 0.5 else len(raw))


_BYTES: Sequence[Callable[[Random, bytes, int], bytes]] = (
    *(_flip, _flip, _byte, _number, _zero, _insert, _drop, _double, cut, cut, _nothing),
)


def document(generator: Random, whole: Any, rare: Sequence[str] = ()) -> Any:
    """A JSON document with one to three of its values missing, moved, multiplied or replaced by odd ones.

    Args:
        generator: decides.
        whole: the document; it is left as it is.
        rare: keys at the top that are hit a tenth as often as others.
    """
    changed = copy.deepcopy(whole)
    for _ in range(generator.choice((1, 1, 1, 2, 3))):
        _change(generator, changed, rare)
    return changed


def _change(generator: Random, whole: Any, rare: Sequence[str]) -> None:
    parent, key = whole, None
    while isinstance(parent, dict | list) and parent:
        keys = list(parent) if isinstance(parent, dict) else list(range(len(parent)))
        weights = [0.1 if parent is whole and k in rare else 1.0 for k in keys]
        key = generator.choices(keys, weights)[0]
        inner = parent[key]
        if not isinstance(inner, dict | list) or not inner or generator.random() < 0.2:
            break
        parent = inner
    if key is None:
        return
    value = parent[key]
    what = generator.randrange(8)
    if what == 0:
        del parent[key]
    elif what == 1 and isinstance(value, list) and value:
        value.append(copy.deepcopy(generator.choice(value)))
    elif what == 2 and isinstance(value, list) and len(value) > 1:
        one, other = generator.sample(range(len(value)), 2)
        value[one], value[other] = value[other], value[one]
    elif what == 3:
        parent[key] = [value]
    elif isinstance(value, int | float) and not isinstance(value, bool) and what < 7:
        parent[key] = generator.choice((-value, value * 2, value / 2, value + 1, value - 1, value * 1e6, value * 1e-6))
    elif isinstance(value, str) and value and what < 6:
        at = generator.randrange(len(value))
        parent[key] = value[:at] + generator.choice(("", "A", "/", "\0", "é", "\n")) + value[at + 1 :]
    elif what == 6 and isinstance(parent, dict):
        parent[str(key) + generator.choice(("_", "s", ""))] = parent.pop(key)
    else:
        parent[key] = copy.deepcopy(generator.choice(ODD_VALUES))


def json_of(value: Any) -> bytes:
    """JSON as Python writes it, NaN and lone surrogates and all."""
    return json.dumps(value).encode()
