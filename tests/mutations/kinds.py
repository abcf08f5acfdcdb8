"""What is damaged: each kind of case, how many there are of it, and how long one may take."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from random import Random

Trial = Callable[[Random], None]
"""Damages something, as its generator says, and uses it. It returns if all went well, and raises `MienError` where the
damage was refused, or `ImplausibleError`; anything else it raises is a fault."""


class ImplausibleError(Exception):
    """An answer came, and it cannot be right."""


@dataclass(frozen=True, slots=True)
class Kind:
    """One kind of case.

    Attributes:
        target: "module:function" of what makes its trial, given an empty folder of its own.
        cases: of a whole run.
        seconds: after which a case counts as hanging.
        native: whether a crash is the native library's own: listed, but no fault of mien's.
    """

    target: str
    cases: int
    seconds: float = 20.0
    native: bool = False


KINDS = {
    "sidecar": Kind("mutations.sidecars:prepare", 2400),
    "table": Kind("mutations.tables:prepare", 900),
    "settings": Kind("mutations.settings:prepare", 900),
    "command": Kind("mutations.arguments:prepare", 400),
    "picture": Kind("mutations.pictures:prepare", 1500),
    "video": Kind("mutations.videos:prepare", 600),
    "model": Kind("mutations.weights:prepare", 300),
    "forged": Kind("mutations.weights:prepare_forged", 400, native=True),
}
