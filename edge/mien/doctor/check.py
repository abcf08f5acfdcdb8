"""One finding of the doctor."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from mien.errors import MienError, one_line


@dataclass(frozen=True, slots=True)
class Check:
    """One thing that was looked at.

    Attributes:
        name: such as "engine litert".
        ok: whether it is there and works.
        required: whether mien cannot run, or not as it is meant to, without it.
        detail: what was found.
        remedy: the command that mends it, or what to do where no command does; empty if there is nothing to mend.
    """

    name: str
    ok: bool
    required: bool
    detail: str
    remedy: str = ""


def runnable(checks: tuple[Check, ...]) -> bool:
    """Whether everything required is there."""
    return all(check.ok for check in checks if check.required)


def looked(name: str, required: bool, look: Callable[[], str], remedy: str = "") -> Check:
    """A check by something that says what it found, and raises where it is not well.

    Args:
        name: of the check.
        required: see `Check`.
        look: what is done; whatever it raises becomes the detail.
        remedy: where it raises.
    """
    try:
        return Check(name, True, required, look())
    # A broken native package raises whatever it likes when it is imported.
    except Exception as error:
        text = (str(error).strip().splitlines() or [""])[0]
        told = text if isinstance(error, MienError) else f"{type(error).__name__}: {text}"
        return Check(name, False, required, one_line(told), remedy)
