"""Values that several properties are tried on."""

from __future__ import annotations

import copy
from collections.abc import Callable
from typing import Any, TypeVar

import pytest
from hypothesis import strategies as st

from mien.errors import MienError

whole_numbers = st.integers(-(2**70), 2**70)
texts = st.text(max_size=30) | st.sampled_from(["", " ", "\0", "a\nb", "nan", "../x", "é", "0", "x" * 3000])
scalars = st.none() | st.booleans() | whole_numbers | st.floats() | texts
json_values = st.recursive(
    scalars, lambda inner: st.lists(inner, max_size=4) | st.dictionaries(texts, inner, max_size=4), max_leaves=8
)
"""Whatever Python's JSON reader can give, NaN and infinities as well."""


@st.composite
def damaged(draw: st.DrawFn, whole: Any) -> Any:
    """A JSON document in which one to three values are replaced, removed or moved to another key."""
    changed = copy.deepcopy(whole)
    for _ in range(draw(st.integers(1, 3))):
        parent = changed
        while True:
            keys = list(parent) if isinstance(parent, dict) else list(range(len(parent)))
            if not keys:
                break
            key = draw(st.sampled_from(keys))
            inner = parent[key]
            if isinstance(inner, dict | list) and inner and draw(st.booleans()):
                parent = inner
                continue
            what = draw(st.sampled_from(["replace", "near", "remove", "rename"]))
            if what == "remove":
                del parent[key]
            elif what == "near" and isinstance(inner, int | float) and not isinstance(inner, bool):
                parent[key] = draw(st.sampled_from([-inner, inner + 1, inner - 1, inner * 2, inner / 2, inner * 1e9]))
            elif what == "rename" and isinstance(parent, dict):
                parent[draw(texts)] = parent.pop(key)
            else:
                parent[key] = draw(json_values)
            break
    return changed


Given = TypeVar("Given")


def taken(call: Callable[[], Given]) -> Given | None:
    """What a call gives; None where it refuses, in one line that can be printed anywhere."""
    try:
        return call()
    except MienError as error:
        check_line(error)
        return None


def refused(call: Callable[[], object]) -> None:
    """A call refuses, likewise."""
    with pytest.raises(MienError) as raised:
        call()
    check_line(raised.value)


def check_line(error: MienError) -> None:
    said = str(error)
    if not (said and said.isprintable() and len(said) < 10_000):
        raise AssertionError(f"refused, but not in one line: {said!r}")
